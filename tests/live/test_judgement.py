"""The judgement on a small scale; judgement.py does it with a million events and takes as long as that takes."""
import pytest

import judgement
from ground import Ground

EVENTS, KILLS = 20000, 6


@pytest.fixture(scope="module")
def ground(broker, tmp_path_factory):
    """Three daemons have worked a market under kills and rebalances, and are at rest."""
    with Ground(tmp_path_factory.mktemp("ground"), broker=broker) as ground:
        ground.play(EVENTS, KILLS)
        yield ground


def test_every_decision_is_that_of_the_rulebook(ground):
    counts = judgement.sound(ground)
    assert sum(counts.values()) == EVENTS and sum(ground.done.values()) == KILLS
    assert {"applied", "duplicate", "malformed", "rejected insufficient_funds", "rejected out_of_stock", "rejected not_held"} <= set(counts)


@pytest.mark.parametrize("part", ["audit", "verify", "mutant", "rollback", "disaster"])
def test_what_is_asked_of_the_log_is_answered_right(ground, part, monkeypatch):
    monkeypatch.setattr(judgement, "LOSSES", 1)
    monkeypatch.setattr(judgement, "SOME", 4000)
    judgement.PARTS[part](ground, print)
