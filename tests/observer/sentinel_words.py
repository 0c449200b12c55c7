# SPDX-License-Identifier: GPL-2.0-or-later
"""What the three attributes of a node have to be, by its Sentinel's own answers."""

import re


def said(master, quorum, info):
    """From SENTINEL MASTER (a flat list), CKQUORUM and INFO sentinel; None where it knows no such master."""
    if not master or not info.startswith("# Sentinel"):
        return None
    fields = dict(zip(master[::2], master[1::2]))
    flags = fields["flags"].split(",")
    usable = re.search(r"(\d+) usable", quorum)
    status = next(status for status, holds in (
        ("tilt", "sentinel_tilt:1" in info), ("no-quorum", not quorum.startswith("OK")),
        ("odown", "o_down" in flags), ("sdown", "s_down" in flags), ("ok", True)) if holds)
    return {"status": status, "master": f"{fields['ip']}:{fields['port']}",
            "sentinels": usable[1] if usable else None}
