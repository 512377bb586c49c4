"""A stretch of soak.py, which runs for an hour by hand: what it measures is measured, instances come and go, every event is audited."""
from soak import ALLOWED, Soak


def test_a_short_soak(broker, own_redis, tmp_path):
    said = []
    soak = Soak(broker, own_redis(), tmp_path, seconds=12, rate=100, churn=1.5, guarded=True, say=said.append)
    try:
        counts = soak.run().counts
    finally:
        soak.close()
    assert counts["consumed"] == soak.load.sent > 1000
    assert soak.done["joined"] and all(any(line.split()[0] == name for line in said) for name in ALLOWED)
