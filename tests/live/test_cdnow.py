"""Real purchases through the whole way, held against a calculation that shares nothing with the daemon (../cdnow/cdnow.py)."""
import collections
import os
import sys
from pathlib import Path

import pytest
from audit import Audit, snapshot
from broker import Record
from market import Outcome, encode
from process import until
from replaying import Target, replay

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cdnow"))
import cdnow  # noqa: E402

PARTITIONS = 4


def verdicts(market, stream, offsets):
    """{event id: (status, reason)} as the outcomes say; a malformed one is known by its place alone."""
    ids = {(e.partition, offset): e.value["id"] for e, offset in zip(stream, offsets)}
    outcomes = map(Outcome, market.broker.read(market.outcome_topic))
    return {ids[o.partition, o.offset]: (o.status, None if o.status == "malformed" else o.reason) for o in outcomes}


@pytest.mark.long
def test_every_purchase_is_decided_as_calculated_and_the_market_is_the_calculated_one(make_market):
    rows = cdnow.read(os.environ.get("ORDERD_CDNOW"))
    stream = list(cdnow.events(rows, PARTITIONS))
    expected, decisions = cdnow.expect(stream)
    market = make_market(partitions=PARTITIONS)
    daemon = market.daemon()
    offsets = market.send_all([Record(e.partition, None, e.key.encode(), encode(e.value), None, 0) for e in stream])
    until(lambda: not Audit(market).unsettled() or not daemon.alive, 120, daemon.tail)

    found = verdicts(market, stream, offsets)
    wrong = {id: (found.get(id), verdict) for id, verdict in decisions.items() if found.get(id) != verdict}
    assert not wrong, f"{len(wrong)} of {len(decisions)} decisions: {list(wrong.items())[:5]}"
    assert counts(stream, found) == counts(stream, decisions)
    nothing = sum(row.cents == 0 for row in rows)
    assert nothing and counts(stream, found)["purchase", "malformed", None] == nothing == len(market.dead_letters())

    state = snapshot(market)[None].plain()
    assert state["funds"] == {user: cents for user, cents in expected.funds.items() if cents}
    assert state["inventory"] == {user: items for user, items in expected.held.items() if items}
    assert state["market"] == expected.listed
    assert state["stock"] == expected.stock
    assert daemon.stop() == 0
    replayed(market, len(stream))


def replayed(market, events):
    """Played once more, every decision is the same, and so is the market."""
    target = Target(market)
    done = replay(market, target, "--verify", "--json", timeout=300)
    assert done.code == 0, done.out + done.err
    assert done.report["verified"]["same"] == events
    assert snapshot(target)[None].plain() == snapshot(market)[None].plain()


def counts(stream, verdict):
    return collections.Counter((e.value["type"], *verdict[e.value["id"]]) for e in stream)
