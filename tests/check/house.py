# SPDX-License-Identifier: GPL-2.0-or-later
"""House rules that no tool knows: sizes, heads, lists that must be complete, links."""

import re

import source

FILE_LINES = 400
FUNCTION_LINES = 60


def sizes():
    """All C and Python, tests as well, is in files that one can read through; the product's functions
    are short. By the house's format a function's braces, and only they, stand alone at a line's start."""
    scripts = source.scripts("python3")
    for path in source.files():
        if path.suffix in (".c", ".h", ".py") or path in scripts:
            lines = len(source.text(path).splitlines())
            if lines > FILE_LINES:
                yield f"{path}: {lines} lines, at most {FILE_LINES}"
    for path in source.c_files("agents", "lib"):
        lines = source.text(path).splitlines()
        start = 0
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > FUNCTION_LINES:
                    yield (f"{path}:{start - 1}: function of {number - start - 1} lines, "
                           f"at most {FUNCTION_LINES}: {lines[start - 2].strip()}")
                start = 0


def heads():
    """Every source file and script says its licence in its first lines."""
    scripts = source.scripts("sh", "bash", "python3")
    for path in source.files():
        if path.suffix in (".c", ".h", ".py", ".m4", ".am", ".ac") or path in scripts:
            if "SPDX-License-Identifier: GPL-2.0-or-later" not in source.text(path)[:200]:
                yield f"{path}:1: no line 'SPDX-License-Identifier: GPL-2.0-or-later'"


def words():
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    for path in source.files():
        for number, line in enumerate(source.text(path).splitlines(), 1):
            if marks.search(line):
                yield f"{path}:{number}: unfinished: {line.strip()[:80]}"


def lists():
    """Makefile.am names its sources, a program of one file by the program; what it forgot is neither
    built nor released."""
    makefile = source.text(source.TOP / "Makefile.am").split()
    for path in source.c_files("agents", "lib"):
        if str(path) not in makefile and not (path.suffix == ".c" and str(path.with_suffix("")) in makefile):
            yield f"Makefile.am: {path} is missing"
    for path in source.c_files("tests"):
        if path.parent.name == "unit":
            name = path.with_suffix("") if path.match("test_*.c") else path
            if str(name) not in makefile:
                yield f"Makefile.am: {name} is missing"
    for folder in sorted({path.parts[1] for path in source.files()
                          if path.parts[0] == "tests" and path.parts[1] != "unit"}):
        if f"tests/{folder}" not in makefile:
            yield f"Makefile.am: tests/{folder} is missing in EXTRA_DIST"


def links():
    """Relative links in documents lead somewhere."""
    for path in source.files():
        if path.suffix != ".md":
            continue
        for number, line in enumerate(source.text(path).splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", line):
                target = target[0] or target[1]
                if not re.match(r"\w+:", target) and not (source.TOP / path.parent / target).exists():
                    yield f"{path}:{number}: no such file: {target}"


CHECKS = {check.__name__: (lambda check=check: list(check()))
          for check in (sizes, heads, words, lists, links)}
