"""`orderd dead-letter redrive` sends each letter once, whoever dies or freezes, at whatever step, and however many want the same."""
import collections
import signal

import pytest

from letters import Box
from process import until

STEPS = [f"{step}:{side}" for step in ("open", "intent", "begin", "produce", "commit", "record") for side in ("before", "after")]


@pytest.fixture
def box(lasting_market):
    return Box(lasting_market)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_none_is_lost_and_none_sent_twice(box, step):
    places = box.fill(*[b"killed at " + step.encode() + b" %d" % number for number in range(3)])
    assert box.run("redrive", *places, "--anyway", death=step).returncode == -signal.SIGKILL
    assert box.run("redrive", *places, "--anyway").returncode == 0
    assert box.sent_back(*places) == [1, 1, 1]
    assert [line["result"] for line in box.lines("redrive", *places, "--anyway")] == ["before"] * 3
    assert box.sent_back(*places) == [1, 1, 1]


@pytest.mark.parametrize("step", ["intent:after", "begin:after", "produce:after", "commit:before", "commit:after"])
def test_frozen_at_a_step_it_sends_nothing_when_it_wakes_up(box, step):
    places = box.fill(*[b"frozen at " + step.encode() + b" %d" % number for number in range(3)])
    frozen = box.start("redrive", *places, "--anyway", death=f"{step}:stop")
    until(lambda: open(f"/proc/{frozen.pid}/stat").read().rpartition(")")[2].split()[0] == "T", 30, "it does not freeze")
    assert box.run("redrive", *places, "--anyway").returncode == 0
    frozen.send_signal(signal.SIGCONT)
    out, err = frozen.communicate(timeout=60)
    assert frozen.returncode == 75, out + err
    assert box.sent_back(*places) == [1, 1, 1]
    assert [line["state"] for line in box.lines("show", *places)] == ["redriven"] * 3


def test_of_many_at_a_time_each_letter_is_sent_by_one(box):
    places = box.fill(*[b"wanted by all %d" % number for number in range(20)])
    started = [box.start("redrive", *places, "--anyway") for _ in range(4)]
    assert {process.wait(90) for process in started} <= {0, 75}
    for process in started:
        process.communicate()
    assert box.run("redrive", *places, "--anyway").returncode == 0
    assert box.sent_back(*places) == [1] * 20


def test_many_batches_are_sent_once_and_a_signal_stops_between_them(box):
    market = box.market
    first = market.send(b"many 0")
    market.send_all([b"many %d" % number for number in range(1, 350)])
    box.places([first, first + 349])
    process = box.start("redrive", "--source", f"{market.source}:0:{first}-{first + 349}", "--anyway")
    assert process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 75), err
    assert box.run("redrive", "--source", f"{market.source}:0:{first}-{first + 349}", "--anyway").returncode == 0
    back = collections.Counter(dict(r.headers)["dlq.redrive.source"] for r in box.source()
                               if r.value and r.value.startswith(b"many ") and r.headers)
    assert len(back) == 350 and set(back.values()) == {1}


def test_the_audit_balances_over_all_of_this(lasting_market):
    assert lasting_market.audit().counts["malformed"] > len(STEPS)
