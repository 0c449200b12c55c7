# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command that the documents give is run by a test, and asks for the packages that tests install."""

import re

import documents
import source

HERE = "tests/check/commands.py"
README_TEST = "tests/cluster/test_readme.py"
BUILDS = "tests/check/builds.py"
EXAMPLE = "tests/cluster/example.py"
TAKEOVER, TAKEOVER_TEST = "docs/takeover.md", "tests/cluster/test_takeover.py"
RULES_TEST = "tests/cluster/test_rules.py"
AUTHORITY_TEST = "tests/cluster/test_authority.py"

# What runs the commands below a heading, and names that heading to take them from the document.
BLOCKS = {
    ("README.md", "1. On each node, the cluster and the servers."): [README_TEST],
    ("README.md", "2. On each node, these agents"): [README_TEST, BUILDS],
    ("README.md", "3. On one node, the cluster."): [README_TEST],
    ("README.md", "4. The example"): [EXAMPLE],
    ("README.md", "5. Look."): [README_TEST],
    ("README.md", "6. Try it"): [README_TEST],
    ("crm-examples/README.md", "What to change"): [EXAMPLE],
    ("crm-examples/rules/README.md", "Deploying"): [RULES_TEST],
    ("docs/building.md", "Building and testing"): [BUILDS],
    (TAKEOVER, "What the commands need"): [TAKEOVER_TEST],
    (TAKEOVER, "1. See that all is well"): [TAKEOVER_TEST],
    (TAKEOVER, "3. systemd starts nothing again"): [TAKEOVER_TEST],
    (TAKEOVER, "4. Hold Pacemaker"): [TAKEOVER_TEST],
    (TAKEOVER, "5. Hold Sentinel"): [TAKEOVER_TEST],
    (TAKEOVER, "6. The resources"): [TAKEOVER_TEST],
    (TAKEOVER, "7. Let Pacemaker go"): [TAKEOVER_TEST],
    (TAKEOVER, "8. Look"): [TAKEOVER_TEST],
    (TAKEOVER, "9. Hold Pacemaker"): [TAKEOVER_TEST],
    (TAKEOVER, "10. End the companions"): [TAKEOVER_TEST],
    (TAKEOVER, "11. The servers get their values back"): [TAKEOVER_TEST],
    (TAKEOVER, "12. Sentinel knows it"): [TAKEOVER_TEST],
    (TAKEOVER, "13. Stop the cluster"): [TAKEOVER_TEST],
    (TAKEOVER, "14. systemd has them again"): [TAKEOVER_TEST],
    (TAKEOVER, "15. Look"): [TAKEOVER_TEST],
    (TAKEOVER, "16. Start the cluster"): [TAKEOVER_TEST],
    ("tests/lab/README.md", "By hand (as root)"): ["tests/lab/test_lab.py"],
}

# What runs a command between backticks, and the words there that do so.
INLINE = {
    "crm configure load update cluster.crm": (EXAMPLE, "crm configure load update cluster.crm"),
    "crm configure load update rules.crm": (RULES_TEST, "crm configure load update rules.crm"),
    "crm_resource --cleanup": ("tests/cluster/seed.py", '"crm_resource", "--cleanup"'),
    "make check TESTS=tests/unit/test_param": (BUILDS, "make check TESTS=tests/unit/test_param"),
    "make check-valgrind": ("quickstart", "check-valgrind"),
    "make distcheck": (BUILDS, "make distcheck"),
    "make install DESTDIR=DIR": (BUILDS, "make install DESTDIR=DIR"),
    "make uninstall": (BUILDS, "make uninstall"),
    "man ocf_redis-ha_redis": (README_TEST, "man ocf_redis-ha_redis"),
    "mkdir out && cd out && ../configure && make": (BUILDS, "mkdir out && cd out && ../configure && make"),
    "openssl rand -hex 24": (EXAMPLE, "openssl rand -hex 24"),
    "pcs resource update redis authority=pacemaker":
        (AUTHORITY_TEST, "pcs resource update redis authority=pacemaker"),
    "pcs resource update redis authority=sentinel":
        (AUTHORITY_TEST, "pcs resource update redis authority=sentinel"),
    "pcs resource update sentinel down_after=1000":
        (TAKEOVER_TEST, "pcs resource update sentinel down_after=1000"),
    "sudo ./quickstart test agent": ("quickstart", "    agent)"),
    "sudo ./quickstart test cluster": ("quickstart", "    cluster)"),
    "tests/check/run --list": (BUILDS, "tests/check/run --list"),
}

# What no tier runs, and why.
BY_HAND = {
    "tests/sim/sim --seeds FROM-TO --nodes 3|5 --jobs N": "takes as long as one wants; make check has a sample",
    "tests/sim/sim --schedule SEED --nodes 3": "as above",
    "tests/sim/rules [BUDGET]": "as above",
    "sudo ./quickstart campaign 50": "takes hours; `quickstart test` plays each of its scenarios once",
    "sudo ./quickstart soak 140": "takes half an hour; `quickstart test` plays three of its rounds",
    "make check TESTS=tests/fuzz/sample": "a part of make check, which every tier of units runs",
    "make check TESTS=tests/sim/sample": "a part of make check, which every tier of units runs",
    "tests/bench/bench --systems suite standalone --scenarios crash hang power-off switchover --runs 10":
        "the bench that the results are of",
    "tests/bench/bench --render results.json": "a part of the bench, which takes an hour",
    "pcs resource update haproxy reload_token=2":
        "a cluster; the reload-agent that Pacemaker then runs is in tests/agent/test_haproxy_reload.py",
    "pcs resource move redis-clone NODE --promoted": "as above; the cluster tests move the role in the same way",
}
BLOCKS_BY_HAND = {
    ("docs/building.md", "A million hostile answers"): "make check has a sample",
    ("docs/bench.md", "The bench: what a failure costs, side by side"): "takes an hour",
    ("docs/building.md", "A campaign of the simulation"): "takes as long as one wants; make check has a sample",
}


def unknown_commands():
    """A block or command of a document that no test is known to run."""
    known = {*INLINE, *BY_HAND}
    for document in documents.paths():
        for heading, commands in documents.blocks(document):
            known.update(part for command in commands for part in (command, *command.split(" && ")))
            if (str(document), heading) not in {**BLOCKS, **BLOCKS_BY_HAND} and not _all_in_ci(commands):
                yield f"{document}: no test is known to run what is below '{heading}': {'; '.join(commands)}"
    for document in documents.paths():
        for command in documents.inline(document):
            if not any(each == command or each.startswith(command + " ") for each in known):
                yield f"{document}: no test is known to run `{command}`"


def _all_in_ci(commands):
    script = source.text(source.TOP / ".ci/run")
    return all(documents.without_sudo(command) in script for command in commands)


def stale_entries():
    """An entry above without its command, or without its test."""
    for (document, heading), tests in BLOCKS.items():
        if heading not in [name for name, _ in documents.blocks(document)]:
            yield f"{HERE}: {document} has no commands below '{heading}'"
        for test in tests:
            if f'"{heading}"' not in source.text(source.TOP / test):
                yield f"{test}: does not take the commands below '{heading}' from {document}"
    told = [command for document in documents.paths() for command in documents.inline(document)]
    for command in [*INLINE, *BY_HAND]:
        if command not in told:
            yield f"{HERE}: no document tells of `{command}`"
    for command, (test, words) in INLINE.items():
        if words not in source.text(source.TOP / test):
            yield f"{test}: does not run `{command}`: no '{words}' there"


def packages():
    """README's two lists are quickstart's; what it installs for tests alone may be named as well."""
    script = source.text(source.TOP / "quickstart")
    lists = {name: set(words.split())
             for name, words in re.findall(r"^(\w+_packages)=\(([^)]*)\)", script, re.M)}
    for heading, name in (("1. On each node, the cluster and the servers.", "cluster_packages"),
                          ("2. On each node, these agents", "build_packages")):
        wanted = {word for command in documents.commands("README.md", heading)
                  if command.startswith("apt-get install ") for word in command.split()[2:] if word[0] != "-"}
        for package in sorted((wanted - lists["test_packages"]) ^ lists[name]):
            where = "README.md" if package in wanted else "quickstart"
            yield f"{where}: {package} is installed here alone, step '{heading}' and {name} differ"


CHECKS = {"commands": lambda: [*unknown_commands(), *stale_entries(), *packages()]}
