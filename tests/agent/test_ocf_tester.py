# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf-tester of resource-agents passes all three agents, with no -o but what a path or a port needs."""

import subprocess

import pytest

import ocf

HAPROXY_CFG = """
global
    stats socket {folder}/stats mode 600 level admin
listen main
    mode tcp
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    bind 127.0.0.1:{port}
    server one 127.0.0.1:1
"""
REDIS_CONF = "port {port}\nbind 127.0.0.1\ndir {folder}\nsave \"\"\n"


def config(folder, name, port):
    """What each agent must be told so that it does not meet a server of this machine."""
    if name == "sentinel":
        return [f"port={port()}"]
    path = folder / f"{name}.conf"
    path.write_text({"haproxy": HAPROXY_CFG, "redis": REDIS_CONF}[name].format(folder=folder, port=port()))
    if name == "redis":
        folder.chmod(0o777)
    return [f"config={path}"]


@pytest.fixture
def tester(folder, agent):
    """It asks for the meta-data as nobody too."""
    def run(name, *options):
        made = agent(name)
        words = [word for option in options for word in ("-o", option)]
        return subprocess.run(["ocf-tester", "-n", made.instance, *words, ocf.open_copy(name, folder)], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=120)
    return run


@pytest.mark.parametrize("name", ["redis", "sentinel", "haproxy"])
def test_passes(tester, folder, port, name):
    done = tester(name, *config(folder, name, port))
    assert done.returncode == 0 and "passed all tests" in done.stdout, done.stdout


@pytest.mark.parametrize("name, option", [
    ("redis", "port=no-port"), ("sentinel", "port=no-port"), ("sentinel", "quorum=two"), ("haproxy", "config=/usr"),
    ("haproxy", "binary=/nowhere/haproxy")])
def test_fails_a_bad_parameter(tester, folder, port, name, option):
    """The counter-proof: with a parameter that is wrong, the same tester is not content."""
    done = tester(name, *config(folder, name, port), option)
    assert done.returncode != 0 and "passed all tests" not in done.stdout
