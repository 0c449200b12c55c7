# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts a tier's tests: a line "PASSED FAILED SKIPPED", then one for each that did not pass.

    count.py FILE CODE

FILE holds the results: JUnit's XML of pytest (.xml), test-suite.log of automake,
or the log of tests/check/run.  CODE is the exit code of what wrote it.  A run
that failed and has no failed test to show for it, or no test at all, counts as
one that failed: it ended before it could say so.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

WORDS = ("passed", "failed", "skipped")


def of_junit(path):
    """Pytest's cases. One that fails and then fails to clean up is written twice, and is one."""
    cases = {}
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        for tag, word in (("skipped", "skipped"), ("failure", "failed"), ("error", "failed")):
            child = case.find(tag)
            if child is not None:
                cases[name] = (word, (child.get("message") or "").splitlines()[:1])
        cases.setdefault(name, ("passed", []))
    words = [word for word, _ in cases.values()]
    return ([words.count(word) for word in WORDS],
            [f"{word} {name}: {' '.join(why)}" for name, (word, why) in cases.items() if word != "passed"])


def of_automake(text):
    """The sums at the head of test-suite.log, and its lines of TAP."""
    number = {word: int(count) for word, count in re.findall(r"^# ([A-Z]+): +(\d+)$", text, re.M)}
    return ([number["PASS"], number["FAIL"] + number["XPASS"] + number["ERROR"],
             number["SKIP"] + number["XFAIL"]],
            re.findall(r"^(?:FAIL|ERROR|SKIP|XFAIL|XPASS): .* (?:\d+|-) .*$", text, re.M))


def of_check(text):
    """The last line of tests/check/run, and what stands at and below each check that did not pass."""
    numbers = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", text, re.M)[-1]
    return ([int(number) for number in numbers],
            re.findall(r"^(?:failed|skipped) .*(?:\n {8}.*)*", text, re.M))


def count(path, code):
    try:
        if path.endswith(".xml"):
            numbers, told = of_junit(path)
        else:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            numbers, told = (of_automake if path.endswith("test-suite.log") else of_check)(text)
    except (OSError, ElementTree.ParseError, KeyError, IndexError):
        return [0, 1, 0], []
    passed, failed, skipped = numbers
    if passed + failed + skipped == 0 or (code != 0 and failed == 0 and skipped == 0):
        failed += 1
    return [passed, failed, skipped], told


if __name__ == "__main__":
    found, lines = count(sys.argv[1], int(sys.argv[2]))
    print(*found)
    print("\n".join(lines))
