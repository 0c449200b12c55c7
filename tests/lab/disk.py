# SPDX-License-Identifier: GPL-2.0-or-later
"""The disk of a node: /usr, /etc and /var as overlays of the machine's own.

They are mounted once, in the mount namespace of the lab's daemon, and last as
long as the lab: a node that is switched off and on finds its data again.  What
the machine itself keeps of clusters and databases is not inherited.  Where the
state folder's file system cannot carry an overlay, the disks are in memory.
"""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from . import corosync, kernel, units

PARTS = ("usr", "etc", "var")
NOT_INHERITED = ("var/lib/corosync", "var/lib/pacemaker", "var/lib/pcsd", "var/lib/redis",
                 "var/lib/valkey", "var/lib/redis-ha", "etc/corosync", "etc/pacemaker", "etc/systemd/system")
PROGRAMS = {"fence_lab": "usr/sbin", "systemctl": "usr/bin"}


def choose_place(folder):
    """Makes a folder for the disks that can be the upper side of an overlay."""
    place = folder.path / "disks"
    place.mkdir()
    if not _can_be_upper(place):
        kernel.mount("tmpfs", place, "tmpfs", 0, "mode=755")
    return place


def _can_be_upper(place):
    trial = Path(tempfile.mkdtemp(dir=place))
    try:
        _overlay(trial, "/etc", trial / "merged")
        (trial / "merged" / "written").touch()
        kernel.unmount(trial / "merged")
        return True
    except OSError:
        return False
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def _overlay(place, lower, merged):
    for path in (place / "upper", place / "work", merged):
        path.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={lower},upperdir={place / 'upper'},workdir={place / 'work'}"
    kernel.mount("overlay", merged, "overlay", 0, options)


def create(place, config, name):
    """A node's disk as it is before its first boot; returns the folder that holds its parts."""
    root = place / name / "root"
    for part in PARTS:
        lower = [Path("/", part)]
        if config["install_dir"] and Path(config["install_dir"], part).is_dir():
            lower.insert(0, Path(config["install_dir"], part))
        _overlay(place / name / part, ":".join(_escaped(p) for p in lower), root / part)
    for path in NOT_INHERITED:
        _empty(root / path)
    _personalise(root, config, name)
    return root


def _escaped(path):
    return str(path).replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _empty(path):
    """Removes the files below a folder and keeps its folders, with owner and mode."""
    for where, _, files in os.walk(path):
        for file in files:
            with contextlib.suppress(FileNotFoundError):  # the host may be removing it as well
                os.unlink(os.path.join(where, file))


def _personalise(root, config, name):
    (root / "etc/hosts").write_text(corosync.hosts(config))
    (root / "etc/hostname").write_text(name + "\n")
    conf = root / "etc/corosync/corosync.conf"
    conf.parent.mkdir(exist_ok=True)
    conf.write_text(corosync.conf(config))
    if not config["bare"]:
        cib = root / "var/lib/pacemaker/cib/cib.xml"
        cib.write_text(corosync.first_cib(config))
        cib.chmod(0o600)
        shutil.chown(cib, "hacluster", "haclient")
        for name in ("corosync", "pacemaker"):
            units.enable(name, root)
    for name, folder in PROGRAMS.items():
        program = root / folder / name
        program.unlink(missing_ok=True)
        shutil.copyfile(Path(__file__).with_name(name), program)
        program.chmod(0o755)


def create_logs(logs):
    """/var/log of a node: the machine's folders, with owner and mode, and none of its files."""
    logs.mkdir(parents=True)
    _same_owner("/var/log", logs)
    for where, folders, _ in os.walk("/var/log"):
        for folder in folders:
            source = os.path.join(where, folder)
            target = logs / os.path.relpath(source, "/var/log")
            target.mkdir()
            _same_owner(source, target)


def _same_owner(source, target):
    seen = os.stat(source)
    os.chown(target, seen.st_uid, seen.st_gid)
    os.chmod(target, seen.st_mode & 0o7777)
