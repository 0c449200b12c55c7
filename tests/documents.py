# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that the documents tell a user to type.

Tests take them from here by document and heading, so that what is tested is what is written.  A command
is a line of a fenced `sh` block, or a word in backticks that begins with a program and has arguments.
"""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
HEADING = re.compile(r"#+ +(.*)|\*\*(\d+\. [^*]*)\*\*")
PROGRAMS = ("apt-get", "crm", "crm_mon", "crm_resource", "make", "man", "mkdir", "openssl", "passwd", "pcs",
            "redis-cli", "redis-ha", "sed", "sh", "systemctl")
PATHS = ("./", "../", "tests/")


def paths():
    """The documents, below the top."""
    patterns = ("README.md", "docs/*.md", "crm-examples/**/*.md", "tests/lab/*.md")
    return sorted(path.relative_to(TOP) for pattern in patterns for path in TOP.glob(pattern))


def blocks(document):
    """(heading, commands) of each fenced `sh` block. A bold beginning with a number is a heading too."""
    heading, commands = "", None
    for line in (TOP / document).read_text().splitlines():
        if commands is not None and line == "```":
            yield heading, commands
            commands = None
        elif commands is not None:
            commands += [command] if (command := re.sub(r"(^|\s+)#.*", "", line)) else []
        elif line == "```sh":
            commands = []
        elif match := HEADING.match(line):
            heading = match[1] or match[2]


def commands(document, heading):
    """The commands below that heading, in order."""
    found = [command for name, block in blocks(document) if name == heading for command in block]
    if not found:
        raise ValueError(f"{document}: no `sh` block below the heading '{heading}'")
    return found


def inline(document):
    """The commands between backticks, in order."""
    prose = re.sub(r"^```.*?^```$", "", (TOP / document).read_text(), flags=re.M | re.S)
    spans = (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))
    return [span for span in spans if _is_command(span)]


def _is_command(span):
    words = without_sudo(span).split()
    return len(words) > 1 and (words[0] in PROGRAMS or words[0].startswith(PATHS))


def written(document, command):
    """The command, if the document has it between backticks."""
    if command not in inline(document):
        raise ValueError(f"{document}: does not tell of `{command}`")
    return command


def without_sudo(command):
    """For those who are root, or need not be."""
    return re.sub(r"\bsudo +", "", command)
