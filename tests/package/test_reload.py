"""Type=notify-reload, where systemd knows it (253, so not on Debian 12): a reload is waited for, and its time is compared."""
import pytest

from test_machine import pid, start

KNOWN_FROM = 253
DROP_IN = "[Service]\nType=notify-reload\nExecReload=\n"


def test_a_reload_is_waited_for(host):
    version = int(host.must("systemctl --version").split()[1])
    if version < KNOWN_FROM:
        pytest.skip(f"systemd {version} has no notify-reload")
    start(host)
    host.must(f"mkdir /etc/systemd/system/orderd.service.d; printf '{DROP_IN}' >/etc/systemd/system/orderd.service.d/reload.conf; systemctl daemon-reload")
    host.must("systemctl restart orderd")
    before = pid(host)
    for times in (1, 2, 3):
        host.must("systemctl reload orderd")
        assert host.must("journalctl -u orderd -o cat | grep -c 'configuration reloaded'") == str(times)
    assert (host.must("systemctl is-active orderd"), pid(host)) == ("active", before)
