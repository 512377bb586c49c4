"""An operator's commands against a running daemon: what the README shows, what a terminal and a program see, and what is said when nobody answers."""
import ctypes
import fcntl
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

import pytest

from conftest import BINARY, ROOT
from place import PATIENCE_S, README, Place, until
from process import start

VERBS = {"status": [], "pause": [], "resume": [], "rate": ["5"], "skip": ["orders:0:1", "--reason", "x"], "log-level": ["info"], "dump": []}


@pytest.fixture(scope="module")
def running():
    """A place whose daemon has its socket where systemd would have put it, in a folder that anybody may look into."""
    folder = Path(tempfile.mkdtemp(prefix="orderd-place-"))
    folder.chmod(0o755)
    place = Place(folder)
    try:
        place.make_user()
        place.daemon = place.orderd(RUNTIME_DIRECTORY=str(place.folder))
        place.control = place.folder / "control.sock"
        until(lambda: '"state":"owned"' in subprocess.run([BINARY, "status", "--json", "--socket", place.control], capture_output=True, text=True).stdout)
        yield place
    finally:
        place.end()
        shutil.rmtree(folder)


@pytest.fixture
def ask(running, orderd):
    return lambda *words: orderd(*words, "--socket", running.control)


def status(ask):
    return json.loads(ask("status", "--json").out)


def test_every_command_of_the_readme_can_be_given(running, ask):
    running.send(text='{"id":"first","type":"deposit","user":"mara","amount":1}\n')
    until(lambda: status(ask)["partitions"][0]["next"] == 1)
    commands = re.findall(r"^\| `orderd ([^`]*)` \|", README.split("### An operator's hands")[1].split("\n### ")[0], flags=re.MULTILINE)
    assert {command.split()[0] for command in commands} == set(VERBS)
    for command in commands:
        words = shlex.split(command.replace("orders:3", "orders:0"))
        if words[0] == "skip":      # nothing comes: it is waited for, and taken back
            assert ask(*words, "--wait", "0").code == 75
            assert ask("skip", "orders:0:17", "--forget").code == 0
        else:
            done = ask(*words)
            assert (done.code, done.err) == (0, ""), command
    assert ask("rate", "off").code == ask("log-level", "info").code == 0
    assert running.log().count("an operator's command do=") >= len(commands) - 1
    assert f"uid={os.getuid()} pid=" in running.log()


def members(shown):
    """Every name of an object and of the objects in it, but for those of health and the two ends, which the manual does not list."""
    for name, value in shown.items():
        yield name
        inside = value if isinstance(value, list) else [value]
        if name not in ("health", "redis", "kafka", "events", "events_per_s"):
            for one in inside:
                yield from members(one) if isinstance(one, dict) else ()


def test_the_members_for_programs_are_those_of_the_manual(running, ask):
    text = (ROOT / "conf" / "man" / "orderd.8").read_text().split(".Sh STATUS FOR PROGRAMS")[1].split("\n.Sh ")[0]
    named = {name for line in re.findall(r"^\.(?:It )?Va (.*)$", text, flags=re.MULTILINE) for name in re.findall(r"\w+", line)}
    if not status(ask)["errors"]:
        running.redis("CLIENT", "KILL", "TYPE", "normal")
        until(lambda: running.log().count("took over topic=orders") == 2)
    until(lambda: status(ask)["state"] == "running")
    shown = status(ask)
    assert shown["v"] == 1 and shown["code"] in (0, 1)
    assert set(members(shown)) - {"key", "per_s"} == named - {"key", "per_s"}      # nothing is hot here


def test_a_pause_holds_until_it_is_resumed_and_is_healthy(running, ask):
    assert ask("pause", "orders", "--reason", "the feed is wrong").out == "paused: 1 partition, 1 of them here\n"
    try:
        before = len(running.outcomes())
        running.send(text='{"id":"held","type":"deposit","user":"mara","amount":1}\n')
        shown = ask("status")
        assert shown.code == 0 and "paused on purpose" in shown.out and f"uid {os.getuid()}: the feed is wrong" in shown.out
        until(lambda: status(ask)["partitions"][0]["lag"] == 1)
        assert len(running.outcomes()) == before and status(ask)["state"] == "paused"
    finally:
        assert ask("resume").code == 0
    until(lambda: running.outcomes()[-1]["id"] == "held")


def test_signals_make_it_quiet_and_let_it_go_on(running, ask):
    running.daemon.send_signal(signal.SIGTSTP)
    until(lambda: status(ask)["state"] == "quiet")
    assert ask("status").code == 0
    running.daemon.send_signal(signal.SIGTTIN)
    until(lambda: "dump: partition topic=orders partition=0 state=paused" in running.log())
    running.daemon.send_signal(signal.SIGCONT)
    until(lambda: status(ask)["state"] == "running")


def test_a_skipped_event_goes_to_the_dead_letters(running, ask):
    place = status(ask)["partitions"][0]["next"]
    assert ask("skip", f"orders:0:{place}", "--reason", "ticket 7", "--wait", "0").code == 75
    running.send(text='{"id":"unwanted","type":"deposit","user":"mara","amount":1}\n')
    done = ask("skip", f"orders:0:{place}", "--reason", "ticket 7")
    assert done.code == 0 and "is decided malformed, reason skipped" in done.out
    until(lambda: running.outcomes()[-1]["source"]["offset"] == place)
    assert (running.outcomes()[-1]["status"], running.outcomes()[-1]["reason"]) == ("malformed", "skipped")
    letter = running.records("orders.dead-letters")[-1]
    headers = dict(zip(letter["headers"][::2], letter["headers"][1::2]))
    assert letter["payload"] == '{"id":"unwanted","type":"deposit","user":"mara","amount":1}'
    assert (headers["dlq.reason"], headers["dlq.message"]) == ("skipped", "ticket 7")
    late = ask("skip", "orders:0:0", "--reason", "too late")
    assert late.code == 65 and "is decided already" in late.err


@pytest.mark.parametrize("words, code, said", [
    (["pause", "nosuch"], 66, "nosuch is no topic of this market; its topics and their partition counts are orders=1"),
    (["pause", "orders:7"], 66, "orders:7 is no partition"),
    (["skip", "orders:7:1", "--reason", "x"], 66, "is not owned by this instance"),
    (["log-level", "loud"], 64, "a level is one of error, warning, notice, info, debug"),
], ids=lambda word: " ".join(word) if isinstance(word, list) else None)
def test_what_the_daemon_refuses_is_said(ask, words, code, said):
    done = ask(*words)
    assert (done.code, done.out) == (code, "") and said in done.err


class Terminal:
    """A pseudo-terminal of some size with `orderd status --watch 1` in it."""

    def __init__(self, control, columns, rows):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(BINARY, ["orderd", "status", "--watch", "1", "--socket", str(control)], {**os.environ, "TERM": "xterm"})
        self.shown = b""

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, until_text):
        end = time.monotonic() + PATIENCE_S
        while until_text not in self.shown:
            assert time.monotonic() < end, self.shown.decode(errors="replace")
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.fd, 65536)
                except OSError:      # the other side has ended
                    break
        return self.shown

    def pages(self):
        return [re.sub(rb"\033\[[0-9;?]*[A-Za-z]", b"", page).decode() for page in self.shown.split(b"\033[H")[1:]]

    def end(self, key):
        os.write(self.fd, key)
        self.read(b"\033[?1049l")
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return code


def widest(terminal):
    """Of the newest page's lines; reads on before."""
    if select.select([terminal.fd], [], [], 0.2)[0]:
        terminal.shown += os.read(terminal.fd, 65536)
    return max(len(line) for line in terminal.pages()[-1].split("\r\n"))


def test_watch_draws_into_the_terminal_and_gives_it_back(running):
    terminal = Terminal(running.control, 60, 24)
    terminal.read(b"q ends")
    assert b"\033[?1049h" in terminal.shown and b"\033[1m" in terminal.shown
    page = terminal.pages()[0].split("\r\n")
    assert len(page) <= 24 and max(len(line) for line in page) <= 60
    drawn = len(terminal.pages())
    terminal.resize(100, 30)
    until(lambda: widest(terminal) > 60)
    assert len(terminal.pages()) > drawn
    assert terminal.end(b"q") == 0
    assert terminal.shown.rstrip().endswith(b"\033[?25h\033[?1049l")


def test_ctrl_c_ends_watch_too(running):
    terminal = Terminal(running.control, 80, 24)
    terminal.read(b"q ends")
    assert terminal.end(b"\x03") == 0


def test_no_colours_where_it_is_no_terminal_or_not_wanted(ask, running, orderd):
    assert "\033" not in ask("status").out
    watch = start([BINARY, "status", "--watch", "1", "--socket", running.control], stdout=subprocess.PIPE, text=True)
    page = [watch.stdout.readline() for _ in range(10)]
    watch.terminate()
    assert watch.wait(PATIENCE_S) == 0
    assert "\033" not in "".join(page) and page[0].startswith("running")


@pytest.mark.parametrize("verb", VERBS)
def test_where_nobody_answers_it_says_so(orderd, tmp_path, verb):
    done = orderd(verb, *VERBS[verb], "--socket", tmp_path / "no.sock")
    assert (done.code, done.out) == (69, "")
    assert f"no daemon answers at {tmp_path}/no.sock" in done.err and "--instance NAME" in done.err


def test_somebody_else_may_not(running):
    if os.getuid() != 0:
        pytest.skip("only root can be somebody else")
    done = subprocess.run([BINARY, "status", "--socket", running.control], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
    assert done.returncode == 77 and "only the daemon's own user and root may talk to it" in done.stderr


@pytest.mark.parametrize("words", [
    ["status", "more"], ["status", "--watch", "0"], ["status", "--watch=x"], ["status", "--json", "--watch"], ["status", "--reason", "x"],
    ["pause", "orders:x"], ["pause", "orders:1:2"], ["pause", ":1"], ["pause", "orders", "payments"], ["pause", "--reason", ""],
    ["resume", "orders:-1"], ["resume", "--reason", "x"], ["rate"], ["rate", "0"], ["rate", "1000001"], ["rate", "fast"],
    ["skip"], ["skip", "orders:1:2"], ["skip", "orders:1", "--reason", "x"], ["skip", "orders:1:2", "--reason", "x" * 161],
    ["skip", "orders:1:2", "--reason", "x", "--wait", "soon"], ["log-level"], ["dump", "now"], ["dump", "--all"],
    ["status", "--socket", "a", "--instance", "b"],
], ids=" ".join)
def test_wrong_usage_is_64_and_points_to_the_help(orderd, words):
    done = orderd(*words)
    assert (done.code, done.out) == (64, "")
    assert f"see orderd {words[0]} --help" in done.err or "option" in done.err


@pytest.mark.parametrize("verb", VERBS)
def test_each_has_a_help_of_its_own(orderd, verb):
    done = orderd(verb, "--help")
    assert (done.code, done.err) == (0, "") and f"orderd {verb}" in done.out and "--instance NAME" in done.out


@pytest.mark.parametrize("file, socket, found", [
    ("orderd.conf", "control.sock", "/run/orderd/control.sock"), ("eu.conf", "ctl", "/run/orderd-eu/ctl"), ("eu.conf", "/nowhere/c.sock", "/nowhere/c.sock"),
], ids=["the unit", "a unit of a name", "an absolute path"])
def test_the_configuration_says_where(orderd, write, file, socket, found):
    done = orderd("status", "-c", write(file, f"""
kafka: {{ brokers = "b:1"; topics = [ "o" ]; outcomes = "o.out"; dead_letters = "o.dead"; }};
control: {{ socket = "{socket}"; }};
"""))
    assert done.code == 69 and f"no daemon answers at {found}:" in done.err


def test_an_instance_says_where(orderd):
    assert "no daemon answers at /run/orderd-eu-nosuch/control.sock:" in orderd("status", "--instance", "eu-nosuch").err


def test_a_crash_beside_the_pipeline_names_no_event(tmp_path):
    """Or an operator would set aside one that has nothing to do with it."""
    place = Place(tmp_path)
    try:
        place.make_user()
        daemon = place.orderd(RUNTIME_DIRECTORY=str(tmp_path))
        until(lambda: "took over topic=orders" in place.log())
        threads = {task.joinpath("comm").read_text().strip(): int(task.name) for task in Path(f"/proc/{daemon.pid}/task").iterdir()}
        assert ctypes.CDLL(None).tgkill(daemon.pid, threads["orderd-desk"], signal.SIGSEGV) == 0
        assert daemon.wait(PATIENCE_S) == -signal.SIGSEGV
        assert place.log().splitlines()[-1].endswith("crashed in a thread beside the pipeline, so by no event")
    finally:
        place.end()
