# SPDX-License-Identifier: GPL-2.0-or-later
"""A healthy system for each run: the lab that is up, or a new one where that did not come back to health."""

from lab import LabError


class Stage:
    """Of one system; one lab at a time."""

    def __init__(self, kind, install_dir, evidence, tell):
        self.kind, self.install_dir, self.evidence, self.tell = kind, install_dir, evidence, tell
        self.lab = self.system = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ready(self):
        """The system, healthy, with the floating address off the primary's node."""
        if self.system:
            self._restore()
        if not self.system:
            self._open()
        self.system.prepare()
        return self.system

    def _restore(self):
        try:
            self.system.restore()
        except LabError as failure:
            self.tell(f"{self.kind.title} did not come back to health, so it gets a new lab: {failure}")
            self.close()

    def _open(self):
        self.lab = self.kind.new_lab(self.install_dir, self.evidence)
        self.lab.up()
        system = self.kind(self.lab, self.lab.folder.path / "bench")
        system.deploy()
        self.system = system

    def close(self):
        self.system = None
        if self.lab:
            self.lab.down()
