"""orderd under a real systemd: credentials, and what ends it for good."""
import time

import pytest

from conftest import ROOT, until


@pytest.fixture
def behind_a_password(installed):
    """Redis wants one, which root alone can read; the service gets it as the example tells."""
    installed.control("stop")
    installed.place.redis("config", "set", "requirepass", "swordfish")
    installed.machine.put("/etc/orderd/credentials/redis-password", "swordfish\n", mode=0o600)
    installed.machine.put("/etc/orderd/credentials/kafka-password", "none\n", mode=0o600)
    installed.configure(more='password_file = "redis-password";')
    installed.drop_in("credentials", (ROOT / "systemd" / "examples" / "credentials.conf").read_text())
    installed.forget()
    yield installed
    installed.control("stop")
    installed.machine.run("redis-cli", "-s", "/run/redis/redis-server.sock", "-a", "swordfish", "config", "set", "requirepass", "")
    installed.drop_in("credentials", None)
    installed.configure()


def test_a_credential_is_read_and_shown_nowhere(behind_a_password):
    service = behind_a_password
    service.control("start")
    assert service.is_active()
    environment = service.machine.path(f"/proc/{service.pid}/environ").read_bytes()
    assert b"CREDENTIALS_DIRECTORY=" in environment and b"swordfish" not in environment
    assert "swordfish" not in service.journal()


def test_a_wrong_password_ends_it_for_good(behind_a_password):
    service = behind_a_password
    service.machine.put("/etc/orderd/credentials/redis-password", "sailfish\n", mode=0o600)
    service.control("start", check=False)
    assert_ended_for_good(service, "77")
    assert service.status == "ended: it lacks rights; the log names them"
    assert "WRONGPASS" in service.journal()


def test_a_bad_configuration_ends_it_for_good(installed):
    installed.control("stop")
    installed.forget()
    installed.configure(more="database = 99999;")
    installed.control("start", check=False)
    assert_ended_for_good(installed, "78")
    assert f"{installed.file}:4: redis.database" in installed.journal("-p", "err")
    installed.configure()


def assert_ended_for_good(service, code):
    until(lambda: service.show("ActiveState") == "failed", service.journal)
    time.sleep(3)      # longer than RestartSec
    found = [service.show(name) for name in ("ActiveState", "Result", "ExecMainStatus", "NRestarts")]
    assert found == ["failed", "exit-code", code, "0"]
