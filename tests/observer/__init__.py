# SPDX-License-Identifier: GPL-2.0-or-later
"""An observer of a cluster, as a process of the lab's client.

    with Observer(lab.client, ("10.0.0.10", 6380), {"n1": ("10.0.0.1", 6379), ...}, password_file) as o:
        ... break something ...
        o.wait_writes_after(time.monotonic(), 30)
        verdict = o.finish()
        assert verdict.lost_confirmed == [] and verdict.two_at_once == []
"""

from .handle import Observer, ObserverError, Verdict

__all__ = ["Observer", "ObserverError", "Verdict"]
