# SPDX-License-Identifier: GPL-2.0-or-later
"""What other people's tools say of the source."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import source

# Whose headers are used; a tool of clang's does not read a Makefile.
MODULES = ("libqb", "libcmap", "hiredis", "pacemaker", "libxml-2.0")
DEADLINE_S = 600


class Missing(Exception):
    """A check that could not be made here."""


def need(program, package):
    if not shutil.which(program):
        raise Missing(f"{program} is not installed: apt-get install {package}")


def output(*argv, **keywords):
    """A tool's standard output and error as lines, and whether it was content."""
    done = subprocess.run([str(arg) for arg in argv], cwd=source.TOP, text=True, timeout=DEADLINE_S,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **keywords)
    return done.stdout.splitlines(), done.returncode == 0


def findings(lines, content, *marks):
    """The lines with a mark; all of them where a tool is not content and none has one."""
    found = [line for line in lines if any(mark in line for mark in marks)]
    if not found and not content:
        found = lines or ["failed without a word"]
    return list(dict.fromkeys(line.replace(f"{source.TOP}/", "") for line in found))


def c_sources():
    """Of the product: what tests do with cmocka's macros confuses analysers, and sanitizers see them."""
    return [path for path in source.c_files("agents", "lib") if path.suffix == ".c"]


def compile_flags():
    need("pkg-config", "pkgconf")
    lines, content = output("pkg-config", "--cflags", *MODULES)
    if not content:
        raise Missing(" ".join(lines))
    return ["-std=gnu11", "-D_GNU_SOURCE", "-DPACKAGE_VERSION=\"0\"", "-DRHA_RUN_DIR=\"/run/redis-ha\"",
            "-DRHA_STATE_DIR=\"/var/lib/redis-ha\"", "-DRHA_LIBEXEC_DIR=\"/usr/libexec/redis-ha\"",
            f"-I{source.TOP}/lib", f"-I{source.TOP}/agents", *" ".join(lines).split()]


def clang_format():
    """A line for each file that it would change, with the first place."""
    need("clang-format", "clang-format")
    lines, _ = output("clang-format", "--dry-run", "-Werror", *source.c_files())
    places = {}
    for line in lines:
        match = re.match(r"([^:]+):(\d+):\d+: error:", line)
        if match:
            places.setdefault(match.group(1), []).append(int(match.group(2)))
    return [f"{path}:{min(numbers)}: not as clang-format has it, {len(set(numbers))} lines in all: "
            f"clang-format -i {path}" for path, numbers in places.items()]


# Findings of cppcheck that are none here: a NULL that ends variable arguments is a pointer in every libc
# that we build for, and the attribute `sentinel` checks that it is there; the compilers know types
# better; what headers of the system say, configure has asked; that it stops at so many branches, as
# cppcheck 2.17 tells, is what it is for.
NO_FINDINGS = ("varFuncNullUB", "CastIntegerToAddressAtReturn", "missingIncludeSystem",
               "normalCheckLevelMaxBranches")


def cppcheck():
    """Style is clang-format's and the reader's; what could go wrong is asked here."""
    need("cppcheck", "cppcheck")
    return findings(*output("cppcheck", "--quiet", "--std=c11", "--language=c", "-D_GNU_SOURCE",
                            "--enable=warning,performance,portability", "--inline-suppr",
                            *[f"--suppress={name}" for name in NO_FINDINGS], "--error-exitcode=1",
                            "-j", os.cpu_count() or 1, "-I", "lib", "-I", "agents",
                            "--template={file}:{line}: {severity}: {message} [{id}]", *c_sources()),
                    "error:", "warning:", "performance:", "portability:")


def clang_tidy():
    """agents/ and lib/ by .clang-tidy, a file a thread. What config.h defines is in the flags."""
    need("clang-tidy", "clang-tidy")
    with tempfile.TemporaryDirectory(prefix="redis-ha-check-") as folder:
        Path(folder, "config.h").touch()
        flags = [*compile_flags(), f"-I{folder}"]

        def read(path):
            return findings(*output("clang-tidy", "--quiet", path, "--", *flags), "warning:", "error:")

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(dict.fromkeys(one for found in pool.map(read, c_sources()) for one in found))


def shellcheck():
    need("shellcheck", "shellcheck")
    shell = source.scripts("sh", "bash", "dash")
    return findings(*output("shellcheck", "--format=gcc", "--external-sources", *shell), ": ")


def python_files():
    scripts = source.scripts("python3")
    return [path for path in source.files() if path.suffix == ".py" or path in scripts]


def py_compile():
    """With this Python, and without leaving its byte code behind."""
    found = []
    for path in python_files():
        try:
            compile(source.text(path), str(path), "exec", dont_inherit=True)
        except SyntaxError as error:
            found.append(f"{path}:{error.lineno}: {error.msg}")
    return found


def pyflakes():
    lines, content = output(sys.executable, "-m", "pyflakes", "--version")
    if not content:
        raise Missing("pyflakes is not installed: apt-get install python3-pyflakes")
    return findings(*output(sys.executable, "-m", "pyflakes", *python_files()), ":")


def bench():
    """What needs no lab of it: the numbers, the table and the picture, made from a stored sample."""
    lines, content = output(sys.executable, "-m", "pytest", "--version")
    if not content:
        raise Missing("pytest is not installed: apt-get install python3-pytest")
    return findings(*output(sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/bench"),
                    "FAILED ", "ERROR ")


CHECKS = {check.__name__.replace("_", "-"): check
          for check in (clang_format, cppcheck, clang_tidy, shellcheck, py_compile, pyflakes, bench)}
