# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts a tier's tests: prints "PASSED FAILED SKIPPED".

    count.py FILE CODE

FILE holds the results: JUnit's XML of pytest (.xml), test-suite.log of automake,
or the log of tests/check/run.  CODE is the exit code of what wrote it.  A run
that failed and has no failed test to show for it, or no test at all, counts as
one that failed: it ended before it could say so.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree


def of_junit(path):
    words = []
    for case in ElementTree.parse(path).iter("testcase"):
        tags = {child.tag for child in case}
        words.append("failed" if tags & {"failure", "error"} else
                     "skipped" if "skipped" in tags else "passed")
    return [words.count(word) for word in ("passed", "failed", "skipped")]


def of_automake(text):
    number = {word: int(count) for word, count in re.findall(r"^# ([A-Z]+): +(\d+)$", text, re.M)}
    return [number["PASS"], number["FAIL"] + number["XPASS"] + number["ERROR"],
            number["SKIP"] + number["XFAIL"]]


def of_check(text):
    return [int(number) for number in
            re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", text, re.M)[-1]]


def count(path, code):
    try:
        if path.endswith(".xml"):
            numbers = of_junit(path)
        else:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            numbers = of_automake(text) if path.endswith("test-suite.log") else of_check(text)
    except (OSError, ElementTree.ParseError, KeyError, IndexError):
        return [0, 1, 0]
    passed, failed, skipped = numbers
    if sum(numbers) == 0 or (code != 0 and failed == 0 and skipped == 0):
        failed += 1
    return [passed, failed, skipped]


if __name__ == "__main__":
    print(*count(sys.argv[1], int(sys.argv[2])))
