# SPDX-License-Identifier: GPL-2.0-or-later
"""Meta-data of every agent by those who read it: ocf-tester's DTD, pcs's RNG, pcs, Pacemaker, crmsh.

The latter three look for agents in the system's own place only, so the install tree is laid over
/usr in a mount namespace of the one command; the machine's own /usr is not touched.
"""

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import ocf

AGENTS = ["redis", "sentinel", "haproxy"]
DTD = Path("/usr/share/resource-agents/ra-api-1.dtd")
RNG = Path("/usr/share/pcs/data/ocf-1.1.rng")
CONTRACT = {
    "redis": {"binary", "config", "user", "port", "address", "auth_file", "authority", "down_after", "max_lag", "tls",
              "tls_ca_file", "tls_cert_file", "tls_key_file"},
    "sentinel": {"binary", "user", "redis", "port", "master_name", "quorum", "down_after", "failover_timeout",
                 "parallel_syncs", "config", "auth_file", "address"},
    "haproxy": {"binary", "user", "config", "stats_socket", "backend", "drain_timeout",
                "max_old_workers", "reload_token"},
}
DEFAULTS = {
    ("redis", "authority"): "pacemaker", ("redis", "down_after"): "2000", ("redis", "max_lag"): "0",
    ("sentinel", "redis"): "redis", ("sentinel", "port"): "26379", ("sentinel", "master_name"): "mymaster",
    ("sentinel", "quorum"): "2", ("sentinel", "down_after"): "1000", ("sentinel", "failover_timeout"): "60000",
    ("sentinel", "parallel_syncs"): "1", ("haproxy", "config"): "/etc/haproxy/haproxy.cfg",
    ("haproxy", "drain_timeout"): "10", ("haproxy", "max_old_workers"): "8",
}
RELOADABLE = {("sentinel", "down_after"), ("sentinel", "failover_timeout"), ("sentinel", "parallel_syncs"),
              ("haproxy", "drain_timeout"), ("haproxy", "max_old_workers"), ("haproxy", "reload_token")}
UNIQUE = {"redis": {"config", "port"}, "sentinel": {"port"}, "haproxy": {"config"}}
ACTIONS = {
    "redis": {"start", "stop", "monitor", "promote", "demote", "notify", "reload-agent", "validate-all", "meta-data"},
    "sentinel": {"start", "stop", "monitor", "reload-agent", "validate-all", "meta-data"},
    "haproxy": {"start", "stop", "monitor", "reload-agent", "validate-all", "meta-data"},
}


def run(*words, **options):
    return subprocess.run([str(word) for word in words], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **options)


@pytest.fixture(params=AGENTS)
def name(request):
    return request.param


@pytest.fixture
def text(name):
    done = run(ocf.agent_path(name), "meta-data", env={})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def document(text):
    return ElementTree.fromstring(text)


@pytest.fixture(scope="session")
def over_usr(tmp_path_factory):
    """over_usr(COMMAND...): runs it where our agents are installed."""
    tree = ocf.install_dir()
    if tree is None:
        tree = tmp_path_factory.mktemp("tree")
        place = tree / "usr/lib/ocf/resource.d/redis-ha"
        place.mkdir(parents=True)
        for one in AGENTS:
            shutil.copy2(ocf.agent_path(one), place / one)
    home = tmp_path_factory.mktemp("home")  # crmsh keeps its settings and a cache there
    script = 'mount -n -t overlay overlay -o "lowerdir=$0/usr:/usr" /usr && exec "$@"'

    def call(*command):
        return run("unshare", "--mount", "--propagation", "private", "sh", "-c", script, tree, *command,
                   env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": home})
    return call


def test_for_nobody_without_an_environment(name, text, folder):
    done = run(ocf.open_copy(name, folder), "meta-data", env={}, user="nobody", group="nogroup", extra_groups=[])
    assert (done.returncode, done.stdout) == (0, text)


def test_dtd(text, folder):
    (folder / "meta.xml").write_text(text)
    shutil.copy(DTD, folder)
    done = run("xmllint", "--noout", "--valid", "--path", folder, folder / "meta.xml")
    assert done.returncode == 0, done.stderr


def test_rng(text, folder):
    (folder / "meta.xml").write_text(text)
    done = run("xmllint", "--noout", "--relaxng", RNG, folder / "meta.xml")
    assert done.returncode == 0, done.stderr


def test_parameters_are_the_contracts(name, document):
    found = {parameter.get("name"): parameter for parameter in document.iter("parameter")}
    assert set(found) == CONTRACT[name]
    for key, parameter in found.items():
        default = parameter.find("content").get("default")
        if (name, key) in DEFAULTS:
            assert default == DEFAULTS[name, key], key
        assert parameter.findtext("shortdesc").strip() and parameter.findtext("longdesc").strip(), key


def test_what_can_be_reloaded_is_the_contracts(name, document):
    found = {(name, one.get("name")) for one in document.iter("parameter") if one.get("reloadable") == "1"}
    assert {pair for pair in found if name != "redis"} == {pair for pair in RELOADABLE if pair[0] == name}


def test_what_two_instances_cannot_share_is_the_contracts(name, document):
    groups = {one.get("name"): one.get("unique-group") for one in document.iter("parameter")
              if one.get("unique-group")}
    assert set(groups) == UNIQUE[name] and len(set(groups.values())) == 1


def test_actions(name, document):
    found = list(document.iter("action"))
    assert ACTIONS[name] <= {action.get("name") for action in found}
    assert all(action.get("timeout") for action in found)
    monitors = [action.get("interval") for action in found if action.get("name") == "monitor"]
    assert len(monitors) == len(set(monitors)) > 1, "two recurring monitors need different intervals"
    assert any(action.get("depth") == "10" for action in found)


def test_every_advertised_action_is_there(name, document, agent):
    one = agent(name, binary="/nowhere/server")  # so that no server of this machine is taken for it
    for action in {action.get("name") for action in document.iter("action")} - {"start", "promote", "stop"}:
        assert one(action).code != ocf.ERR_UNIMPLEMENTED, action
    assert one("no-such-action").code == ocf.ERR_UNIMPLEMENTED
    assert one("star").code == ocf.ERR_UNIMPLEMENTED
    assert one("usage").code == ocf.SUCCESS


def test_pcs_describes(name, over_usr):
    done = over_usr("pcs", "resource", "describe", f"ocf:redis-ha:{name}")
    assert done.returncode == 0, done.stderr
    assert all(parameter in done.stdout for parameter in CONTRACT[name]), done.stdout


def test_crm_resource_shows(name, over_usr, text):
    done = over_usr("crm_resource", "--show-metadata", f"ocf:redis-ha:{name}")
    assert done.returncode == 0, done.stderr
    assert ElementTree.canonicalize(done.stdout) == ElementTree.canonicalize(text)


def test_crm_shows(name, over_usr):
    done = over_usr("crm", "ra", "info", f"ocf:redis-ha:{name}")
    assert done.returncode == 0, done.stderr
    assert all(parameter in done.stdout for parameter in CONTRACT[name]), done.stdout + done.stderr


def test_crm_resource_lists_them(over_usr):
    done = over_usr("crm_resource", "--list-agents", "ocf:redis-ha")
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == set(AGENTS)
