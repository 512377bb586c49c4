"""Fixtures of the chaos tests: one stage for the run, and plays that go on side by side because they mostly wait."""
import concurrent.futures
import sys
from pathlib import Path

import pytest

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

from daemon import BINARY       # noqa: E402
from stage import Stage         # noqa: E402

TABLES = []      # of kills, shown at the end of the run
SIDE_BY_SIDE = 7


@pytest.fixture(scope="session")
def stage():
    assert BINARY.exists(), f"{BINARY} is missing: build first, or set ORDERD_BINARY"
    with Stage() as stage:
        yield stage


@pytest.fixture(scope="session")
def pool(stage):
    """Threads that live as long as the run: what one of them starts, a broker for instance, dies with it (process.start)."""
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield pool


@pytest.fixture(scope="module")
def plays(request, stage, pool):
    """{name: Future}: the module's PLAYS that were asked for, several of them under way at any time; a test waits for its own."""
    asked = {item.callspec.params["name"] for item in request.session.items if item.module is request.module and hasattr(item, "callspec")}
    begun = {name: pool.submit(request.module.PLAYS[name], stage, stage.room(name)) for name in sorted(asked)}
    yield begun
    concurrent.futures.wait(begun.values())


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Of all the daemons only those of the test's own play are shown."""
    report = (yield).get_result()
    if hasattr(item, "callspec"):
        own = f"/{item.callspec.params['name']}/"
        report.sections = [section for section in report.sections if ".conf exit=" not in section[0] or own in section[0]]


def pytest_terminal_summary(terminalreporter):
    for title, text in TABLES:
        terminalreporter.section(title)
        terminalreporter.write_line(text)
