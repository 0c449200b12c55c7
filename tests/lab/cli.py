# SPDX-License-Identifier: GPL-2.0-or-later
"""The program `lab`: each verb is one short function; see `lab --help`."""

import argparse
import os
import subprocess
import sys
import time

from . import daemon, init, launch, state
from .api import Lab
from .errors import LabError
from .state import Folder


def up(options):
    began = time.monotonic()

    def tell(text):
        print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)

    totem = dict(_pair(p) for p in options.totem or [])
    lab = Lab(nodes=options.nodes, name=options.name, install_dir=options.install_dir,
              token=options.token, totem=totem, bare=options.bare,
              dc_deadtime=options.dc_deadtime, progress=tell)
    lab.up()
    lab.detach()
    tell("up" if options.bare else "all nodes online in one quorate partition")


def _pair(text):
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise LabError(f"--totem '{text}': expected KEY=VALUE, as in corosync.conf(5)")
    return key, value


def down(options):
    with state.lock():
        every = options.all or options.left
        for name in state.names() if every else [options.name]:
            folder = Folder(name)
            if folder.starter() and every:
                print(f"lab '{name}' is left: process {folder.starter()} is starting it")
            elif not (options.left and folder.state()):
                launch.down(folder)


def status(options):
    for name in [options.name] if options.name_given else state.names():
        _print_status(Folder(name))


def _print_status(folder):
    config, now = folder.config(), folder.state()
    if not config:
        raise LabError(f"lab '{folder.name}' does not exist; start it with: lab up")
    if not now:
        print(f"lab {folder.name}: not running; remove its remains with: lab down --name {folder.name}")
        return
    print(f"lab {folder.name}: up, client {config['client']}, logs in {folder.path}/nodes/NODE/log")
    for node, address in config["nodes"].items():
        pid = now["nodes"][node]
        print(f"  {node}  {address:12}  {f'on, PID 1 is {pid}' if pid else 'off'}")
    for rule in now["faults"]:
        way = {"both": "to and from", "out": "to", "in": "from"}[rule["way"]]
        value = "" if rule["value"] is None else f" {rule['value']:g}"
        print(f"  {rule['kind']}{value}: {rule['node']} {way} {', '.join(rule['peers'])}")


def on(options):
    return _become(Lab.attach(options.name).node(options.node), options.command)


def shell(options):
    return _become(Lab.attach(options.name).node(options.node), ["bash", "-l"])


def client(options):
    return _become(Lab.attach(options.name).client, options.command)


def _become(member, command):
    """Runs it in the foreground; its exit code is ours."""
    if not command:
        raise LabError("no command given")
    code = subprocess.call(member.lasting_command(command), env=member.environment())
    return code if code >= 0 else 128 - code


def power(options):
    Lab.attach(options.name).folder.ask(do="power", node=options.node, to=options.to)


def cluster(options):
    node = Lab.attach(options.name).node(options.node)
    if options.to == "start":
        node.cluster_start()
    else:
        node.cluster_stop()


def freeze(options):
    Lab.attach(options.name).node(options.node).freeze()


def thaw(options):
    Lab.attach(options.name).node(options.node).thaw()


def cut(options):
    Lab.attach(options.name).node(options.node).cut(
        *options.peers or [], way=options.way, fence_reachable=options.fence_reachable)


def drop(options):
    Lab.attach(options.name).node(options.node).drop(
        options.port, *options.peers or [], way=options.way)


def loss(options):
    Lab.attach(options.name).node(options.node).loss(
        options.percent, *options.peers or [], way=options.way)


def rate(options):
    Lab.attach(options.name).node(options.node).rate(
        options.kbit, *options.peers or [], way=options.way)


def heal(options):
    Lab.attach(options.name).heal(options.node)


def clear(options):
    Lab.attach(options.name).clear(options.node)


def dump(options):
    print(Lab.attach(options.name).dump(options.directory))


def parser():
    top = argparse.ArgumentParser(
        prog="lab", description="Real cluster nodes on one machine, in namespaces. Needs root.",
        epilog="Each verb has its own --help. Example: lab up; lab on n1 pcs status; lab cut n1;"
               " lab heal; lab down")
    verbs = top.add_subparsers(metavar="VERB", required=True)

    def verb(function, text, *arguments):
        made = verbs.add_parser(function.__name__, help=text, description=text)
        made.add_argument("--name", help="which lab (default: lab)")
        made.set_defaults(function=function)
        for names, details in arguments:
            made.add_argument(*names, **details)
        return made

    def argument(*names, **details):
        return names, details

    node = argument("node", metavar="NODE")
    maybe_node = argument("node", metavar="NODE", nargs="?", help="default: all")
    command = argument("command", metavar="CMD", nargs=argparse.REMAINDER)
    peers = argument("--from", dest="peers", metavar="PEER", action="append",
                     help="only between NODE and PEER (a node, 'client' or 'all'; repeatable;"
                          " default: all other nodes, not the client)")
    way = argument("--one-way", dest="way", nargs="?", const="out", default="both",
                   choices=("out", "in"), help="only what NODE sends (out, default) or receives (in)")

    verb(up, "start a lab; returns when all nodes are online",
         argument("--nodes", type=int, default=3),
         argument("--token", type=int, default=1000, metavar="MS",
                  help="corosync's token timeout (default 1000; its own default is 3000)"),
         argument("--totem", action="append", metavar="KEY=VALUE",
                  help="any other setting of corosync.conf's totem section; repeatable"),
         argument("--bare", action="store_true", help="nodes without a cluster"),
         argument("--dc-deadtime", default="2s", metavar="TIME",
                  help="Pacemaker's dc-deadtime in the first CIB (default 2s; its own default is 20s)"),
         argument("--install-dir", metavar="DIR",
                  help="show what `make install DESTDIR=DIR` wrote over the nodes' /usr, /etc and /var"))
    verb(down, "end a lab and remove everything of it",
         argument("--all", action="store_true", help="every lab, and what killed ones left"),
         argument("--left", action="store_true", help="what killed ones left, and no lab that runs"))
    verb(status, "show the labs, their nodes and the faults in force")
    verb(on, "run a command in a node; its exit code is passed on", node, command)
    verb(shell, "a shell in a node", node)
    verb(client, "run a command in the client's network, outside the cluster", command)
    verb(power, "switch a node off or on: kills its whole tree, boots from the same disk",
         argument("to", choices=("off", "on", "cycle")), node)
    verb(cluster, "start or stop corosync and Pacemaker in a node, in good order",
         argument("to", choices=("start", "stop")), node)
    verb(freeze, "stop a node whole, as when a virtual machine is paused", node)
    verb(thaw, "let a frozen node go on", node)
    verb(cut, "let nothing pass between NODE and the other nodes", node, peers, way,
         argument("--fence-reachable", action="store_true",
                  help="NODE can still fence; by default a node cut off from all others cannot"))
    verb(heal, "take away cuts", maybe_node)
    verb(drop, "hold back one TCP port of NODE and of its peers", node,
         argument("--port", type=int, required=True), peers, way)
    verb(loss, "lose some of NODE's packets", node, argument("percent", type=float), peers, way)
    verb(rate, "limit NODE's traffic in each direction", node,
         argument("kbit", type=float, metavar="KBIT"), peers, way)
    verb(clear, "take away drops, losses and rates", maybe_node)
    verb(dump, "write all that the nodes know, and their logs, into one folder",
         argument("directory", metavar="DIR"))
    return top


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["_daemon"]:
        return daemon.main(arguments[1])
    if arguments[:1] == ["_init"]:
        return init.main(*arguments[1:])
    options = parser().parse_args(arguments)
    options.name_given = options.name is not None
    options.name = options.name or os.environ.get("LAB", "lab")
    try:
        return options.function(options) or 0
    except LabError as failure:
        print(f"lab: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
