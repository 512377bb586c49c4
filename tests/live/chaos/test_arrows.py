"""Deaths and freezes at every named step of an event's way, before and after it (DESIGN 3, PROTOCOL 2 and 3)."""
import signal

import conftest
import pytest
from arrows import APART, Arrow, every_arrow, kinds, run_histories, steps
from load import mixed
from market import Market

# Where a freeze that outlasts the session makes a zombie with something in its hands.
FREEZES = [Arrow(step, side, signal.SIGSTOP) for step in ("load.receive", "exec.send", "exec.receive", "gate.receive", "flush.send", "epoch.send", "epoch.receive")
           for side in ("before", "after")] + [Arrow("publish", "after", signal.SIGSTOP), Arrow("commit", "before", signal.SIGSTOP)]


def deaths(stage, room):
    arrows = every_arrow()
    table = run_histories(stage.cluster, stage.pair.master, room, arrows, 1, 2 * list(kinds()))
    conftest.TABLES.append(("deaths at each step", table.text()))
    assert not table.zeros(arrows)


def freezes(stage, room):
    table = run_histories(stage.cluster, stage.pair.master, room, FREEZES, 2, 2 * ["eager", "cooperative"])
    conftest.TABLES.append(("freezes at each step", table.text(signal.SIGSTOP)))
    assert not table.zeros(FREEZES)


def first_start(stage, room):
    """Death while registry and marks are made: each is there whole or not at all, and the next start goes on."""
    arrows = [Arrow(step, side) for step in ("first.send", "first.receive") for side in ("before", "after")]
    markets = [Market(stage.cluster, stage.pair.master, room_of(room, n), partitions=2) for n in range(len(arrows))]
    try:
        for market, arrow in zip(markets, arrows):
            market.start_state()
            market.make().start(wait=False, environment=arrow.environment())
        for market in markets:
            daemon, = market.daemons
            assert daemon.wait_exit(90) == -signal.SIGKILL
            assert bool(market.meta()) == bool(market.mark(0)) == bool(market.mark(1))
            daemon.start(wait=False)
            market.send_all(mixed(50, 2))
        for market in markets:
            market.audit()
    finally:
        for market in markets:
            market.close()


def room_of(room, n):
    (room / str(n)).mkdir()
    return room / str(n)


PLAYS = {"deaths": deaths, "freezes": freezes, "first_start": first_start}


@pytest.mark.parametrize("name", PLAYS)
def test_at_each_step(plays, name):
    plays[name].result()


def test_the_steps_that_are_played_apart_are_steps():
    assert APART < set(steps())
