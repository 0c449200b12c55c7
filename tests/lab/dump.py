# SPDX-License-Identifier: GPL-2.0-or-later
"""All evidence of a lab in one folder: what each node says of itself and the
cluster, its logs, and the lab's own state.  A node that is off, cut off or hung
holds up nothing: every question has a deadline, and its failure is part of the
evidence.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor

from .errors import LabError
from .member import copy_logs

QUESTIONS = {
    "crm_mon": ["crm_mon", "-1rAf"],
    "cib.xml": ["cibadmin", "-Q"],
    "attributes": ["crm_mon", "-1A", "--include=none,nodes,attributes"],
    "quorum": ["corosync-quorumtool", "-s"],
    "links": ["corosync-cfgtool", "-s"],
    "redis-ha": "command -v redis-ha >/dev/null && redis-ha status",
    "history": "command -v redis-ha >/dev/null && redis-ha history",
    "watch": "tail -n 3000 /run/redis-ha/redis/*/watch.log; cat /var/lib/redis-ha/redis/*/epochs",
    "processes": ["ps", "-eo", "pid,ppid,stat,lstart,args", "--forest"],
    "network": "ip address; ip neighbour; ss -tnpa",
    "files": "ls -lR /run/redis-ha /var/lib/redis-ha /var/lib/redis /etc/redis /etc/haproxy 2>&1",
}
ANSWER_WITHIN = 10.0


def write_dump(lab, directory):
    """Fills the folder, made if need be; returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    for file in ("config.json", "state.json", "lab.log"):
        if (lab.folder.path / file).exists():
            shutil.copy(lab.folder.path / file, directory)
    with ThreadPoolExecutor(8) as pool:
        work = []
        for node in lab.nodes:
            (directory / node.name).mkdir(exist_ok=True)
            work.append(pool.submit(_write_logs, node, directory / node.name))
            if node.is_on:
                work += [pool.submit(_write_answer, node, question, directory / node.name / file)
                         for file, question in QUESTIONS.items()]
            else:
                (directory / node.name / "switched-off").write_text(f"{node.name} is switched off\n")
        for done in work:
            done.result()
    return directory


def _write_logs(node, directory):
    try:
        copy_logs(node, directory / "log")
    except (OSError, shutil.Error) as failure:  # logs may rotate or vanish while we copy
        (directory / "log-errors").write_text(f"{failure}\n")


def _write_answer(node, question, file):
    try:
        done = node.run(question, check=False, timeout=ANSWER_WITHIN)
        code = f"[exit {done.returncode}]\n" if done.returncode else ""
        file.write_text(done.stdout + done.stderr + code)
    except LabError as failure:
        file.write_text(f"{failure}\n")
