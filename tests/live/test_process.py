"""What process.py promises of the tests' own processes and ports."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import process
from process import free_port, until

TESTS = Path(__file__).resolve().parents[1]
PARENT = f"""
import sys, time
sys.path.insert(0, {str(TESTS / "live")!r})
from process import start
print(start(["sleep", "1000"], **eval(sys.argv[1])).pid, flush=True)
time.sleep(1000)
"""


def runs(pid, name):
    """And is no zombie, which an orphan may stay for a while."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return status.startswith(f"Name:\t{name}\n") and "State:\tZ" not in status


OPTIONS = [{}, {"environment": {"A": "b"}}, {"group": 43000}, {"network": "/proc/self/ns/net"}, {"group": 43000, "network": "/proc/self/ns/net"}]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "plain")
def test_a_child_dies_with_a_killed_run(options):
    if set(options) & {"group", "network"} and os.geteuid() != 0:
        pytest.skip("another group or network needs root")
    parent = subprocess.Popen([sys.executable, "-c", PARENT, repr(options)], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    until(lambda: runs(child, "sleep"), 20, "no child")
    parent.kill()
    parent.communicate()
    until(lambda: not runs(child, "sleep"), 20, "the child lives on")


@pytest.mark.skipif(os.geteuid() != 0, reason="another group needs root")
def test_a_child_is_in_its_group():
    child = process.start(["id", "-g"], group=43000, stdout=subprocess.PIPE, text=True)
    assert child.communicate()[0] == "43000\n"


def test_a_child_is_interrupted_though_the_run_is_not():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = process.start(["sleep", "1000"])
        until(lambda: runs(child.pid, "sleep"), 20, "no child")
        child.send_signal(signal.SIGINT)
        assert child.wait(90) == -signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_port_that_another_process_has_drawn_is_not_drawn(monkeypatch):
    draw = "import sys, time; sys.path.insert(0, sys.argv[1]); from process import free_port; print(free_port(), flush=True); time.sleep(1000)"
    other = process.start([sys.executable, "-c", draw, TESTS / "live"], stdout=subprocess.PIPE, text=True)
    theirs, mine = int(other.stdout.readline()), free_port()
    draws = iter([theirs, mine, mine + 1, *range(20000, 20100)])
    monkeypatch.setattr(process.random, "randrange", lambda *_: next(draws))
    assert free_port() not in (theirs, mine)
    other.kill()
    other.communicate()
    draws = iter([theirs])
    assert free_port() == theirs


def test_no_python_runs_in_a_child_before_its_program():
    assert [file for file in TESTS.rglob("*.py") if "preexec_" + "fn=" in file.read_text()] == []
