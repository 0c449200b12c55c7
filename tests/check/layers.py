# SPDX-License-Identifier: GPL-2.0-or-later
"""Which file may know of what: the layers of docs/architecture.md, as a test.

A module is named without its suffix: lib/redis_client stands for its .c and .h
and for any lib/redis_client_*.c that it was cut into.
"""

import re

import source

# (what, in which headers, where alone it belongs)
HEADERS = (
    ("hiredis", r"(hiredis/.*|hiredis(_ssl)?\.h|sds\.h|async\.h)$",
     ("lib/redis_client", "lib/redis_reply", "lib/redis_tls", "lib/redis_async", "lib/redis_conf")),
    ("libqb", r"qb/", ("lib/log", "lib/loop", "lib/redis_async", "lib/bus", "lib/quorum",
                       "agents/redis_watch", "agents/sentinel_feed")),
    ("corosync", r"corosync/", ("lib/nodes", "lib/bus", "lib/quorum", "lib/links", "lib/corosync")),
    ("Pacemaker", r"(crm/|pacemaker/)", ("lib/ocf", "lib/attr", "lib/cib", "lib/failure", "lib/pacemaker")),
    ("libxml2", r"libxml/", ("lib/attr", "lib/cib", "lib/failure", "lib/pacemaker")),
)

# (what, which call, where alone it belongs). log reads what the cluster says of logging, HA_*.
CALLS = (
    ("starting programs", r"\b(v?fork|exec[lv]p?e?|execvpe|fexecve|clone3?|posix_spawnp?)\s*\(",
     ("lib/run", "lib/proc")),
    ("reading the environment", r"\b(secure_)?getenv\s*\(", ("lib/ocf", "lib/param", "lib/log")),
    ("a shell", r"\b(system|popen|wordexp)\s*\(", ()),
)


def is_in(path, modules):
    name = str(path.with_suffix(""))
    return any(name == module or name.startswith(module + "_") for module in modules)


def places(modules):
    return f"belongs in {', '.join(modules)}" if modules else "is not to be used"


def foreign_headers():
    for path in source.c_files("lib", "agents"):
        for number, header, _ in source.includes(path):
            for what, pattern, modules in HEADERS:
                if re.match(pattern, header) and not is_in(path, modules):
                    yield f"{path}:{number}: {what} ({header}) {places(modules)}"


def forbidden_calls():
    for path in source.c_files("lib", "agents"):
        for what, pattern, modules in CALLS:
            if is_in(path, modules):
                continue
            for number, match in source.lines(path, pattern):
                yield f"{path}:{number}: {what} ({match.group()[:-1].strip()}) {places(modules)}"


def agent_of(name):
    """The agent that a file of agents/ belongs to; None for one that they share."""
    agent = re.match(r"(redis|sentinel|haproxy)(_|\.|$)", name)
    return agent.group(1) if agent else None


def own_headers():
    """lib never includes an agent's file, nor one agent another's, nor a shared file an agent's."""
    for path in source.c_files("lib", "agents"):
        for number, header, is_system in source.includes(path):
            if is_system or header == "config.h":
                continue
            in_lib = (source.TOP / "lib" / header).exists()
            in_agents = (source.TOP / "agents" / header).exists()
            if path.parts[0] == "lib" and not in_lib:
                yield f"{path}:{number}: \"{header}\" is not of lib, which knows no other folder"
            elif path.parts[0] == "agents" and in_agents:
                theirs = agent_of(header)
                if theirs and theirs != agent_of(path.name):
                    yield f"{path}:{number}: \"{header}\" is of the agent {theirs}"


CHECKS = {
    "layers": lambda: [*foreign_headers(), *forbidden_calls(), *own_headers()],
}
