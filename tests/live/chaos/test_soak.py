"""A stretch of the random mode; soak.py plays it as long as wanted."""
import conftest
from soak import Soak


def test_faults_at_random(stage):
    lines = []
    with Soak(stage, stage.room("soak"), seed=4, seconds=20, say=lambda line, **_: lines.append(line)) as soak:
        counts = soak.run()
    conftest.TABLES.append(("faults at random, seed 4", "\n".join(lines)))
    assert len(soak.done) >= 3 and counts["consumed"] > 100
