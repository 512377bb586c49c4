"""The package on a machine with systemd as its first process: installed, configured, started, upgraded, removed, purged."""
import re

from conftest import APT, NEXT_VERSION, ROOT, readme_block

STORY = ROOT / "conf" / "example-orders.ndjson"


def pid(host, unit="orderd"):
    return host.must(f"systemctl show -p MainPID --value {unit}")


def start_neighbours(host):
    """Debian's own redis-server, and a Kafka that has the topics."""
    host.must("""cat >/etc/systemd/system/mockd.service <<END
[Service]
ExecStart=/packages/mockd 1 orders orders.outcomes orders.dead-letters
StandardOutput=file:/run/brokers
END
systemctl daemon-reload; systemctl start mockd""")
    host.must(f"{APT} redis-server kcat")
    host.until("test -s /run/brokers && redis-cli ping")


def configure(host, file="/etc/orderd/orderd.conf"):
    """What an operator changes in the file as it was installed; and the mock of Kafka knows of a member that left only by its timeout."""
    brokers = host.must("cat /run/brokers")
    for old, new in [("brokers = .*", f'brokers = "{brokers}";'), ('#address = "/run/redis/.*', 'address = "127.0.0.1:6379";'),
                     ("#consumer = .*", 'consumer = [ "session.timeout.ms=6000", "fetch.wait.max.ms=10" ];'), ("#revoke_ms = .*", "revoke_ms = 3000;")]:
        host.must(f"sed -i 's|^    {old}|    {new}|' {file}")


def start(host):
    """The README's commands after installing; its editor is configure()."""
    host.install()
    start_neighbours(host)
    commands = readme_block("editor /etc/orderd/orderd.conf")
    configure(host)
    assert commands[-2:] == ["systemctl enable --now orderd", "orderd status"]
    for command in commands[1:]:
        host.must(command.split("  #")[0])


def play(host):
    host.must(f"kcat -P -b $(cat /run/brokers) -t orders -p 0 -l /dev/stdin <<'END'\n{STORY.read_text()}END")


def outcomes(host):
    said = host.must("kcat -C -e -q -b $(cat /run/brokers) -t orders.outcomes -o beginning -f '%s\\n'")
    return [line for line in said.splitlines() if line]


def test_a_new_machine_runs_nothing_yet(booted):
    state = dict(line.split("=") for line in booted.must("systemctl show -p ActiveState -p UnitFileState orderd").splitlines())
    assert state == {"ActiveState": "inactive", "UnitFileState": "disabled"}


def test_the_configuration_is_for_the_services_group_alone(booted):
    assert booted.must("stat -c '%a %U:%G' /etc/orderd/orderd.conf /etc/orderd") == "640 root:orderd\n755 root:root"
    assert booted.run("setpriv --reuid orderd --regid orderd --clear-groups cat /etc/orderd/orderd.conf").returncode == 0
    assert booted.run("setpriv --reuid nobody --regid nogroup --clear-groups cat /etc/orderd/orderd.conf").returncode != 0


def test_the_user_cannot_log_in_and_owns_nothing(booted):
    assert re.fullmatch(r"orderd:x:\d+:\d+:Order transaction daemon:/:/usr/sbin/nologin", booted.must("getent passwd orderd"))
    assert booted.must("find /etc /var/lib /run -user orderd") == ""


def test_the_configuration_is_good_as_it_comes(booted):
    assert booted.must("orderd --check-config -c /etc/orderd/orderd.conf") == "/etc/orderd/orderd.conf: ok"
    assert booted.must("dpkg-query -W -f '${Conffiles}' orderd").startswith("/etc/orderd/orderd.conf ")


def test_systemd_finds_nothing_wrong_with_the_units(booted):
    done = booted.run("systemd-analyze verify --man=no /usr/lib/systemd/system/orderd.service /usr/lib/systemd/system/orderd@east.service")
    assert (done.returncode, done.stdout, [line for line in done.stderr.splitlines() if "orderd" in line]) == (0, "", [])


def test_dpkg_finds_every_file_as_it_was_packed(booted):
    assert booted.must("dpkg --verify orderd") == ""


def test_it_runs_once_it_is_configured(host):
    start(host)
    assert host.must("systemctl is-active orderd") == "active" and host.must("systemctl is-enabled orderd") == "enabled"
    play(host)
    host.until("[ $(kcat -C -e -q -b $(cat /run/brokers) -t orders.outcomes -o beginning | wc -l) -ge 28 ]")
    assert host.must("redis-cli hget users:mara funds") == "23"
    assert host.must("systemctl stop orderd; systemctl show -p Result --value orderd") == "success"


def test_an_upgrade_restarts_what_runs_and_keeps_the_configuration(host):
    start(host)
    host.must("cp -p /etc/orderd/orderd.conf /etc/orderd/east.conf")
    host.must("sed -i 's/#group = .*/group = \"east\";/; s/#prefix = .*/prefix = \"east:\";/' /etc/orderd/east.conf")
    host.must("systemctl enable --now orderd@east")
    before, east, configuration = pid(host), pid(host, "orderd@east"), host.must("cat /etc/orderd/orderd.conf")
    host.install(NEXT_VERSION)
    host.until(f"systemctl is-active orderd orderd@east && [ $(systemctl show -p MainPID --value orderd) != {before} ]")
    assert host.must("dpkg-query -W -f '${Version}' orderd").startswith(NEXT_VERSION)
    assert pid(host) not in (before, "0") and pid(host, "orderd@east") not in (east, "0")
    assert host.must("cat /etc/orderd/orderd.conf") == configuration
    assert host.must("stat -c '%a %U:%G' /etc/orderd/orderd.conf") == "640 root:orderd"
    assert host.must("systemctl is-enabled orderd orderd@east") == "enabled\nenabled"


def test_an_upgrade_does_not_wait_for_a_redis_that_is_away(host):
    start(host)
    before = pid(host)
    host.must("systemctl stop redis-server")
    host.install(NEXT_VERSION)
    host.until(f"systemctl show -p StatusText --value orderd | grep '^waiting for Redis' && [ $(systemctl show -p MainPID --value orderd) != {before} ]")
    host.must("systemctl start redis-server")
    host.until("systemctl is-active orderd")


def test_an_upgrade_starts_nothing_that_was_stopped(host):
    host.install()
    host.install(NEXT_VERSION)
    state = dict(line.split("=") for line in host.must("systemctl show -p ActiveState -p UnitFileState orderd").splitlines())
    assert state == {"ActiveState": "inactive", "UnitFileState": "disabled"}


def test_an_upgrade_keeps_rights_that_an_administrator_gave(host):
    host.install()
    host.must("chgrp adm /etc/orderd/orderd.conf; chmod 600 /etc/orderd/orderd.conf")
    host.install(NEXT_VERSION)
    assert host.must("stat -c '%a %U:%G' /etc/orderd/orderd.conf") == "600 root:adm"


def test_removing_stops_it_and_keeps_the_configuration(host):
    start(host)
    configuration = host.must("cat /etc/orderd/orderd.conf")
    running = pid(host)
    host.must("apt-get remove -y -q orderd")
    assert host.run(f"kill -0 {running}").returncode != 0
    assert host.must("cat /etc/orderd/orderd.conf") == configuration
    assert host.run("systemctl cat orderd").returncode != 0
    # Installed again, it is as enabled as it was, and runs no sooner than it is told to or the machine boots.
    host.install()
    assert host.must("systemctl is-enabled orderd") == "enabled"


def test_purging_leaves_the_user_and_what_others_put_there(host):
    start(host)
    host.must("mkdir -m 700 /etc/orderd/credentials; echo swordfish >/etc/orderd/credentials/redis-password; "
              "cp -p /etc/orderd/orderd.conf /etc/orderd/east.conf; systemctl enable orderd@east")
    host.must("apt-get purge -y -q orderd")
    assert host.must("find /etc /run /usr /var/lib -name '*orderd*'") == "/etc/orderd"
    assert host.must("ls /etc/orderd") == "credentials\neast.conf"
    assert host.must("getent passwd orderd") != ""
    assert host.must("find /etc/systemd -lname '*orderd*'") == ""


def test_purged_and_installed_again_it_is_as_new(host):
    host.install()
    host.must("echo '# mine' >>/etc/orderd/orderd.conf; apt-get purge -y -q orderd; test ! -e /etc/orderd")
    host.install()
    assert "# mine" not in host.must("cat /etc/orderd/orderd.conf")
    assert host.must("stat -c '%a %U:%G' /etc/orderd/orderd.conf") == "640 root:orderd"
