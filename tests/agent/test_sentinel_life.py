# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf:redis-ha:sentinel against real Sentinels: a life from start to stop, what a monitor finds, and those
that another hand started."""

import contextlib
import os
import signal
import socket

import ocf
from sentinel_kit import answers, ask, note, refusal


def test_life_cycle(sentinel):
    agent = sentinel.agent
    agent.must("validate-all")
    assert agent.must("monitor", ocf.NOT_RUNNING, interval=0).reason is None
    agent.must("start")
    pid = agent.recorded_pid()
    agent.must("monitor", interval=5000)
    agent.must("start")
    assert agent.recorded_pid() == pid and answers(sentinel.port)
    agent.must("stop")
    assert not ocf.is_alive(pid)
    agent.must("stop")
    assert agent.must("monitor", ocf.NOT_RUNNING, interval=5000).reason is None


def test_runs_as_its_user_with_a_file_of_its_own(sentinel):
    sentinel.agent.must("start", quorum=3, down_after="1500", failover_timeout="45s", parallel_syncs=2)
    assert ocf.status(sentinel.agent.recorded_pid())["Uid"].split()[0] != "0"
    assert sentinel.file.owner() == "redis" and sentinel.file.stat().st_mode & 0o777 == 0o600
    assert sentinel.file.parent.stat().st_mode & 0o777 == 0o700
    said = sentinel.master()
    assert (said["quorum"], said["down-after-milliseconds"], said["failover-timeout"], said["parallel-syncs"]) == (
        "3", "1500", "45000", "2")
    assert ask(sentinel.port, "SENTINEL", "CONFIG", "GET", "announce-ip") == ["announce-ip", "127.0.0.1"]


def test_the_file_is_sentinels_after_the_first_start(sentinel):
    sentinel.agent.must("start")
    identity = ask(sentinel.port, "SENTINEL", "MYID")
    ask(sentinel.port, "SENTINEL", "MONITOR", "another", "127.0.0.1", 7, 1)
    sentinel.agent.must("stop")
    sentinel.agent.must("start", quorum=1)
    assert ask(sentinel.port, "SENTINEL", "MYID") == identity
    assert sentinel.names("another") == 7
    assert sentinel.master()["quorum"] == "1"


def test_reload_sets_values_while_it_runs(sentinel):
    sentinel.agent.must("start")
    pid = sentinel.agent.recorded_pid()
    sentinel.agent.must("reload-agent", down_after=700, failover_timeout="9s", parallel_syncs=3)
    said = sentinel.master()
    assert (said["down-after-milliseconds"], said["failover-timeout"], said["parallel-syncs"]) == ("700", "9000", "3")
    assert sentinel.agent.recorded_pid() == pid and ocf.is_alive(pid)


def test_bad_reloadable_value_does_no_harm(sentinel):
    sentinel.agent.must("start")
    sentinel.agent.must("reload-agent", down_after="soon", parallel_syncs=3)
    reason = sentinel.agent.must("monitor", ocf.DEGRADED, interval=5000, down_after="soon").reason
    assert all(word in reason for word in ("down_after", "soon", "expected"))
    assert sentinel.master()["parallel-syncs"] == "1"


def test_reload_of_what_does_not_run(sentinel):
    assert "does not run" in sentinel.agent.must("reload-agent", ocf.ERR_GENERIC).reason


def test_takes_over_a_config(sentinel, folder):
    config = folder / "sentinel.conf"
    config.write_text(f"port {sentinel.port}\nbind 127.0.0.1\ndaemonize yes\npidfile {folder}/pid\n"
                      "sentinel monitor shop 127.0.0.1 7 2\nsentinel down-after-milliseconds shop 10000\n"
                      "sentinel failover-timeout shop 20000\n")
    before = config.read_text()
    sentinel.agent.must("start", config=config, master_name="shop", down_after=10000)
    assert config.read_text() == before and sentinel.names("shop") == 7
    said = sentinel.master("shop")
    assert said["down-after-milliseconds"] == "10000" and said["failover-timeout"] == "60000"
    sentinel.agent.must("monitor", config=config, master_name="shop")
    sentinel.agent.must("stop", config=config, master_name="shop")
    config.unlink()
    sentinel.agent.must("start", config=config, master_name="shop")


def test_sentinel_without_a_free_connection(sentinel, folder):
    config = folder / "sentinel.conf"
    config.write_text(f"port {sentinel.port}\nmaxclients 9\nsentinel monitor mymaster 127.0.0.1 7 2\n")
    sentinel.agent.must("start", config=config)
    with contextlib.ExitStack() as holders:
        for _ in range(9):
            holders.enter_context(socket.create_connection(("127.0.0.1", sentinel.port), timeout=10))
        assert "max number of clients" in refusal(sentinel.port)
        reason = sentinel.agent.must("monitor", ocf.DEGRADED, interval=5000).reason
        assert "no connection left" in reason and "password" not in reason
        pid = sentinel.agent.recorded_pid()
        sentinel.agent.must("stop")
        assert not ocf.is_alive(pid)


# ---- monitor ----


def test_killed(sentinel):
    sentinel.agent.must("start")
    pid = sentinel.agent.recorded_pid()
    os.kill(pid, signal.SIGKILL)
    while ocf.is_alive(pid):
        pass
    reason = sentinel.agent.must("monitor", ocf.NOT_RUNNING, interval=5000).reason
    assert str(pid) in reason and "without being stopped" in reason
    sentinel.agent.must("start")
    sentinel.agent.must("monitor")


def test_frozen(sentinel):
    sentinel.agent.must("start")
    pid = sentinel.agent.recorded_pid()
    os.kill(pid, signal.SIGSTOP)
    reason = sentinel.agent.must("monitor", ocf.ERR_GENERIC, timeout_ms=5000).reason
    assert str(pid) in reason and str(sentinel.port) in reason and "no answer" in reason
    sentinel.agent.must("stop", timeout_ms=5000)
    assert not ocf.is_alive(pid)


def test_record_of_a_foreign_process(sentinel, spawn):
    other = spawn("sleep", "600")
    sentinel.agent.run_dir.mkdir(parents=True)
    (sentinel.agent.run_dir / "process").write_text(f"{other.pid} 1 /usr/bin/redis-sentinel\n")
    sentinel.agent.must("monitor", ocf.NOT_RUNNING)
    sentinel.agent.must("start")
    sentinel.agent.must("stop")
    assert other.poll() is None


def test_level_10_tells_in_sentinels_words_that_there_is_no_quorum(sentinel):
    sentinel.agent.must("start")
    sentinel.agent.must("monitor")
    assert "NOQUORUM 1 usable" in sentinel.agent.must("monitor", ocf.DEGRADED, level=10).reason
    sentinel.agent.must("reload-agent", quorum=1)
    sentinel.agent.must("monitor", level=10)


def test_what_it_watches_is_told_again_when_it_was_forgotten(sentinel, redis_port, redis_id):
    primary = redis_port()
    note(redis_id, primary)
    sentinel.agent.must("start")
    ask(sentinel.port, "SENTINEL", "REMOVE", "mymaster")
    sentinel.agent.must("monitor")
    assert sentinel.names() == primary and sentinel.master()["quorum"] == "2"


# ---- adoption ----


def by_hand(sentinel, spawn, folder, until, text="sentinel monitor mymaster 127.0.0.1 7 2\n"):
    config = folder / "by-hand.conf"
    config.write_text(f"port {sentinel.port}\n{text}")
    process = spawn("redis-sentinel", config)
    until(lambda: answers(sentinel.port), "Sentinel answers")
    return process


def test_adopts_a_running_sentinel_and_ends_it(sentinel, spawn, folder, until):
    process = by_hand(sentinel, spawn, folder, until)
    identity = ask(sentinel.port, "SENTINEL", "MYID")
    assert "adopted" in sentinel.agent.must("monitor", interval=0).log
    assert sentinel.agent.recorded_pid() == process.pid
    sentinel.agent.must("start")
    assert ask(sentinel.port, "SENTINEL", "MYID") == identity
    sentinel.agent.must("stop")
    assert process.wait(5) == 0


def test_one_that_was_adopted_is_set_to_the_parameters(sentinel, spawn, folder, until):
    by_hand(sentinel, spawn, folder, until, "sentinel monitor mymaster 127.0.0.1 7 3\n"
            "sentinel down-after-milliseconds mymaster 10000\nsentinel failover-timeout mymaster 20000\n")
    sentinel.agent.must("monitor", interval=0)
    assert sentinel.master()["down-after-milliseconds"] == "10000"
    sentinel.agent.must("monitor", interval=5000, parallel_syncs=2)
    said = sentinel.master()
    assert (said["quorum"], said["down-after-milliseconds"], said["failover-timeout"], said["parallel-syncs"]) == (
        "2", "1000", "60000", "2")


def test_one_that_was_adopted_goes_on_with_its_own_file(sentinel, spawn, folder, until):
    """`config` is the file that it runs with, and has kept since."""
    by_hand(sentinel, spawn, folder, until)
    identity = ask(sentinel.port, "SENTINEL", "MYID")
    config = folder / "by-hand.conf"
    sentinel.agent.must("start", config=config)
    sentinel.agent.must("stop", config=config)
    before = config.read_text()
    sentinel.agent.must("start", config=config)
    assert ask(sentinel.port, "SENTINEL", "MYID") == identity
    assert sentinel.file.exists() and config.read_text() == before


def test_stop_without_a_record_ends_what_answers(sentinel, spawn, folder, until):
    process = by_hand(sentinel, spawn, folder, until)
    sentinel.agent.must("stop")
    assert process.wait(5) == 0


def test_does_not_adopt_one_that_watches_something_else(sentinel, spawn, folder, until):
    process = by_hand(sentinel, spawn, folder, until, "sentinel monitor other 127.0.0.1 7 2\n")
    assert "master_name" in sentinel.agent.must("monitor", ocf.NOT_RUNNING, interval=0).log
    sentinel.agent.must("stop")
    assert process.poll() is None


def test_does_not_adopt_by_a_bad_parameter(sentinel, spawn, folder, until):
    process = by_hand(sentinel, spawn, folder, until)
    sentinel.agent.must("monitor", ocf.NOT_RUNNING, interval=0, quorum="two")
    sentinel.agent.must("stop", quorum="two")
    assert process.poll() is None


def test_does_not_adopt_what_another_instance_has(sentinel, agent):
    sentinel.agent.must("start")
    other = agent("sentinel", port=sentinel.port)
    assert "another resource" in other.must("monitor", ocf.NOT_RUNNING, interval=0).log
    other.must("stop")
    sentinel.agent.must("monitor")


def test_an_adopted_one_gets_the_values_that_differ(sentinel, spawn, folder, until):
    """The probe changes nothing: the resource may be in maintenance."""
    by_hand(sentinel, spawn, folder, until)
    before = sentinel.master()
    sentinel.agent.must("monitor", interval=0, down_after=700)
    assert sentinel.master()["down-after-milliseconds"] == before["down-after-milliseconds"]
    log = sentinel.agent.must("monitor", interval=5000, down_after=700, failover_timeout="20s").log
    said = sentinel.master()
    assert (said["down-after-milliseconds"], said["failover-timeout"]) == ("700", "20000")
    assert "down-after-milliseconds: 30000, set to 700" in log
    assert "set to" not in sentinel.agent.must("monitor", interval=5000, down_after=700, failover_timeout="20s").log


def listens(host, port):
    with socket.socket() as one:
        return one.connect_ex((host, port)) == 0


def test_a_first_start_that_failed_leaves_no_file_that_would_count_before_config(sentinel, spawn, folder, until):
    """One that listens elsewhere than on loopback is found by its own file, which an operator may name late."""
    config = folder / "by-hand.conf"
    config.write_text(f"port {sentinel.port}\nbind 127.0.0.2\nsentinel monitor mymaster 127.0.0.1 7 2\n")
    process = spawn("redis-sentinel", config)
    until(lambda: listens("127.0.0.2", sentinel.port), "Sentinel listens")
    assert "in use" in sentinel.agent.must("start", ocf.ERR_GENERIC).reason
    assert not sentinel.file.exists()
    sentinel.agent.must("start", config=config)
    assert sentinel.agent.recorded_pid() == process.pid
