# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's network: one switch, a port for each node and one for the client.

The switch is a bridge in the network namespace of the lab's daemon.  Faults are
rules of the switch, matched by port: they hold for every address of a node,
floating ones too, outlive a node's power cycle, and nothing in a node can see
or undo them.  The kernels this runs on may have no netem, so loss and rate are
made of nftables' `numgen random` and `limit rate over`.
"""

import subprocess

from .errors import LabError
from .state import CLIENT

BRIDGE = "lab0"
FRAME = 1514


def call(argv, text=None):
    """Runs a network tool; its first line of complaint becomes the error."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=10)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().split("\n")[0]
        raise LabError(f"{argv[0]} failed: {said}")


def create():
    """Makes the switch, in the namespace that we are in."""
    call(["ip", "-batch", "-"],
         f"link set lo up\n"
         f"link add {BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"
         f"link set {BRIDGE} up\n")


def plug(port, number, pid):
    """Joins the namespace of `pid` to the switch, as its eth0."""
    call(["ip", "-batch", "-"],
         f"link add {port} type veth peer name eth0 address 02:00:00:00:00:{number:02x}"
         f" netns /proc/{pid}/ns/net\n"
         f"link set {port} master {BRIDGE} up\n")


def unplug(port):
    """Pulls the cable: the link is gone at once, whatever still holds its other end."""
    subprocess.run(["ip", "link", "del", port], capture_output=True, timeout=10)


def configure_inside(address):
    """The node's half, called in its namespace.

    Packets leave one by one (no segmentation offload), so that a loss of 5 %
    is one of twenty packets, not of twenty bundles of 64 kB.
    """
    call(["ip", "-batch", "-"],
         f"link set lo up\n"
         f"link set eth0 gso_max_segs 1\n"
         f"address add {address}/24 dev eth0\n"
         f"link set eth0 up\n")


class Faults:
    """The rules in force.  A rule is a dict: kind, node, peers, way and a value.

    `way` says what of NODE's traffic is meant: what it sends ("out"), what it
    receives ("in"), or both.
    """

    def __init__(self, nodes):
        self.nodes = nodes
        self.rules = []

    def add(self, kind, node, peers, way="both", value=None, fence_reachable=False):
        rule = {"kind": kind, "node": node, "peers": self._peers(node, peers), "way": way,
                "value": value, "everyone": not peers or "all" in peers,
                "fence_reachable": fence_reachable}
        self._replace(self.rules + [rule])

    def remove(self, kinds, node=None):
        """Takes away the rules of these kinds; with `node`, those made for it or for it alone as peer."""
        self._replace([r for r in self.rules if r["kind"] not in kinds
                       or (node and node != r["node"] and [node] != r["peers"])])

    def cuts_off(self, node):
        """Whether the node's management link, over which it could fence, is cut too."""
        return any(r["kind"] == "cut" and r["node"] == node and r["everyone"]
                   and not r["fence_reachable"] for r in self.rules)

    def _peers(self, node, peers):
        """The ports meant: all other nodes unless named; `all` is these and the client."""
        others = [n for n in self.nodes if n != node]
        if not peers:
            return others
        if "all" in peers:
            return others + [CLIENT]
        for peer in peers:
            if peer == node or peer not in self.nodes + [CLIENT]:
                raise LabError(f"--from '{peer}': expected another node, 'client' or 'all'")
        return list(peers)

    def _replace(self, rules):
        call(["nft", "-f", "-"], ruleset(rules))
        self.rules = rules


def ruleset(rules):
    """All rules as one text for nft, which puts it in force at once or not at all."""
    lines = [line for rule in rules for line in _lines(rule)]
    body = "".join(f"    {line}\n" for line in lines)
    return ("table bridge lab\n"
            "delete table bridge lab\n"
            "table bridge lab {\n"
            "  chain faults {\n"
            "    type filter hook forward priority 0; policy accept;\n"
            f"{body}"
            "  }\n"
            "}\n")


def _lines(rule):
    node = f'"{rule["node"]}"'
    peers = "{ " + ", ".join(f'"{p}"' for p in rule["peers"]) + " }"
    ways = {"out": f"iifname {node} oifname {peers}", "in": f"iifname {peers} oifname {node}"}
    if not rule["peers"]:
        return []
    wanted = ["out", "in"] if rule["way"] == "both" else [rule["way"]]
    return [f"{ways[way]} {match} drop" for way in wanted for match in _matches(rule)]


def _matches(rule):
    kind, value = rule["kind"], rule["value"]
    if kind in ("cut", "freeze"):
        return [""]
    if kind == "drop":
        return [f"tcp dport {value}", f"tcp sport {value}"]
    if kind == "loss":
        return [f"numgen random mod 1000 < {round(value * 10)}"]
    if kind == "rate":
        return _rate(int(value * 125))
    raise LabError(f"no fault is called '{kind}'")


def _rate(each_second):
    """All bytes, and large packets by number.

    In nftables a limit in bytes lets one second's worth pass at once after a
    pause, whatever its burst says; a limit in packets keeps to its burst.  That
    is a third of a second's worth: less, and TCP, which waits 200 ms after a
    loss, would get a fraction of the rate only.
    """
    large = max(1, each_second // FRAME)
    return [f"meta length > {FRAME // 2} limit rate over {large}/second burst {max(20, large // 3)} packets",
            f"limit rate over {each_second} bytes/second burst {2 * FRAME} bytes"]
