"""One booted systemd for the whole run, with Debian's Redis, a mock Kafka, and orderd installed as its unit says."""
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from machine import Machine

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ORDERD_BINARY") or ROOT / "build" / "daemon" / "orderd").resolve().parents[1]
UNITS = BUILD / "systemd"
PATIENCE_S = 90
SOCKET = "/run/redis/redis-server.sock"
TOPICS = "orders orders.outcomes orders.dead-letters"

MOCK_KAFKA = f"""[Service]
ExecStart=/opt/orderd/tests/mockd 1 {TOPICS}
StandardOutput=truncate:/run/kafka-%i
"""

CONFIGURATION = """
kafka: {{ brokers = "{brokers}"; group = "market"; topics = [ "orders" ]; outcomes = "orders.outcomes"; dead_letters = "orders.dead-letters";
          consumer = [ "session.timeout.ms={session_ms}", "fetch.wait.max.ms=10" ]; }};
redis: {{ address = "{redis}"; command_timeout_ms = 1000; prefix = "{prefix}"; {more} }};
drain: {{ stop_ms = 10000; revoke_ms = 3000; }};
log: {{ level = "{level}"; }};
"""


def until(condition, what):
    """Polls until it is true, and returns its value."""
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what() if callable(what) else what}"
        time.sleep(0.05)
    return value


def setting(unit, name):
    """The last value of a setting in a unit's text."""
    return re.findall(rf"^{name}=(.*)$", unit, flags=re.MULTILINE)[-1]


class Service:
    """A unit of the machine, and its configuration. Its journal begins where forget() was called last."""

    def __init__(self, place, instance=""):
        self.place, self.machine = place, place.machine
        self.unit = f"orderd@{instance}.service" if instance else "orderd.service"
        self.file = f"{place.config_dir}/{instance or 'orderd'}.conf"
        self.cursor = None

    def configure(self, kafka="1", redis=SOCKET, prefix="", more="", level="info", session_ms=6000):
        text = CONFIGURATION.format(brokers=self.place.brokers(kafka), redis=redis, prefix=prefix, more=more, level=level, session_ms=session_ms)
        self.machine.put(self.file, text)

    def drop_in(self, name, text):
        """With text None it is taken away."""
        folder = f"/etc/systemd/system/{self.unit}.d"
        if text is None:
            self.machine.run("rm", "-f", f"{folder}/{name}.conf")
        else:
            self.machine.put(f"{folder}/{name}.conf", text)
        self.machine.run("systemctl", "daemon-reload")

    def control(self, verb, *more, check=True):
        return self.machine.run("systemctl", verb, *more, self.unit, check=check)

    def show(self, name):
        return self.control("show", "--value", "-p", name).stdout.strip()

    @property
    def pid(self):
        return int(self.show("MainPID"))

    @property
    def status(self):
        return self.show("StatusText")

    def is_active(self):
        return self.show("ActiveState") == "active"

    def forget(self):
        """The journal so far is not looked at any more. --cursor shows the entry too where it stands: so a foreign one is put there."""
        self.control("reset-failed", check=False)
        self.machine.run("sh", "-c", "echo from here | systemd-cat && journalctl --sync")
        shown = self.machine.run("journalctl", "-n", "0", "--show-cursor").stdout
        self.cursor = shown.split("cursor: ")[1].strip()

    def journal(self, *options):
        return self.machine.run("journalctl", "-q", "-u", self.unit, *(["--cursor", self.cursor] if self.cursor else []), "-o", "cat", *options).stdout

    def until_said(self, text):
        until(lambda: text in self.journal(), lambda: f"{text!r} in the journal:\n{self.journal()}")

    def until_status(self, text):
        until(lambda: text in self.status, lambda: f"{text!r} in the status, which is {self.status!r}\n{self.journal()}")


class Place:
    """What is installed and runs in the machine."""

    def __init__(self, machine):
        self.machine = machine
        unit = (UNITS / "orderd.service").read_text()
        binary, _, config = setting(unit, "ExecStart").split(" ")
        self.config_dir = str(Path(config).parent)
        for inside, source in [(binary, BUILD / "daemon" / "orderd"), ("/usr/local/lib/libhang.so", BUILD / "tests" / "libhang.so"),
                               ("/etc/sysusers.d/orderd.conf", ROOT / "systemd" / "orderd.sysusers"),
                               *((f"/etc/systemd/system/{path.name}", path) for path in UNITS.glob("*.service"))]:
            place = machine.path(inside)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)
        machine.run("systemd-sysusers", "/etc/sysusers.d/orderd.conf")
        machine.put("/etc/systemd/system/kafka@.service", MOCK_KAFKA)
        machine.run("sh", "-c", f"printf 'port 0\\nunixsocket {SOCKET}\\nunixsocketperm 770\\n' >>/etc/redis/redis.conf")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "unmask", "redis-server")
        machine.run("systemctl", "start", "redis-server", "kafka@1")

    def brokers(self, kafka):
        file = self.machine.path(f"/run/kafka-{kafka}")
        return until(lambda: file.exists() and file.read_text().strip(), "the mock Kafka does not come up")

    def redis(self, *command):
        return self.machine.run("redis-cli", "-s", SOCKET, "-e", *command).stdout.strip()

    def send(self, events):
        """Lines to the one partition."""
        self.machine.run("kcat", "-P", "-b", self.brokers("1"), "-t", "orders", "-p", "0", input=events)

    def signal(self, unit, name):
        """To the main process: systemctl kill would also look for others, which not every host lets a machine do."""
        pid = self.machine.run("systemctl", "show", "--value", "-p", "MainPID", unit).stdout.strip()
        self.machine.run("kill", "-s", name, pid)


@pytest.fixture(scope="session")
def machine():
    reason = Machine.missing()
    if reason:
        pytest.skip(reason)
    with Machine(binds={BUILD: "/opt/orderd"}) as booted:
        yield booted


@pytest.fixture(scope="session")
def place(machine):
    return Place(machine)


@pytest.fixture(scope="session")
def installed(place):
    """orderd.service as it is installed, with the one drop-in that Debian's Redis asks for; configured and not yet started."""
    service = Service(place)
    service.drop_in("redis-socket", (ROOT / "systemd" / "examples" / "redis-socket.conf").read_text())
    service.configure()
    return service


@pytest.fixture
def service(installed):
    """It runs, and its journal begins here."""
    if not installed.is_active():
        installed.control("reset-failed", check=False)
        installed.control("start")
    installed.forget()
    return installed


@pytest.fixture
def watched(installed):
    """It runs under a watchdog that is soon impatient, with a library in it that can make its pipeline hang."""
    installed.drop_in("watchdog", "[Service]\nWatchdogSec=4s\nEnvironment=LD_PRELOAD=/usr/local/lib/libhang.so\n")
    installed.control("restart")
    installed.forget()
    yield installed
    installed.drop_in("watchdog", None)
    installed.control("stop")
