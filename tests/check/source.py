# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of the source tree, and C without what is no code.

Works in a release too, where there is no git to ask: what autogen.sh, make and
Python leave behind is known by name, a build folder by its config.status.
"""

import os
import re
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]

GENERATED = {".git", "autom4te.cache", "bench-results", "bench-root", "build", "build-aux", "man",
             "__pycache__", ".pytest_cache", ".deps", "aclocal.m4", "config.h", "config.h.in", "config.status", "config.log", "configure",
             "Makefile", "Makefile.in", "stamp-h1", "libtool"}


@cache
def files():
    """Every file of the source, as paths below the top."""
    found = []
    for folder, folders, names in os.walk(TOP):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if name not in GENERATED
                            and not (here / name / "config.status").exists())
        found += [(here / name).relative_to(TOP) for name in sorted(names)
                  if here != TOP or name not in GENERATED]
    return [path for path in found if path.suffix not in (".o", ".a", ".log", ".trs", ".dirstamp")
            and not path.name.endswith("~")]  # autoconf's and editors' copies


@cache
def text(path):
    try:
        return (TOP / path).read_text()
    except UnicodeDecodeError:
        return ""


def c_files(*folders):
    return [path for path in files() if path.suffix in (".c", ".h")
            and (not folders or path.parts[0] in folders)]


def scripts(*interpreters):
    """Files that name one of these interpreters in their first line."""
    first_line = re.compile(r"#!.*\b(" + "|".join(interpreters) + r")\b")
    return [path for path in files() if first_line.match(text(path)[:80])]


TOKEN = re.compile(r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
                   re.DOTALL | re.VERBOSE)


@cache
def code(path):
    """C without comments and the insides of strings; lines keep their numbers."""
    def blank(match):
        token = match.group()
        return token[0] * 2 if token[0] in "\"'" else re.sub(r"[^\n]", "", token)
    return TOKEN.sub(blank, text(path))


def lines(path, pattern):
    """(number, match) of each line of code in which the pattern is found."""
    for number, line in enumerate(code(path).splitlines(), 1):
        match = re.search(pattern, line)
        if match:
            yield number, match


def includes(path):
    """(number, name, True for <name>, False for "name") of each #include."""
    for number, line in enumerate(text(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(2), match.group(1) == "<"
