"""An operator's hands on daemons that work: a pause holds through crashes and rebalances, one event is skipped, and nobody at the control socket is felt."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from daemon import BINARY, SHORT_SESSION
from load import Feeder
from market import deposit, reserve
from process import until
from proxy import Proxy


class Hands:
    """`orderd VERB …` for one daemon, over a socket in its market's folder."""

    def __init__(self, daemon):
        self.daemon, self.socket = daemon, daemon.settings["control.socket"]

    def run(self, *words, timeout=60):
        return subprocess.run([BINARY, *map(str, words), "--socket", self.socket], capture_output=True, text=True, timeout=timeout)

    def do(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def partition(self, number=0):
        """As status shows it; {} when it is not of this daemon."""
        return next((p for p in self.status()["partitions"] if p["partition"] == number), {})


@pytest.fixture
def with_hands(make_market):
    """with_hands(partitions=1, …): a market, and a function that starts a daemon in it with a control socket."""
    def make(**options):
        market = make_market(**options)

        def start(name=None):
            daemon = market.daemon(name, control__socket=str(market.directory / f"{name or 'orderd'}.sock"))
            return daemon, Hands(daemon)

        return market, start

    return make


def test_a_pause_survives_kill_9_and_ends_with_resume(with_hands):
    market, start = with_hands()
    daemon, hands = start()
    market.play([deposit("u", 1) for _ in range(20)])
    hands.do("pause", "--reason", "kill me")
    daemon.kill()
    market.send_all([deposit("u", 1) for _ in range(20)])
    daemon.start()
    until(lambda: hands.partition().get("state") == "paused", 30, "it is not paused after its start")
    until(lambda: hands.partition()["lag"] == 20, 30, "its lag is not shown")
    assert market.mark()["next"] == "20" and hands.run("status").returncode == 0
    hands.do("resume")
    market.outcomes(alive=[daemon])
    market.audit()


def test_a_paused_partition_stays_paused_with_its_next_owner(with_hands):
    """The others go on, and the one that is asked need not own it."""
    market, start = with_hands(partitions=2, settings=SHORT_SESSION)
    first, hands = start()
    market.play([deposit("u", 1)], partition=1)
    hands.do("pause", f"{market.source}:1", "--reason", "moves")
    second, others = start("second")
    until(lambda: len(hands.status()["partitions"]) == len(others.status()["partitions"]) == 1, 60, "the group was not shared")
    owner, other = (hands, others) if hands.partition(1) else (others, hands)
    assert owner.partition(1)["state"] == "paused" and owner.partition(1)["paused_note"] == f"uid {os.getuid()}: moves"
    market.send_all([deposit("u", 1) for _ in range(10)], partition=1)
    market.send_all([deposit("v", 1) for _ in range(10)], partition=0)
    until(lambda: market.funds("v") == 10, 30, "the other partition does not go on")
    owner.daemon.kill()
    until(lambda: other.partition(1).get("state") == "paused", 60, "the next owner does not keep the pause")
    assert market.mark(1)["next"] == "1"
    other.do("resume", f"{market.source}:1")
    market.outcomes(alive=[other.daemon], timeout=60)
    market.audit()


def test_a_quiet_instance_shares_its_partitions_and_answers_the_group(with_hands):
    """It fetches nothing, and is a member all the same."""
    market, start = with_hands(partitions=2, settings=SHORT_SESSION)
    first, hands = start()
    market.play([deposit("u", 1)])
    first.signal(signal.SIGTSTP)
    until(lambda: hands.status()["state"] == "quiet", 10, "it does not go quiet")
    second, others = start("second")
    until(lambda: len(hands.status()["partitions"]) == len(others.status()["partitions"]) == 1, 30, "the group was not shared")
    for partition in range(2):
        market.send_all([deposit(f"p{partition}", 1) for _ in range(10)], partition=partition)
    quiet, = (p["partition"] for p in hands.status()["partitions"])
    until(lambda: market.funds(f"p{1 - quiet}") == 10, 30, "the other instance does not go on")
    assert market.funds(f"p{quiet}") is None and hands.partition(quiet)["state"] == "paused"
    assert second.stop() == 0
    until(lambda: len(hands.status()["partitions"]) == 2, 30, "it does not take what the other one left")
    first.signal(signal.SIGCONT)
    market.outcomes(alive=[first])
    market.audit()


def test_a_partition_of_another_instance_is_paused_within_seconds(with_hands):
    market, start = with_hands(settings=SHORT_SESSION)
    daemon, _ = start()
    market.play([deposit("u", 1)])
    _, standby = start("standby")
    until(lambda: standby.status()["state"] in ("standby", "running"), 30, "no second instance")
    owner = Hands(daemon)
    asked = standby if owner.partition() else owner
    asked.do("pause", market.source)
    until(lambda: any(h.partition().get("state") == "paused" for h in (owner, standby)), 10, "its owner has not seen it")
    market.send(deposit("u", 1))
    time.sleep(1)
    assert market.mark()["next"] == "1"
    asked.do("resume")
    market.outcomes(alive=[daemon])
    market.audit()


@pytest.fixture
def contended(market):
    """The market behind a proxy: whenever a transaction over stock:lamp is about to be executed, another program has just written it."""
    client = market.server.client(db=market.database)

    def before(request):
        if b"stock:lamp" in request and b"\r\nEXEC\r\n" in request:
            client.incrby(market.key("stock:lamp"), 1)

    proxy = Proxy(market.server, before)
    market.settings.update({"redis.address": proxy.address, "deadline_ms.reserve": 0, "control.socket": str(market.directory / "control.sock")})
    market.redis.set(market.key("stock:lamp"), 1000)
    yield market
    proxy.close()


def test_an_event_in_conflict_is_skipped_and_those_behind_it_go_on(contended):
    market = contended
    hands = Hands(market.daemon())
    stuck = market.send(reserve("lamp", 1, "b"), key=b"lamp", headers=[("a", b"\x00b")])
    market.send(deposit("u", 5))
    until(lambda: market.stock("lamp") > 1005, 20, "it is not in conflict")
    assert "is decided malformed, reason skipped" in hands.do("skip", f"{market.source}:0:{stuck}", "--reason", "it never comes through")
    outcomes = market.outcomes(alive=[hands.daemon])
    assert [o.verdict for o in outcomes] == [("malformed", "skipped"), ("applied", None)]
    assert outcomes[0].value["detail"] == "it never comes through"
    letter, = market.dead_letters()
    assert letter.key == b"lamp" and ("a", b"\x00b") in letter.headers and json.loads(letter.value)["sku"] == "lamp"
    market.audit(replay=False)


def test_no_more_events_are_decided_than_the_rate_allows(with_hands):
    """A ceiling only, counted by offsets; and that it goes on to the end."""
    market, start = with_hands()
    daemon, hands = start()
    hands.do("rate", 200)
    began = time.monotonic()
    market.send_all([deposit("u", 1) for _ in range(1000)])
    for _ in range(8):
        time.sleep(0.25)
        decided = int(market.mark()["next"])
        assert decided <= 200 * (time.monotonic() - began) + 21
    assert decided > 0 and hands.status()["operator"]["rate_events_per_s"] == 200
    daemon.reload()
    until(lambda: hands.status()["operator"]["rate_events_per_s"] is None, 10, "a reload does not end the rate")
    market.outcomes(alive=[daemon])
    market.audit()


def talk(path, line, read):
    """A client that says something and goes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        with contextlib.suppress(OSError):
            client.connect(path)
            client.sendall(line)
            if read:
                client.recv(65536)


def test_whoever_misuses_the_socket_is_not_felt(with_hands):
    """Two hundred at once, some that die, some that never read, rubbish; events flow, the audit balances, no descriptor stays open."""
    market, start = with_hands(partitions=2)
    daemon, hands = start()
    descriptors = Path(f"/proc/{daemon.process.pid}/fd")
    with Feeder(market, partitions=2) as feeder:
        feeder.ahead(500)
        before = len(list(descriptors.iterdir()))
        silent = [socket.socket(socket.AF_UNIX) for _ in range(8)]
        for client in silent:
            client.connect(hands.socket)
            client.sendall(b'{"v":1,"do":"status","json":1}\n' * 100)
        lines = [b"\x00\xff" * 3000, b'{"v":1,"do":"status"}\n', b'{"v":1,"do":"pause"', b'{"v":1,"do":"explode"}\n', b'{"v":1,"do":"rate","number":-1}\n']
        clients = [threading.Thread(target=talk, args=(hands.socket, lines[n % len(lines)], n % 2)) for n in range(200)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(30)
        feeder.ahead(500)
        for client in silent:
            client.close()
    market.outcomes(alive=[daemon], timeout=60)
    until(lambda: len(list(descriptors.iterdir())) <= before + 1, 20, "descriptors stay open")
    assert hands.status()["state"] == "running"
    market.audit()


def test_a_second_daemon_does_not_take_the_socket_of_a_living_one_and_does_that_of_a_dead_one(with_hands):
    market, start = with_hands()
    daemon, hands = start()
    second = market.make("second", control__socket=hands.socket).start(wait=False)
    assert second.wait_exit() == 69 and "another daemon answers there" in second.log()
    assert hands.status()["pid"] == daemon.process.pid
    daemon.kill()
    daemon.start()
    assert hands.status()["pid"] == daemon.process.pid
    assert daemon.stop() == 0 and not Path(hands.socket).exists()
