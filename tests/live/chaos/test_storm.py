"""A stretch of the random mode; storm.py plays it as long as wanted."""
import conftest
from storm import Storm


def test_faults_at_random(stage):
    lines = []
    with Storm(stage, stage.room("storm"), seed=4, seconds=20, say=lambda line, **_: lines.append(line)) as storm:
        counts = storm.run()
    conftest.TABLES.append(("faults at random, seed 4", "\n".join(lines)))
    assert len(storm.done) >= 3 and counts["consumed"] > 100
