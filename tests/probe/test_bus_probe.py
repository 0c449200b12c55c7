# SPDX-License-Identifier: GPL-2.0-or-later
"""What the companions' library parts tell in a cluster that breaks.

    n1 --- n2        a probe on each: bus, quorum, links, attributes
      \\    /
        n3
"""

import re
from contextlib import contextmanager

LIMIT = 20  # corosync's token of 1 s and consensus, and a machine that is busy


def field(line, name):
    return re.search(rf"\b{name}=(\S*)", line).group(1)


def stream(probe):
    """Messages and members, as the bus gave them."""
    return [line for line in probe.said("bus") if line.startswith(("bus message", "bus members"))]


def pid_of(node, name):
    return node.output(["pgrep", "-f", f"(^|/){name}( |$)"]).split()[0]


@contextmanager
def stopped(node, name):
    pid = pid_of(node, name)
    node.run(["kill", "-STOP", pid])
    try:
        yield
    finally:
        node.run(["kill", "-CONT", pid], check=False)


# The bus

def test_messages_come_back_and_in_the_same_order_to_all(lab, probes):
    for number in range(50):
        for probe in probes:
            probe.do(f"send {probe.node.name}-{number}")
    lab.wait(lambda: all(len(probe.said("bus message")) == 150 for probe in probes), LIMIT,
             "150 messages at each probe")
    streams = [probe.said("bus message") for probe in probes]
    assert streams[0] == streams[1] == streams[2]
    own = [line for line in streams[0] if "from=1 " in line]
    assert own == [f"bus message from=1 text=n1-{number}" for number in range(50)]


def test_members_change_in_the_stream_of_messages(lab, probes):
    n1, n2, n3 = probes
    for number in range(40):
        n1.do(f"send a-{number}")
        n2.do(f"send b-{number}")
        if number == 20:
            n3.do("quit")
    for probe in (n1, n2):
        probe.hear("bus members=1,2")
        lab.wait(lambda probe=probe: len(probe.said("bus message")) == 80, LIMIT, "80 messages")
    assert stream(n1) == stream(n2)
    assert n3.quit() == 0


# The attribute manager

def shown(node, name, owner="n1"):
    """The attribute of `owner`, as that node's Pacemaker shows it; None: it has none."""
    for attribute in node.crm_mon().iterfind(f".//node_attributes/node[@name='{owner}']/attribute"):
        if attribute.get("name") == name:
            return attribute.get("value")
    return None


def cib_updates(node):
    """How often the CIB was changed since its configuration was."""
    return int(field(node.output(["cibadmin", "--query", "--local", "--no-children"]), "num_updates").strip('">'))


def test_an_attribute_is_seen_everywhere_and_written_once(lab, probes):
    n1 = probes[0]
    n1.ask("set probe-status replica", "attributes written probe-status=replica rc=0")
    lab.wait(lambda: shown(lab.node("n3"), "probe-status") == "replica", LIMIT, "n3 sees it")
    n1.ask("set probe-status replica", "did set")
    n1.ask("set probe-other x", "attributes written probe-other=x rc=0")
    assert not n1.said("attributes written probe-status"), "an unchanged value is not written"
    assert field(n1.ask("set probe-status value++", "did set"), "rc") == "-22"
    n1.ask("unset probe-status", "attributes written probe-status=- rc=0")
    lab.wait(lambda: shown(lab.node("n3"), "probe-status") is None, LIMIT, "n3 does not see it any more")


def test_what_nodes_set_in_one_moment_is_written_at_once(lab, probes):
    n3 = lab.node("n3")

    def set_everywhere(value):
        for probe in probes:
            probe.do(f"gather probe-score {value} 2000")
        lab.wait(lambda: all(shown(n3, "probe-score", node.name) == value for node in lab.nodes), LIMIT,
                 f"n3 sees {value} of all")

    set_everywhere("1")  # the first time the attribute manager writes each at once
    before = cib_updates(n3)
    set_everywhere("2")
    assert cib_updates(n3) == before + 1


def test_attributes_that_somebody_deleted_come_back(lab, probes):
    # What a controller does to the others' after it was cut off. The attribute manager of Pacemaker 2.1
    # does not notice; that of 3.0 writes them again at once, and so may have done when n3 is looked at.
    n1 = probes[0]
    n1.ask("set probe-gone 1", "attributes written probe-gone=1 rc=0")
    lab.wait(lambda: shown(lab.node("n3"), "probe-gone") == "1", LIMIT, "n3 sees it")
    lab.node("n2").run(["cibadmin", "--delete", "--force", "--xpath",
                        "//node_state[@uname='n1']/transient_attributes"])
    n1.ask("repeat", "attributes written probe-gone=1 rc=0")
    lab.wait(lambda: shown(lab.node("n3"), "probe-gone") == "1", LIMIT, "n3 sees it again")


def test_a_killed_attribute_manager_gets_everything_again(lab, probes):
    n1 = probes[0]
    n1.ask("set probe-a 1", "attributes written probe-a=1 rc=0")
    n1.ask("set probe-b 2", "attributes written probe-b=2 rc=0")
    n1.forget()
    lab.node("n1").run(["kill", "-KILL", pid_of(lab.node("n1"), "pacemaker-attrd")])
    n1.hear("attributes down")
    n1.hear("attributes up", deadline=LIMIT)
    n1.hear("attributes written probe-a=1 rc=0")
    n1.hear("attributes written probe-b=2 rc=0")
    lab.wait(lambda: shown(lab.node("n2"), "probe-a") == "1", LIMIT, "n2 sees it")


def test_a_stopped_attribute_manager_stops_no_loop(lab, probes):
    n1 = probes[0]
    n1.forget()
    with stopped(lab.node("n1"), "pacemaker-attrd"):
        n1.do("set probe-late 1")
        assert n1.hear("attributes down") == "attributes down rc=-110"
        n1.do("set probe-late 2")
        n1.do("send meanwhile")
        n1.hear("bus message from=1 text=meanwhile")
    assert "settled=1" in n1.hear("attributes written probe-late=2 rc=0", deadline=LIMIT)
    lab.wait(lambda: shown(lab.node("n2"), "probe-late") == "2", LIMIT, "n2 sees the last value")


# Programs and the controller

def test_permanent_attributes_are_written_read_and_removed(lab, probes):
    n1 = probes[0]
    assert field(n1.ask("read n2 probe-epoch", "cib rc"), "value") == "-"
    n1.ask("write n2 probe-epoch 7", "cib rc=0")
    assert n1.ask("read n2 probe-epoch", "cib rc").startswith("cib rc=0 value=7")
    n1.ask("erase n2 probe-epoch", "cib rc=0")
    assert n1.ask("read n2 probe-epoch", "cib rc").startswith("cib rc=0 value=- ")
    assert field(n1.ask("write nobody probe-epoch 7", "cib rc"), "rc") == "-6"


def test_a_reported_failure_is_counted(lab, probes):
    n1 = probes[0]
    node = lab.node("n1")
    node.run(["crm_attribute", "--name", "stonith-enabled", "--update", "false"])
    node.run(["cibadmin", "--create", "--scope", "resources", "--xml-text",
              '<primitive id="dummy" class="ocf" provider="pacemaker" type="Dummy"/>'])
    try:
        lab.wait(lambda: node.crm_mon().find(".//resource[@id='dummy'][@role='Started']") is not None, LIMIT,
                 "the resource runs")
        where = node.crm_mon().find(".//resource[@id='dummy']/node").get("name")
        n1.ask(f"fail {where} dummy dummy pacemaker Dummy", "failure rc=0")
        lab.wait(lambda: node.crm_mon().find(".//node_history//resource_history[@id='dummy'][@fail-count]")
                 is not None, LIMIT, "the failure is counted")
    finally:
        node.run(["cibadmin", "--delete", "--scope", "resources", "--xml-text", '<primitive id="dummy"/>'])
        node.run(["crm_attribute", "--name", "stonith-enabled", "--delete"])


# A cut

def test_a_cut_shows_in_links_then_in_ring_and_quorum(lab, probes):
    n1, n2, n3 = probes
    lab.node("n1").cut()
    lab.wait(lambda: field(n1.ask("links", "links rc"), "up") == "1", LIMIT, "n1 reaches nobody", every=0)
    assert not n1.said("quorum"), "the links tell before the quorum does"
    lab.wait(lambda: field(n2.ask("links", "links rc"), "up") == "2,3", LIMIT, "n2 still reaches n3",
             every=0)
    assert field(n2.said("links rc")[-1], "rc") == "0"
    lost = n1.hear("quorum quorate=0", "nodes=1", LIMIT)
    kept = n3.hear("quorum quorate=1", "nodes=2,3", LIMIT)
    assert field(lost, "nodes") == "1"
    # Bus and quorum name a ring alike, and the two halves differently.
    assert field(n1.hear("bus ring", "nodes=1"), "ring") == field(lost, "ring")
    assert field(n3.hear("bus ring", "nodes=2,3"), "ring") == field(kept, "ring") != field(lost, "ring")
    for probe in probes:
        probe.forget()
    lab.heal()
    for probe in probes:
        probe.hear("quorum quorate=1", "nodes=1,2,3", LIMIT)
        probe.hear("bus members=1,2,3", deadline=LIMIT)
    assert n1.ask("send again", "bus message") == "bus message from=1 text=again"


def test_another_nodes_power_off_shows_only_that_one_down(lab, probes):
    n1, n2, _ = probes
    lab.node("n3").power_off()
    lab.wait(lambda: field(n1.ask("links", "links rc"), "up") == "1,2", LIMIT, "n1 reaches n2 alone",
             every=0)
    assert field(n2.hear("quorum quorate=1", "nodes=1,2", LIMIT), "nodes") == "1,2"
    n2.hear("bus members=1,2", deadline=LIMIT)


# corosync

def test_corosync_killed_is_told_and_all_come_back(lab, probes):
    n1 = probes[0]
    assert n1.ask("set probe-kept yes", "attributes written").startswith("attributes written probe-kept=yes rc=0")
    n1.forget()
    lab.node("n1").run(["kill", "-KILL", pid_of(lab.node("n1"), "corosync")])
    n1.hear("bus down")
    n1.hear("quorum unknown")
    n1.hear("attributes down", deadline=LIMIT)
    assert field(n1.ask("send lost", "did send"), "rc") == "-107"
    assert field(n1.ask("links", "links rc"), "rc") != "0"
    n1.forget()
    lab.node("n1").cluster_stop()
    lab.node("n1").cluster_start()
    n1.hear("bus up", deadline=60)
    n1.hear("bus members=1,2,3", deadline=60)
    n1.hear("quorum quorate=1", "nodes=1,2,3", deadline=60)
    assert "settled=1" in n1.hear("attributes written probe-kept=yes rc=0", deadline=60)
    assert n1.ask("send back", "bus message") == "bus message from=1 text=back"
    assert field(n1.ask("links", "links rc"), "up") == "1,2,3"


def test_a_stopped_corosync_stops_no_loop(lab, probes):
    n1, n2, _ = probes
    with stopped(lab.node("n1"), "corosync"):
        sent = n1.ask("flood 1000", "flood sent")
        assert (field(sent, "sent"), field(sent, "rc")) == ("64", "-11")
        assert field(n1.ask("links", "links rc"), "rc") == "-110"
        assert field(n1.ask("links", "did links"), "rc") == "-16"
        n1.alive()
        n1.forget()
    lab.wait(lambda: len(n1.said("bus message from=1 text=flood")) == 64, LIMIT, "what was taken came back")
    lab.wait(lambda: len(n2.said("bus message from=1 text=flood")) == 64, LIMIT, "and reached the others")
    lab.wait(lambda: field(n1.ask("links", "did links"), "rc") == "0", LIMIT, "links can be asked again")
    assert n1.ask("send again", "bus message from=1 text=again")


def test_a_probe_that_starts_beside_a_stopped_corosync_says_so(lab, probes, start):
    with stopped(lab.node("n2"), "corosync"):
        late = start("n2")
        assert late.hear("bus down") == "bus down rc=-110"
        assert late.hear("quorum unknown") == "quorum unknown rc=-110"
        late.alive()
        late.forget()
    late.hear("bus up", deadline=LIMIT)
    late.hear("quorum quorate=1", deadline=LIMIT)
