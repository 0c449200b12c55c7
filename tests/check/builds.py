# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds from nothing, in a temporary folder: both compilers without a warning, and a release.

distcheck packs the release, builds it elsewhere from a read-only source, runs
its unit tests, installs and uninstalls it, and looks at what was left.
"""

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import source
import tools


@contextmanager
def copy():
    """The source alone, configure made, as a fresh clone would have it."""
    with tempfile.TemporaryDirectory(prefix="redis-ha-check-") as folder:
        top = Path(folder)
        for path in source.files():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source.TOP / path, top / path, follow_symlinks=False)
        yield top


def steps(folder, *commands, **environment):
    """Runs the commands until one is not content; its complaints, or the last lines it said."""
    for command in commands:
        lines, content = tools.output("env", "-C", folder, *command,
                                      env={**os.environ, **environment})
        if not content:
            marked = [line for line in lines
                      if re.search(r"(error|warning): |^(FAIL|ERROR): ", line)]
            return [line.replace(f"{folder}/", "") for line in marked or lines[-15:]]
    return []


def build(compiler):
    tools.need(compiler, compiler)
    with copy() as top:
        (top / "out").mkdir()
        return steps(top, ["./autogen.sh"]) or steps(
            top / "out",
            ["../configure", "--enable-werror", f"CC={compiler}"],
            ["make", f"-j{os.cpu_count()}", "all"],
            ["make", f"-j{os.cpu_count()}", "check", "TESTS="])


def distcheck():
    with copy() as top:
        return steps(top, ["./autogen.sh"], ["./configure"], ["make", f"-j{os.cpu_count()}", "distcheck"])


CHECKS = {
    "build-gcc": lambda: build("gcc"),
    "build-clang": lambda: build("clang"),
    "distcheck": distcheck,
}
