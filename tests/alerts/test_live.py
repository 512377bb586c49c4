"""Each fault made for real, before a real Prometheus that asks every second: raised in time, alone, and gone in time after the mend.

All scenes go on side by side, with every `for` divided by ten; tests/alerts/run.py --full takes the rules as they are.
"""
import re

import pytest

from play import Stage
from promtool import rules
from scenes import NOT_LIVE, SCENES, well

FASTER = 10
pytestmark = pytest.mark.xdist_group("live")


@pytest.fixture(scope="module")
def stage(request):
    """The scenes that were asked for, played, and the one that goes well."""
    asked = {scene for scene in SCENES if any(item.name == f"test_scene[{scene.__name__}]" for item in request.session.items)}
    return Stage([scene for scene in SCENES if scene in asked | {well}], FASTER)


@pytest.fixture
def plays(stage):
    """{name: Play}"""
    return {play.name: play for play in stage.plays}


@pytest.mark.parametrize("name", [scene.__name__ for scene in SCENES])
def test_scene(plays, name):
    assert plays[name].faults() == [], plays[name].logs


def test_no_alert_is_without_a_scene(plays):
    """What a scene would raise is known once it was played."""
    failed = [name for name, play in plays.items() if play.failure]
    if failed:
        pytest.skip(f"not all scenes were played: {', '.join(failed)} failed")
    raised = {alert for play in plays.values() for alert in play.expected}
    assert raised | NOT_LIVE == set(filter(None, rules())) and not raised & NOT_LIVE


def test_the_dashboard_shows_a_market_at_work(stage):
    """Each query has an answer, but for what a healthy one has not: hot keys, reasons, dead letters, alerts, and perhaps an unfinished event."""
    empty = [query for query, answer in stage.shown.items() if not answer]
    assert [query for query in empty if not re.search("hot_key|reasons|dead_letters|ALERTS|oldest_unfinished", query)] == []
    assert len(stage.shown) > 50
