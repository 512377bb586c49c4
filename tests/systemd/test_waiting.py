"""orderd under a real systemd, when it waits, and when it hangs: systemd knows the one from the other."""
import time

from conftest import until


def test_it_waits_for_redis_longer_than_a_start_may_last(installed):
    installed.control("stop")
    installed.place.machine.run("systemctl", "stop", "redis-server")
    installed.drop_in("start", "[Service]\nTimeoutStartSec=2s\n")
    installed.forget()
    installed.control("start", "--no-block")
    installed.until_status("waiting for Redis at /run/redis/redis-server.sock")
    time.sleep(4)
    assert (installed.show("ActiveState"), installed.show("NRestarts")) == ("activating", "0")
    installed.place.machine.run("systemctl", "start", "redis-server")
    until(installed.is_active, installed.journal)
    installed.drop_in("start", None)


def test_what_it_waits_for_does_not_wake_the_watchdog(watched):
    pid, place = watched.pid, watched.place
    for unit in ("redis-server", "kafka@1"):
        place.signal(unit, "STOP")
    time.sleep(8)
    assert (watched.show("NRestarts"), watched.pid) == ("0", pid)
    assert "waiting for Redis" in watched.status
    for unit in ("kafka@1", "redis-server"):
        place.signal(unit, "CONT")
    watched.until_status("running with 1 partition")
    assert (watched.show("NRestarts"), watched.pid) == ("0", pid)


def test_a_pipeline_that_hangs_is_ended_and_started_again(watched):
    pid = watched.pid
    watched.machine.put("/run/orderd-hang", "")
    until(lambda: watched.show("NRestarts") == "1", watched.journal)
    watched.machine.run("rm", "/run/orderd-hang")
    assert "Watchdog timeout" in watched.journal()
    until(watched.is_active, watched.journal)
    assert watched.pid != pid
    watched.place.send('{"id":"after","type":"deposit","user":"18","amount":1}\n')
    until(lambda: watched.place.redis("hget", "users:18", "funds") == "1", "nothing goes on")
