# SPDX-License-Identifier: GPL-2.0-or-later
"""The crmsh example, deployed where a Redis is in use already.

     n1                n2                          n3
                       Redis, started by hand,
                       primary, with data
        +-- crm configure load update cluster.crm --+
"""

import time

RUN_BY_HAND = ["redis-server", "/etc/redis/redis.conf", "--daemonize", "yes"]


def test_the_crmsh_example_adopts_the_running_primary_and_fails_over(bare_seed):
    n2 = bare_seed.node("n2")
    bare_seed.example.install(n2)
    n2.run(["setpriv", "--reuid=redis", "--regid=redis", "--init-groups", *RUN_BY_HAND])
    bare_seed.wait(lambda: bare_seed.redis("n2", "SET", "old", "data") == "OK", 10, "Redis takes writes")
    pid = bare_seed.pid("n2")

    bare_seed.example.deploy("crmsh")

    assert bare_seed.wait_healthy() == "n2"
    assert bare_seed.pid("n2") == pid, "the server was adopted, not started again"
    assert bare_seed.failures() == []
    assert bare_seed.redis("n2", "CONFIG", "GET", "replica-priority").split()[1] == "0", "Sentinel is not to promote it"

    with bare_seed.observer() as observer:
        observer.wait_writes_after(0, 30)
        bare_seed.kill_redis("n2")
        new = bare_seed.wait_promoted_elsewhere("n2")
        observer.wait_writes_after(time.monotonic(), 30)
        assert bare_seed.wait_healthy() == new
        assert bare_seed.through_floating("GET", "old") == "data"
        verdict = observer.finish()
    assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])
