# SPDX-License-Identifier: GPL-2.0-or-later
"""An HAProxy that another hand started: whose it is, and that it is taken over as it runs, in whatever way
it was started; or left alone."""

import signal

import pytest

import ocf
from haproxy_kit import ends_before_its_drain_time, talks


@pytest.fixture
def daemon(proxy, spawn, folder, until):
    """daemon(OPTION...): as a boot script starts it; the process that its pid file names."""
    pids = []

    def start(*options):
        pid_file = folder / "pid"
        assert spawn("haproxy", *options, "-p", pid_file, "-f", proxy.file).wait(10) == 0
        until(lambda: pid_file.read_text().split(), "the master has written its pid file, which comes after the start has ended")
        pids.append(int(pid_file.read_text().split()[0]))
        until(lambda: proxy.socket.exists() and not proxy.refuses(), "HAProxy serves")
        return pids[-1]

    yield start
    for pid in pids:
        for each in (*ocf.children(pid), pid):
            ocf.end(each)


def by_hand(proxy, spawn, until, *options):
    process = spawn("haproxy", *options, "-f", proxy.file)
    until(lambda: proxy.socket.exists() and not proxy.refuses(), "HAProxy serves")
    return process


def test_adopts_a_master_and_ends_it(proxy, spawn, until):
    process = by_hand(proxy, spawn, until, "-W", "-db")
    worker = proxy.worker
    assert "adopted" in proxy.agent.must("monitor", interval=0).log
    assert proxy.agent.recorded_pid() == process.pid and proxy.worker == worker
    proxy.agent.must("start")
    assert proxy.worker == worker
    proxy.agent.must("stop")
    assert process.wait(5) == 0 and not ocf.is_alive(worker)


def test_adopts_one_without_a_master(proxy, spawn, until):
    process = by_hand(proxy, spawn, until, "-db")
    proxy.agent.must("monitor", interval=0)
    assert proxy.agent.recorded_pid() == process.pid
    assert "without -W" in proxy.agent.must("reload-agent", reload_token="1").reason
    assert process.poll() is None
    proxy.agent.must("stop")
    assert process.wait(5) == 0


def test_stop_without_a_record_ends_what_serves(proxy, spawn, until):
    process = by_hand(proxy, spawn, until, "-W", "-db")
    proxy.agent.must("stop")
    assert process.wait(5) == 0


def test_does_not_adopt_by_a_bad_parameter(proxy, spawn, until):
    """The default that stands in for a bad value may lead to somebody else's HAProxy."""
    process = by_hand(proxy, spawn, until, "-W", "-db")
    proxy.agent.must("monitor", ocf.NOT_RUNNING, interval=0, config="haproxy.cfg")
    proxy.agent.must("stop", config="haproxy.cfg")
    assert process.poll() is None


def test_adopts_with_a_bad_reloadable_value(proxy, spawn, until):
    process = by_hand(proxy, spawn, until, "-W", "-db")
    proxy.agent.must("monitor", interval=0, drain_timeout="soon")
    assert proxy.agent.recorded_pid() == process.pid


def test_does_not_adopt_what_another_instance_has(proxy, agent):
    proxy.agent.must("start")
    other = agent("haproxy", config=proxy.file)
    assert "another resource" in other.must("monitor", ocf.NOT_RUNNING, interval=0).log
    other.must("stop")
    proxy.agent.must("monitor")


@pytest.mark.parametrize("options", [["-D"], ["-W", "-D"]])
def test_adopts_a_daemon(proxy, daemon, options):
    master = daemon(*options)
    proxy.agent.must("monitor", interval=0)
    assert proxy.agent.recorded_pid() == master
    proxy.agent.must("start")
    proxy.agent.must("monitor", interval=2000)
    proxy.agent.must("stop")
    assert not ocf.is_alive(master) and proxy.refuses()


def test_reloads_an_adopted_master(proxy, daemon, echo):
    proxy.write(server=echo)
    master = daemon("-W", "-D")
    proxy.agent.must("monitor", interval=0)
    with proxy.connect() as client:
        assert talks(client)
        worker = proxy.worker
        assert proxy.agent.must("reload-agent", reload_token="1").reason is None
        assert proxy.worker != worker and proxy.agent.recorded_pid() == master
        assert talks(client, b"still here")


def test_adopts_as_systemd_starts_it(proxy, spawn, until):
    """Debian's unit: haproxy -Ws -f FILE -p PIDFILE -S SOCKET, and a socket to tell when it is ready."""
    process = by_hand(proxy, spawn, until, "-Ws", "-S", proxy.file.parent / "master")
    proxy.agent.must("monitor", interval=0)
    assert proxy.agent.recorded_pid() == process.pid
    proxy.agent.must("stop")
    assert process.wait(5) == 0


# ---- one that does not answer ----


@pytest.mark.parametrize("options", [["-db"], ["-W", "-db"]])
def test_finds_one_whose_socket_is_gone(proxy, spawn, until, options):
    """Its configuration tells: a second one beside it would share its ports unnoticed."""
    process = by_hand(proxy, spawn, until, *options)
    proxy.socket.unlink()
    result = proxy.agent.must("monitor", ocf.ERR_GENERIC, interval=0)
    assert "by its command line" in result.log and str(proxy.socket) in result.reason
    assert "missing" in result.reason and proxy.agent.recorded_pid() == process.pid
    proxy.agent.must("start", ocf.ERR_GENERIC)
    proxy.agent.must("stop")
    assert process.wait(5) == 0
    proxy.agent.must("start")
    proxy.agent.must("monitor")


def test_a_stop_ends_one_whose_socket_is_gone(proxy, spawn, until):
    """HAProxy loses a signal that comes so early, and cannot be asked whether it was heard."""
    process = by_hand(proxy, spawn, until, "-W", "-db")
    proxy.socket.unlink()
    assert ends_before_its_drain_time(proxy, until)
    assert process.wait(5) == 0


def test_finds_one_with_a_path_of_its_own(proxy, spawn, until):
    process = spawn("haproxy", "-W", "-db", "-f", proxy.file.name, cwd=proxy.file.parent)
    until(lambda: proxy.socket.exists() and not proxy.refuses(), "HAProxy serves")
    proxy.socket.unlink()
    proxy.agent.must("monitor", ocf.ERR_GENERIC, interval=0)
    assert proxy.agent.recorded_pid() == process.pid


def test_leaves_a_check_of_the_file_alone(proxy, spawn):
    proxy.file.write_text(proxy.file.read_text() + "".join(
        f"backend b{number}\n    server one 127.0.0.1:1\n" for number in range(40000)))
    check = spawn("haproxy", "-c", "-f", proxy.file)
    proxy.agent.must("monitor", ocf.NOT_RUNNING, interval=0)
    assert check.poll() is None, "the check was over too soon to be seen"


def test_leaves_one_in_a_container_alone(proxy, spawn, until):
    process = spawn("unshare", "--net", "haproxy", "-W", "-db", "-f", proxy.file)
    until(proxy.socket.exists, "it is there")
    until(lambda: proxy.worker, "it answers")
    assert "in a container" in proxy.agent.must("monitor", ocf.NOT_RUNNING, interval=0).log
    proxy.agent.must("stop")
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.wait(10)


def test_leaves_one_with_another_file_alone(proxy, spawn, folder, until):
    other = folder / "other.cfg"
    other.write_text(proxy.file.read_text().replace(str(proxy.socket), str(folder / "other")))
    process = spawn("haproxy", "-db", "-f", other)
    until(lambda: not proxy.refuses(), "it serves")
    proxy.agent.must("monitor", ocf.NOT_RUNNING, interval=0)
    proxy.agent.must("stop")
    assert process.poll() is None
