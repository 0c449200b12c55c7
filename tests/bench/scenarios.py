# SPDX-License-Identifier: GPL-2.0-or-later
"""The scenarios.  Each takes a healthy system and returns what the clients saw.

    client: a writer with WAIT 1, a writer without
       |
    floating address -> HAProxy, on a node that is not the primary's -> the primary
"""

import re
from contextlib import contextmanager

from cluster.example import WRITES

from .recording import recorded

CUT_FOR, AFTER_HEAL = 12.0, 30.0
SHOWN = 20.0             # the picture shows so much of a crash


def crash(system):
    """Crash: `kill -9` of the primary's process"""
    with recorded(system) as record:
        old = system.primary()
        record.fault(lambda: system.crash(old))
        record.until_back()
        record.until_settled()
        record.until(SHOWN)
    return record.result


def hang(system):
    """Hang: SIGSTOP of the primary's process, which wakes after the change"""
    with recorded(system) as record:
        old = system.primary()
        record.fault(lambda: system.hang(old))
        record.until_back()
        system.wake()
        record.until_settled()
    return record.result


def power_off(system):
    """Power-off of the primary's node"""
    with recorded(system) as record:
        old = system.lab.node(system.primary())
        record.fault(old.power_off)
        record.until_back()
        record.until_settled()
    return record.result


def switchover(system):
    """Planned switchover"""
    with recorded(system) as record:
        old = system.primary()
        record.fault(system.switchover)
        record.until_moved(old)
        record.until_settled()
        record.until_back()
    return record.result


def cut(system):
    """Cut: the primary's node and its peers do not hear each other for 12 s, clients reach all"""
    with haproxy_at_the_client(system) as address, recorded(system, address) as record:
        old = system.lab.node(system.primary())
        record.fault(old.cut)
        record.until(CUT_FOR)
        system.lab.heal()
        record.until(CUT_FOR + AFTER_HEAL)
    return record.result


SCENARIOS = {scenario.__name__.replace("_", "-"): scenario
             for scenario in (crash, hang, power_off, switchover, cut)}


@contextmanager
def haproxy_at_the_client(system):
    """The example's haproxy.cfg where the application runs: it reaches each node that the client reaches."""
    text = re.sub(r"^ +(stats socket|log /dev/log) .*\n", "", system.example.text("haproxy.cfg"), flags=re.M)
    config = system.folder / "client.cfg"
    config.touch(mode=0o600)
    config.write_text(text)
    with open(system.folder / "client-haproxy.log", "ab") as log:
        process = system.lab.client.popen(["haproxy", "-db", "-f", str(config)], stdout=log, stderr=log)
    try:
        yield system.lab.client.address, WRITES
    finally:
        process.terminate()
        process.wait(10)
