# SPDX-License-Identifier: GPL-2.0-or-later
"""The reload of ocf:redis-ha:haproxy: what runs takes a new configuration and keeps its sessions, or
goes on as it is."""

import socket

import ocf
from haproxy_kit import LISTEN, talks


def test_reload_takes_a_new_listener_and_keeps_sessions(proxy, echo, until):
    proxy.write(server=echo)
    proxy.agent.must("start", reload_token="1")
    master, worker, second = proxy.agent.recorded_pid(), proxy.worker, proxy.pick_port()
    with proxy.connect() as client:
        assert talks(client)
        proxy.write(LISTEN.format(name="more", port=second, server=echo, check=""), server=echo)
        proxy.agent.must("reload-agent", reload_token="2")
        assert proxy.agent.recorded_pid() == master and proxy.worker != worker
        assert not proxy.refuses(second)
        assert talks(client, b"still here")
        assert sorted(ocf.children(master)) == sorted([worker, proxy.worker])
        proxy.agent.must("monitor")
    until(lambda: ocf.children(master) == [proxy.worker], "the old worker ends with its session")


def test_reload_only_for_a_new_token(proxy):
    proxy.agent.must("start", reload_token="1")
    worker = proxy.worker
    proxy.agent.must("reload-agent", reload_token="1", drain_timeout=3)
    assert proxy.worker == worker
    proxy.agent.must("reload-agent", reload_token="2")
    assert proxy.worker != worker


def test_reload_of_a_bad_file_changes_nothing(proxy):
    """Pacemaker would answer a failed reload by stopping what serves: the monitor tells of it instead."""
    proxy.agent.must("start", reload_token="1")
    worker, good = proxy.worker, proxy.file.read_text()
    proxy.write("listen broken\n    bogus keyword\n")
    for action, code in (("reload-agent", ocf.SUCCESS), ("monitor", ocf.DEGRADED), ("monitor", ocf.DEGRADED)):
        reason = proxy.agent.must(action, code, reload_token="2").reason
        assert f"{proxy.file}:{proxy.line_of('bogus')}" in reason and "not reloaded" in reason
        assert proxy.worker == worker and not proxy.refuses()
    proxy.file.write_text(good)
    proxy.agent.must("reload-agent", reload_token="3")
    assert proxy.worker != worker
    proxy.agent.must("monitor", reload_token="3")


def test_reload_with_a_taken_port_keeps_the_running_one(proxy):
    proxy.agent.must("start", reload_token="1")
    worker, taken = proxy.worker, proxy.pick_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        proxy.write(LISTEN.format(name="more", port=taken, server=1, check=""))
        proxy.agent.must("reload-agent", reload_token="2")
    reason = proxy.agent.must("monitor", ocf.DEGRADED, reload_token="2").reason
    assert f"127.0.0.1:{taken}" in reason and "Address already in use" in reason
    assert proxy.worker == worker and not proxy.refuses()


def test_bad_reloadable_value_does_no_harm(proxy):
    proxy.agent.must("start")
    worker = proxy.worker
    proxy.agent.must("reload-agent", drain_timeout="soon", reload_token="2")
    reason = proxy.agent.must("monitor", ocf.DEGRADED, interval=2000, drain_timeout="soon").reason
    assert all(word in reason for word in ("drain_timeout", "soon", "expected")) and proxy.worker == worker


def test_reload_to_another_stats_socket(proxy, folder):
    proxy.agent.must("start", reload_token="1")
    proxy.socket = folder / "moved"
    proxy.write()
    proxy.agent.must("reload-agent", reload_token="2")
    assert proxy.worker in ocf.children(proxy.agent.recorded_pid())
    proxy.agent.must("monitor")


def test_reload_of_what_does_not_run(proxy):
    assert "does not run" in proxy.agent.must("reload-agent", ocf.ERR_GENERIC, reload_token="2").reason


def test_says_whether_it_runs_what_is_on_disk(proxy):
    assert "is the one on disk" in proxy.agent.must("start", reload_token="1").log
    assert proxy.agent.must("monitor").log == ""
    proxy.write("# a new line\n")
    assert "is not the running one" in proxy.agent.must("monitor").log
    assert proxy.agent.must("monitor").log == ""
    proxy.agent.must("reload-agent", reload_token="2")
    assert "is the one on disk" in proxy.agent.must("monitor").log
