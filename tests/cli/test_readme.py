"""What the README tells to do, done: its Redis user can do all that orderd does, its files and commands are there."""
import re
import signal
import subprocess

import pytest

from conftest import BINARY, ROOT, commands
from place import PATIENCE_S, README, Place, until

# What the README tells, and what the two say that it sends developers to.
TOLD = README + (ROOT / "daemon" / "README.md").read_text() + (ROOT / "tests" / "README.md").read_text()
STORY = ROOT / "conf" / "example-orders.ndjson"


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.end()


def test_the_redis_user_may_do_all_that_orderd_does(place):
    place.make_user()
    daemon = place.orderd()
    place.send("-l", STORY)
    until(lambda: len(place.outcomes()) == 28)
    # A new connection ends the former one, takes over again and reads what lies in Redis.
    place.redis("CLIENT", "KILL", "TYPE", "normal")
    until(lambda: place.log().count("took over topic=orders") == 2)
    place.send(text='{"id":"again","type":"deposit","user":"mara","amount":1}\n')
    until(lambda: len(place.outcomes()) == 29)
    until(lambda: place.redis("XLEN", "shop:orderd:outbox").stdout.strip() == "0")
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0
    assert place.redis("HGET", "shop:users:mara", "funds").stdout.strip() == "24"
    assert "NOPERM" not in place.log()
    assert "NOPERM" not in place.redis("ACL", "LOG").stdout and place.redis("ACL", "LOG").stdout.strip() == ""


def test_the_redis_user_is_enough_for_the_check_too(place, orderd):
    place.make_user()
    ended = orderd("check", "-c", place.folder / "orderd.conf", "--connect")
    assert ended.code == 0, ended.out
    assert "may do all that orderd does on shop:*" in ended.out
    assert place.redis("ACL", "LOG").stdout.strip() == "" and place.redis("DBSIZE").stdout.strip() == "0"


def test_a_first_start_may_begin_at_the_end(place, orderd):
    place.make_user()
    for number in range(3):
        place.send(text=f'{{"id":"early-{number}","type":"deposit","user":"mara","amount":1}}\n')
    init = ["init", "-c", place.folder / "orderd.conf", "--from", "end"]
    would = orderd(*init, "--dry-run")
    assert would.code == 0 and "orders:0" in would.out and "3" in would.out and "nothing was changed" in would.out
    assert place.redis("EXISTS", "shop:orderd:meta").stdout.strip() == "0"
    assert orderd(*init).code == 0
    assert place.redis("HGET", "shop:orderd:mark:orders:0", "next").stdout.strip() == "3"
    daemon = place.orderd()
    place.send(text='{"id":"late","type":"deposit","user":"mara","amount":1}\n')
    until(lambda: [outcome["id"] for outcome in place.outcomes()] == ["late"])
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0


def test_a_dry_run_of_a_first_start_makes_no_registry(place, orderd):
    place.make_user()
    init = ["init", "-c", place.folder / "orderd.conf"]
    would = orderd(*init, "--dry-run")
    assert would.code == 0 and "would be made" in would.out and "nothing was changed" in would.out
    assert place.redis("DBSIZE").stdout.strip() == "0"
    made = orderd(*init)
    assert made.code == 0 and "the registry is there" in made.out and place.redis("EXISTS", "shop:orderd:meta").stdout.strip() == "1"
    again = orderd(*init, "--dry-run")
    assert again.code == 0 and "the registry is there" in again.out and "would be made" not in again.out


@pytest.mark.parametrize("less, named", [("-zadd", "zadd"), ("-xdel", "xdel"), ("-watch", "watch"), ("-lset", "lset")])
def test_a_user_that_may_do_less_is_refused_at_start(place, less, named):
    place.make_user(less)
    assert place.orderd().wait(PATIENCE_S) == 77
    assert f"'{named}'" in place.log().lower()


def test_a_user_without_the_keys_is_refused_at_start(place):
    place.make_user("resetkeys", "~elsewhere:*")
    assert place.orderd().wait(PATIENCE_S) == 77


def test_a_wrong_password_is_refused_at_start(place):
    place.make_user("resetpass", ">another")
    assert place.orderd().wait(PATIENCE_S) == 77
    assert "WRONGPASS" in place.log() and "swordfish" not in place.log()


def test_every_file_that_the_readme_names_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", TOLD)
    names = re.findall(r"`((?:daemon|conf|tests|systemd)/[\w./-]*)`", TOLD) + re.findall(r"(?:^|\s)((?:tests|conf)/[\w.-]+\.(?:sh|conf|ndjson))", TOLD)
    assert len(links + names) > 10
    for name in links + names:
        assert (ROOT / name).exists(), name


def test_every_option_that_the_readme_names_is_known(orderd):
    tests = BINARY.parents[1] / "tests"
    helps = orderd("--help").out
    helps += "".join(orderd(command, "--help").out for command in commands(orderd))
    for program in (ROOT / "tests" / "quickstart.sh", ROOT / "tests" / "live" / "soak.py", ROOT / "tests" / "live" / "judgement.py", ROOT / "tests" / "live" / "chaos" / "arrows.py",
                    ROOT / "tests" / "alerts" / "run.py", tests / "sim" / "sim", tests / "model" / "model_protocol"):
        helps += subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TOLD)) - {"--bootstrap-server", "--create", "--topic", "--partitions", "--config", "--now", "--install", "--scan", "--pattern"}
    assert len(named) > 12
    assert {option for option in named if option not in helps} == set()


def test_the_readmes_minimal_file_is_the_one_in_conf():
    minimal = (ROOT / "conf" / "orderd-minimal.conf").read_text()
    body = minimal[minimal.index("kafka:"):]
    assert "".join(f"    {line}\n" for line in body.splitlines()) in README
