# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a node a member of the cluster: corosync.conf and a first CIB.

The first CIB holds one thing, dc-deadtime: with Pacemaker's default every first
start of a cluster waits 20 s for a coordinator that cannot be there.  All else
has its defaults, and every property can be set as on any other cluster.
"""

import subprocess
from xml.etree import ElementTree

from .errors import LabError

CONF = """totem {{
    version: 2
    cluster_name: {name}
    transport: knet
    crypto_cipher: none
    crypto_hash: none
{totem}}}
logging {{
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: no
    timestamp: hires
}}
quorum {{
    provider: corosync_votequorum
{quorum}}}
nodelist {{
{nodes}}}
"""

NODE = """    node {{
        name: {name}
        nodeid: {id}
        ring0_addr: {address}
    }}
"""


def conf(config):
    """corosync.conf for all nodes of the lab."""
    totem = "".join(f"    {key}: {value}\n" for key, value in config["totem"].items())
    quorum = "    two_node: 1\n" if len(config["nodes"]) == 2 else ""
    nodes = "".join(NODE.format(name=name, id=i, address=address)
                    for i, (name, address) in enumerate(config["nodes"].items(), 1))
    return CONF.format(name=config["name"], totem=totem, quorum=quorum, nodes=nodes)


def first_cib(config):
    """An empty CIB of the newest schema that is installed, with dc-deadtime in it."""
    done = subprocess.run(["cibadmin", "--empty"], capture_output=True, text=True, timeout=10)
    if done.returncode != 0:
        raise LabError(f"cibadmin --empty failed: {done.stderr.strip()}")
    cib = ElementTree.fromstring(done.stdout)
    settings = cib.find("configuration/crm_config")
    properties = ElementTree.SubElement(settings, "cluster_property_set", id="cib-bootstrap-options")
    ElementTree.SubElement(properties, "nvpair", id="cib-bootstrap-options-dc-deadtime",
                           name="dc-deadtime", value=config["dc_deadtime"])
    return ElementTree.tostring(cib, encoding="unicode") + "\n"


def hosts(config):
    """/etc/hosts of the nodes and of the client."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    lines += [f"{address} {name}" for name, address in config["nodes"].items()]
    return "\n".join(lines + [f"{config['client']} client"]) + "\n"
