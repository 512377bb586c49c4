"""orderd under a real systemd: it starts, works in its sandbox, is reloaded, and stops."""
import json
import time

from conftest import ROOT, Service, until

# Some thousand events in a second: the mock keeps only so many that nobody has read.
FLOW = """
n=0
while sleep 0.02; do
    seq -f '{"id":"flow-%.0f","type":"deposit","user":"flow","amount":1}' $n $((n + 99))
    n=$((n + 100))
done | kcat -P -b "$0" -t orders -p 0 -X linger.ms=5"""
STOP_S = 30      # the unit's TimeoutStopSec


def proc_status(service):
    lines = service.machine.path(f"/proc/{service.pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_it_is_ready_when_it_has_its_partition(installed):
    installed.forget()
    installed.control("start")
    assert installed.is_active()
    assert "running with 1 partition" in installed.status
    assert "took over topic=orders partition=0" in installed.journal()


def test_it_does_its_work_in_the_sandbox(service):
    service.place.send('{"id":"1","type":"deposit","user":"17","amount":42}\n')
    until(lambda: service.place.redis("hget", "users:17", "funds") == "42", "the deposit is not applied")


def test_it_runs_as_its_own_user_without_rights(service):
    status = proc_status(service)
    user = service.machine.run("id", "-u", "orderd").stdout.strip()
    assert status["Uid"].split() == [user] * 4
    assert {status[name] for name in ("CapEff", "CapBnd", "CapPrm", "CapAmb", "CapInh")} == {"0000000000000000"}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def orderd(service, *words):
    """As root, who needs to say nothing: the socket is where the commands look."""
    return service.machine.run(f"/proc/{service.pid}/exe", *words, check=False)


def test_it_takes_commands_at_the_place_where_they_are_given(service):
    shown = orderd(service, "status")
    assert shown.returncode == 0 and shown.stdout.startswith("running"), shown.stdout + shown.stderr
    assert orderd(service, "status", "--instance", "elsewhere").returncode == 69
    assert orderd(service, "pause", "--reason", "in a sandbox").stdout == "paused: 1 partition, 1 of them here\n"
    until(lambda: "1 paused on purpose" in service.status, lambda: service.status)
    assert service.is_active() and json.loads(orderd(service, "status", "--json").stdout)["state"] == "paused"
    assert "uid 0: in a sandbox" in orderd(service, "status").stdout
    assert orderd(service, "resume").returncode == 0
    socket = service.machine.path("/run/orderd/control.sock").stat()
    assert socket.st_mode & 0o777 == 0o600 and socket.st_uid == service.machine.path(f"/proc/{service.pid}").stat().st_uid


def may_write(service, name, user):
    found = service.machine.path(f"/proc/{service.pid}/root{name}").stat()
    return found.st_uid == user or bool(found.st_mode & 0o002)


def test_it_can_execute_nothing_that_it_can_write(service):
    mounts = service.machine.path(f"/proc/{service.pid}/mountinfo").read_text().splitlines()
    options = {line.split(" ")[4]: set(line.split(" ")[5].split(",")) for line in mounts}
    own = service.machine.path(f"/proc/{service.pid}").stat().st_uid
    theirs = [name for name, given in options.items() if "rw" in given and may_write(service, name, own)]
    assert options["/"] >= {"ro", "noexec"}
    assert "/run/orderd" in theirs and not [name for name in theirs if "noexec" not in options[name]]
    own, first = (service.machine.run("readlink", f"/proc/{pid}/ns/user").stdout for pid in (service.pid, 1))
    assert own != first


def test_its_lines_have_priorities(service):
    service.control("restart")
    lines = [json.loads(line) for line in service.journal("-o", "json").splitlines()]
    priorities = {line["MESSAGE"].split(" ")[0]: line["PRIORITY"] for line in lines if line.get("SYSLOG_IDENTIFIER") == "orderd"}
    assert (priorities["stopping"], priorities["took"]) == ("5", "6")
    assert not [line for line in lines if str(line["MESSAGE"]).startswith("<")]


def test_a_reload_takes_over_what_was_changed(service):
    pid = service.pid
    service.configure(level="notice")
    service.control("reload")
    service.until_said("configuration reloaded")
    until(service.is_active, "not active after the reload")
    assert service.pid == pid
    service.configure()


def test_a_bad_file_is_refused_by_a_reload_and_the_old_one_stays(service):
    pid = service.pid
    service.configure(more='durability = "hope"; user = 5;')
    service.control("reload")
    service.until_said("the changed configuration is refused, the old one stays")
    said = service.journal()
    assert "redis.durability" in said and "redis.user" in said
    service.until_status("the last reload was refused")
    assert (service.is_active(), service.pid) == (True, pid)
    service.configure()
    service.control("reload")
    until(lambda: "refused" not in service.status, "the good file does not take the refusal back")


def test_an_instance_without_a_partition_is_ready_too(service):
    other = Service(service.place, "second")
    other.drop_in("redis-socket", (ROOT / "systemd" / "examples" / "redis-socket.conf").read_text())
    other.configure()
    other.control("start")
    roles = {"running with 1 partition", "standing by: the group market has no partition for this instance"}
    until(lambda: {service.status.split(",")[0], other.status.split(",")[0]} == roles, lambda: f"{service.status!r} and {other.status!r}")
    assert other.is_active()
    other.control("stop")
    assert other.show("Result") == "success"


def test_it_stops_in_time_while_events_flow(service):
    flow = service.machine.popen("sh", "-c", FLOW, service.place.brokers("1"))
    try:
        until(lambda: int(service.place.redis("hget", "users:flow", "funds") or 0) > 1000, "no events flow")
        begun = time.monotonic()
        service.control("stop")
        assert time.monotonic() - begun < STOP_S
    finally:
        flow.kill()
        flow.wait()
        service.machine.run("pkill", "kcat", check=False)
    assert (service.show("Result"), service.show("ExecMainStatus")) == ("success", "0")
    assert "stopping signal=SIGTERM" in service.journal()
