# SPDX-License-Identifier: GPL-2.0-or-later
"""This suite, as crm-examples/three-nodes deploys it; only down_after is the comparison's."""

import re

from .clustered import Clustered, replace
from .system import DOWN_AFTER


class Suite(Clustered):
    name, title = "suite", "this suite"
    agent = "redis-ha:redis"
    parameters = {**Clustered.parameters, "down_after": str(DOWN_AFTER)}

    def edit(self, script):
        created = "resource create redis ocf:redis-ha:redis \\\n"
        script = re.sub(r"\bdown_after=\d+ ?", "", script)
        return replace(script, created, f"{created}\tdown_after={DOWN_AFTER} \\\n")
