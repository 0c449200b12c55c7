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

import documents
import source
import tools

GUIDE = "docs/building.md"


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


def shell(folder, compiler, *commands, **environment):
    """Commands as a user types them. What we add is in the environment: configure takes the defaults of a
    site from CONFIG_SITE, and make goes to all processors."""
    tools.need(compiler, compiler)
    site = folder / "config.site"
    site.write_text("enable_werror=yes\n")
    return steps(folder, *[["sh", "-c", documents.without_sudo(command)] for command in commands],
                 CONFIG_SITE=str(site), CC=compiler, MAKEFLAGS=f"-j{os.cpu_count()}", **environment)


def files_below(folder):
    return [path for path in folder.rglob("*") if not path.is_dir()]


def as_documented():
    """README's own commands, with gcc, and those that docs/building.md adds."""
    commands = [command for command in documents.commands("README.md", "2. On each node, these agents")
                if not command.startswith("apt-get ")]
    (chain,) = documents.commands(GUIDE, "Building and testing")
    if documents.without_sudo(chain).split(" && ") != commands:
        return [f"{GUIDE}: '{chain}' is not what README.md says: {'; '.join(commands)}"]
    with copy() as top:
        root = top / "installed"
        added = [documents.written(GUIDE, command) for command in (
            "make check TESTS=tests/unit/test_param", "make install DESTDIR=DIR", "tests/check/run --list")]
        found = shell(top, "gcc", *commands, *added, DESTDIR=str(root))
        if not found and not files_below(root):
            return ["make install: nothing is installed"]
        found = found or shell(top, "gcc", documents.written(GUIDE, "make uninstall"), DESTDIR=str(root))
        return found or [f"make uninstall: {path.relative_to(root)} is left" for path in files_below(root)]


def in_a_folder_of_its_own():
    """With clang, and the tests too."""
    with copy() as top:
        return shell(top, "clang", "./autogen.sh",
                     documents.written(GUIDE, "mkdir out && cd out && ../configure && make"),
                     "make -C out check TESTS=")


def distcheck():
    with copy() as top:
        return shell(top, "gcc", "./autogen.sh", "./configure", documents.written(GUIDE, "make distcheck"))


CHECKS = {
    "build-gcc": as_documented,
    "build-clang": in_a_folder_of_its_own,
    "distcheck": distcheck,
}
