"""tests/quickstart.sh as a newcomer runs it; it uses the release build, which it makes if need be."""
import json
import os
import re
import shlex
import signal
import subprocess
import time

import pytest

import process
from conftest import ROOT

SCRIPT = ROOT / "tests" / "quickstart.sh"
STORY = [line for line in (ROOT / "conf" / "example-orders.ndjson").read_text().splitlines() if line]
LIMIT_S = 180

KINDS = {"list", "unlist", "purchase", "reserve", "restock", "deposit", "grant"}
REASONS = {"insufficient_funds", "price_changed", "not_listed", "not_held", "already_held", "out_of_stock", "unknown_sku",
           "delivered_again", "wrong_type", "not_json"}


def start(tmp_path, *arguments):
    return process.start([SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
                         environment={"TMPDIR": tmp_path, "NO_COLOR": "1", "COLUMNS": "100"})


def left_behind(tmp_path):
    """Processes that name the folder of this test, and what is in it."""
    listing = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False)
    return listing.stdout.split(), list(tmp_path.iterdir())


def outcome_lines(output):
    return [line for line in output.splitlines() if re.match(r"  [^ \w] [a-z]", line)]


def shell(command):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout


def outcome_after(command, event):
    """A person needs longer for the next command than orderd for the outcome; a test asks again."""
    until = time.monotonic() + 20
    while True:
        last = json.loads(shell(command).splitlines()[-1])
        if last["id"] == event or time.monotonic() > until:
            return last


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One run from beginning to end: exit code, output, and what it left."""
    folder = tmp_path_factory.mktemp("whole")
    process = start(folder)
    output = process.communicate(timeout=LIMIT_S)[0]
    return process.returncode, output, left_behind(folder)


def test_it_ends_well_and_leaves_nothing(whole):
    code, output, left = whole
    assert code == 0, output
    assert left == ([], [])


def test_every_event_has_its_line(whole):
    rows = [(line[4:13].strip(), line[15:23].strip(), line[25 + 35:]) for line in outcome_lines(whole[1])]
    assert len(rows) == len(STORY)
    assert {kind for _, kind, _ in rows} - {"–"} == KINDS
    assert {rest.split()[0] for status, _, rest in rows if status != "applied"} == REASONS


def test_the_story_ends_as_it_is_told(whole):
    for line in (r"  mara +23   –", r"  otto +222   –", r"  tamsin +175   tin-owl", r"  left-boot +5   otto", r"  moonlamp +150   mara",
                 r"  lamp-oil +3", r"18 applied \+ 7 rejected \+ 1 duplicate \+ 2 malformed = 28 consumed", r"offsets 0 to 27 committed.*"):
        assert re.search(f"^{line}$", whole[1], flags=re.MULTILINE), line


def test_no_colour_comes_through_a_pipe(whole):
    assert "\033" not in whole[1]


def test_it_fits_a_terminal_of_a_hundred_columns(whole):
    assert max(len(line) for line in outcome_lines(whole[1])) <= 100


def test_what_keep_prints_works_and_ends(tmp_path):
    process = start(tmp_path, "--keep")
    output = process.communicate(timeout=LIMIT_S)[0]
    assert process.returncode == 0, output
    commands = [line.strip() for line in output.partition("Everything goes on running")[2].replace("|\n", "| ").splitlines()
                if line.startswith("  ")]
    end = commands.pop()
    try:
        said = [shell(commands[0]), outcome_after(commands[1], "mine-1")]
        assert (said[1]["id"], said[1]["status"]) == ("mine-1", "applied")
        said += [shell(command) for command in commands[2:]]
        assert said[2].count("dlq.reason=") == 2
        assert said[3].split() == ["moonlamp.mara", "150"]
        assert "next" in said[4]
        assert "took over topic=orders" in said[5]
        assert 'group = "quickstart";' in said[6]
        assert len(said) == 7
    finally:
        shell(end)
    assert shlex.split(end)[0] == "sh"
    assert left_behind(tmp_path) == ([], [])


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_leaves_nothing(tmp_path, number, code):
    process = start(tmp_path)
    for line in process.stdout:
        if "orderd joins" in line:
            break
    os.killpg(process.pid, number)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == code, rest
    assert left_behind(tmp_path) == ([], [])


def test_a_daemon_that_does_not_start_is_said_with_its_log(tmp_path):
    """A redis-server that is none stands first in the path."""
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "redis-server").write_text("#!/bin/sh\necho no redis today\nexit 1\n")
    (fake / "redis-server").chmod(0o755)
    folder = tmp_path / "tmp"
    folder.mkdir()
    begun = time.monotonic()
    ended = subprocess.run([SCRIPT], capture_output=True, text=True, timeout=LIMIT_S, check=False,
                           env={**os.environ, "TMPDIR": str(folder), "PATH": f"{fake}:{os.environ['PATH']}"})
    assert ended.returncode == 1
    assert "redis-server: it ended" in ended.stderr and "no redis today" in ended.stderr
    assert time.monotonic() - begun < 60
    assert left_behind(folder) == ([], [])


def test_help_and_wrong_options():
    helped = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=False)
    assert (helped.returncode, helped.stderr) == (0, "") and "--keep" in helped.stdout
    wrong = subprocess.run([SCRIPT, "--kepe"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (64, "") and "--kepe" in wrong.stderr


def test_who_is_not_root_is_told_the_one_line():
    ended = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "sh", "-s", "no-such-package", "another"],
                           input=(ROOT / "tests" / "install.sh").read_text(), capture_output=True, text=True, check=False)
    assert ended.returncode == 69
    assert ended.stderr == "needed: apt-get install -y --no-install-recommends no-such-package another\n"
