"""orderd under a real systemd, when others are slow: name servers that do not answer, and a Kafka that takes no farewell."""
import subprocess
import time

import pytest

from conftest import SOCKET

# Takes questions, as a server does that is cut off behind it, and answers none.
SILENT_SERVER = "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 53)); print('there', flush=True); time.sleep(1000)"
WATCHDOG = "[Service]\nWatchdogSec=9s\n"      # more than twice what the unit lets a name take, far less than the resolver's own times


@pytest.fixture
def by_name(installed):
    """Its Redis is known by a name, and it runs."""
    machine = installed.machine
    machine.run("sh", "-c", "printf 'port 6379\\nbind 127.0.0.1\\n' >>/etc/redis/redis.conf && systemctl restart redis-server")
    machine.run("sh", "-c", "cp /etc/hosts /etc/hosts.before && echo '127.0.0.1 redis.test' >>/etc/hosts")
    installed.configure(redis="redis.test:6379")
    installed.drop_in("watchdog", WATCHDOG)
    installed.control("restart")
    installed.forget()
    yield installed
    installed.drop_in("watchdog", None)
    installed.control("stop")
    installed.configure()


def test_a_name_server_that_is_silent_does_not_wake_the_watchdog(by_name):
    machine, pid = by_name.machine, by_name.pid
    silent = machine.popen("python3", "-c", SILENT_SERVER, stdout=subprocess.PIPE)
    try:
        assert silent.stdout.readline() == "there\n"
        machine.put("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        machine.run("mv", "/etc/hosts.before", "/etc/hosts")
        machine.run("systemctl", "stop", "redis-server")
        time.sleep(22)
        assert (by_name.show("NRestarts"), by_name.pid) == ("0", pid)
        assert "redis is away" in by_name.journal()
    finally:
        silent.kill()
        silent.wait()
        machine.run("systemctl", "start", "redis-server")


def test_a_drain_may_take_longer_than_the_unit_lets_a_stop_take(installed):
    installed.configure(redis=SOCKET)
    installed.drop_in("stop", "[Service]\nTimeoutStopSec=2s\n")
    installed.control("start")
    installed.place.signal("kafka@1", "STOP")
    begun = time.monotonic()
    installed.control("stop")
    took = time.monotonic() - begun
    installed.place.signal("kafka@1", "CONT")
    installed.drop_in("stop", None)
    assert (installed.show("Result"), installed.show("ExecMainStatus")) == ("success", "0")
    assert took > 3, "the stop was quick, so this shows nothing"
