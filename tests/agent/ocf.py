# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs an agent's actions as Pacemaker's executor does, but without a cluster: an environment in,
an exit code, an exit reason and a log out."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
RUN_DIR = Path("/run/redis-ha")
STATE_DIR = Path("/var/lib/redis-ha")

SUCCESS, ERR_GENERIC, ERR_ARGS, ERR_UNIMPLEMENTED, ERR_PERM, ERR_INSTALLED, ERR_CONFIGURED, NOT_RUNNING = range(8)
RUNNING_PROMOTED, FAILED_PROMOTED, DEGRADED, DEGRADED_PROMOTED = 8, 9, 190, 191


def install_dir():
    """What `make install DESTDIR=` wrote; None: there is no such tree."""
    folder = Path(os.environ.get("RHA_INSTALL_DIR", TOP / "build/root"))
    return folder if (folder / "usr/lib/ocf/resource.d/redis-ha").is_dir() else None


def agent_path(name):
    """The installed agent, else one that `make` left in build/ or in the source folder."""
    tree = install_dir()
    if tree:
        return tree / "usr/lib/ocf/resource.d/redis-ha" / name
    if "RHA_INSTALL_DIR" in os.environ:
        raise FileNotFoundError(f"RHA_INSTALL_DIR={os.environ['RHA_INSTALL_DIR']} holds no agents")
    for folder in (TOP / "build", TOP):
        if (folder / "agents" / name).is_file():
            return folder / "agents" / name
    raise FileNotFoundError(f"agent {name} is not built: set RHA_INSTALL_DIR, or run make")


def open_copy(name, folder):
    """The agent where any user gets at it: a clone may lie in a home that is closed to others."""
    return shutil.copy2(agent_path(name), folder)


@dataclass
class Result:
    action: str
    code: int
    output: str  # standard output
    log: str     # standard error

    @property
    def reason(self):
        """The exit reason as Pacemaker reads it: the last one given; None: none was."""
        reasons = [line for line in self.log.splitlines() if line.startswith("ocf-exit-reason:")]
        return reasons[-1].removeprefix("ocf-exit-reason:") if reasons else None


class Agent:
    """One resource: call it with an action's name."""

    def __init__(self, name, instance, params):
        self.name, self.instance, self.params = name, instance, params
        self.extra = {}  # variables of the environment in each run
        self.run_dir = RUN_DIR / name / instance
        self.state_dir = STATE_DIR / name / instance

    def environment(self, params, level, interval, timeout_ms, extra):
        values = {key: value for key, value in {**self.params, **params}.items() if value is not None}
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "OCF_ROOT": "/usr/lib/ocf",
            "OCF_RESOURCE_PROVIDER": "redis-ha", "OCF_RESOURCE_TYPE": self.name,
            "OCF_RESOURCE_INSTANCE": self.instance, "OCF_RA_VERSION_MAJOR": "1", "OCF_RA_VERSION_MINOR": "1",
            "OCF_CHECK_LEVEL": str(level), "OCF_RESKEY_CRM_meta_timeout": str(timeout_ms),
            **({} if interval is None else {"OCF_RESKEY_CRM_meta_interval": str(interval)}),
            **{f"OCF_RESKEY_{key}": str(value) for key, value in values.items()}, **self.extra, **extra}

    def begin(self, action, *, level=0, interval=None, timeout_ms=20000, extra=(), **params):
        """The action as a process that runs while the test goes on; for finish()."""
        return subprocess.Popen([agent_path(self.name), action], text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=self.environment(params, level, interval, timeout_ms, dict(extra)))

    def finish(self, process, action="", timeout_s=30):
        try:
            output, log = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            output, log = process.communicate()
            raise AssertionError(f"{self.name} {action} did not end within {timeout_s} s: {log}") from None
        return Result(action, process.returncode, output, log)

    def __call__(self, action, *, timeout_ms=20000, **options):
        """Runs it. Keywords that are not options of begin() are parameters for this one run; None
        takes one away. It must end within the time that it was given."""
        return self.finish(self.begin(action, timeout_ms=timeout_ms, **options), action, timeout_ms / 1000)

    def must(self, action, code=SUCCESS, **options):
        """Runs it and wants that exit code; shows what it said otherwise."""
        result = self(action, **options)
        assert result.code == code, f"{self.name} {action}: {result.code}, expected {code}\n{result.log}"
        return result

    def recorded_pid(self):
        """The server's process that the agent knows; None: none."""
        try:
            return int((self.run_dir / "process").read_text().split()[0])
        except FileNotFoundError:
            return None

    def clean_up(self):
        """Ends its server, by the agent and, should that fail, by process, and forgets it."""
        pid = self.recorded_pid()
        try:
            self("stop")
        finally:
            if pid and is_alive(pid):
                for child in children(pid):
                    end(child)
                end(pid)
            shutil.rmtree(self.run_dir, ignore_errors=True)
            shutil.rmtree(self.state_dir, ignore_errors=True)


def status(pid):
    """/proc/PID/status as a dict; {} where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def is_alive(pid):
    return status(pid).get("State", "Z")[0] not in "ZX"


def children(pid):
    found = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [child for child in found if status(child).get("PPid") == str(pid) and is_alive(child)]


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
