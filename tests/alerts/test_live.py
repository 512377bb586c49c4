"""Each fault made for real, before a real Prometheus that asks every second: raised in time, alone, and gone in time after the mend.

All scenes go on side by side, with every `for` divided by ten; tests/alerts/run.py --full takes the rules as they are.
"""
import pytest

from play import Stage
from promtool import rules
from scenes import NOT_LIVE, SCENES

FASTER = 10
pytestmark = pytest.mark.xdist_group("live")


@pytest.fixture(scope="module")
def plays(request):
    """{name: Play}: the scenes that were asked for, played."""
    asked = [scene for scene in SCENES if any(item.name == f"test_scene[{scene.__name__}]" for item in request.session.items)]
    return {play.name: play for play in Stage(asked or SCENES, FASTER).plays}


@pytest.mark.parametrize("name", [scene.__name__ for scene in SCENES])
def test_scene(plays, name):
    assert plays[name].faults() == [], plays[name].logs


def test_no_alert_is_without_a_scene(plays):
    raised = {alert for play in plays.values() for alert in play.expected}
    assert raised | NOT_LIVE == set(filter(None, rules())) and not raised & NOT_LIVE
