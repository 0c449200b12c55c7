# SPDX-License-Identifier: GPL-2.0-or-later
"""Units as packages ship them for systemd, and which of them a node starts when it boots.

Read of a unit and its drop-ins is what says how its program is started, watched and stopped, see
systemd.service(5).  Left aside are its sandbox and its limits.
"""

import contextlib
import os
import pwd
import re
import shlex
from pathlib import Path

from .errors import LabError

FOLDERS = [Path(p) for p in ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                             "/usr/lib/systemd/system")]
ENABLED = "etc/systemd/system/multi-user.target.wants"
TIMES = ("RestartSec", "StartLimitIntervalSec", "TimeoutStartSec", "TimeoutStopSec")
SPAN = {"": 1, "s": 1, "sec": 1, "ms": 0.001, "min": 60, "h": 3600}


class Unit:
    """One .service file, and what its drop-ins say after it."""

    def __init__(self, path):
        self.path, self.name = path, path.stem
        self.values = {}
        for file in (path, *_drop_ins(path.name)):
            self._read(file)
        for key in TIMES:
            self.seconds(key, "0")

    def _read(self, file):
        for line in file.read_text().replace("\\\n", " ").splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.lstrip().startswith(("#", ";")):
                self.values.setdefault(key.strip(), []).append(value.strip())

    def last(self, key, default=""):
        return self.values.get(key, [default])[-1]

    def words(self, key):
        return [word for value in self.values.get(key, []) for word in value.split()]

    def services(self, key):
        """Names of services in a list such as Requires=."""
        return [word.removesuffix(".service") for word in self.words(key) if word.endswith(".service")]

    def seconds(self, key, default):
        """A time span; None for one without end."""
        text = self.last(key, default)
        if text == "infinity":
            return None
        parts = re.findall(r"([\d.]+) *([a-z]*)", text)
        if not parts or any(unit not in SPAN for _, unit in parts):
            raise LabError(f"{self.path}: {key}={text}: expected numbers with one of: {' '.join(SPAN)}")
        return sum(float(number) * SPAN[unit] for number, unit in parts)

    @property
    def notifies(self):
        return self.last("Type") == "notify"

    def is_clean(self, code):
        """Whether a program that ended with this code, or -SIGNAL, ended as it should."""
        return code in (0, -1, -2, -13, -15) or str(code) in self.words("SuccessExitStatus")

    def restarts_after(self, code):
        wish = self.last("Restart", "no")
        return wish == "always" or (wish == "on-failure" and not self.is_clean(code))

    def environment(self):
        found = {}
        for words in map(shlex.split, self.values.get("Environment", [])):
            found.update(word.split("=", 1) for word in words)
        for path in self.values.get("EnvironmentFile", []):
            with contextlib.suppress(FileNotFoundError):
                found.update(_assignments(Path(path.removeprefix("-")).read_text()))
        return found

    def command(self, environment):
        """ExecStart=, with a variable that stands alone replaced by its words."""
        argv = []
        for word in shlex.split(self.last("ExecStart")):
            argv += environment.get(word[1:], "").split() if word.startswith("$") else [word]
        return argv

    def identity(self):
        """How subprocess takes on the user of the unit."""
        user = self.last("User")
        if not user:
            return {}
        known = pwd.getpwnam(user)
        return {"user": known.pw_uid, "group": known.pw_gid,
                "extra_groups": os.getgrouplist(user, known.pw_gid)}


def _drop_ins(name):
    return sorted((path for folder in FOLDERS for path in Path(folder, f"{name}.d").glob("*.conf")),
                  key=lambda path: path.name)


def _assignments(text):
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key.replace("_", "a").isalnum():
            yield key, value.strip("\"'")


def load(name):
    """The unit of that name, as the first folder with one has it."""
    for folder in FOLDERS:
        path = folder / f"{name}.service"
        if path.is_file():
            return Unit(path)
    raise LabError(f"unit {name}.service: not found in {', '.join(map(str, FOLDERS))}")


def names():
    return sorted({path.stem for folder in FOLDERS for path in folder.glob("*.service")
                   if path.is_file()})


def enabled(root="/"):
    return sorted(path.stem for path in Path(root, ENABLED).glob("*.service"))


def enable(name, root="/"):
    """From the next boot on it is started."""
    unit = load(name)
    if "multi-user.target" not in unit.words("WantedBy"):
        raise LabError(f"unit {name}.service: nothing in a lab's node wants it")
    link = Path(root, ENABLED, f"{name}.service")
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(unit.path)


def disable(name, root="/"):
    load(name)
    Path(root, ENABLED, f"{name}.service").unlink(missing_ok=True)
