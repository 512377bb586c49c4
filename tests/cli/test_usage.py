"""Options and exit codes."""
import re

import pytest

from conftest import commands, exit_codes

WIDTH = 100       # of a help's lines
COLUMN = 26       # where the words about an option begin


def test_help_names_every_way_to_call_it(orderd):
    ended = orderd("--help")
    assert (ended.code, ended.err) == (0, "")
    for option in ("-c FILE", "--check-config", "--print-config", "--version", "--help"):
        assert option in ended.out


def test_every_help_has_one_form(orderd):
    """A sentence; how it is called; what it does; its options, from -c to -h, and words about each in one column; at last the exit codes."""
    for command in commands(orderd):
        text = orderd(command, "--help").out
        lines = text.splitlines()
        options = [line for line in lines if re.match(" {4}-", line)]
        assert lines[0].startswith(f"orderd {command}: ") and lines[2].startswith(f"    orderd {command}"), command
        assert options[-1] == "    -h, --help            this text", command
        assert all(re.match(rf".{{{COLUMN - 2}}}  \S", line) for line in options if "  " in line.strip()), command
        assert [line for line in lines if len(line) > WIDTH] == [], command
        assert len(exit_codes(text)) > 3 and not re.search("^ {4}", text.partition("\nExit codes: ")[2], flags=re.MULTILINE), command


def test_exit_codes_come_in_order(orderd):
    for command in commands(orderd):
        codes = [int(code) for code in exit_codes(orderd(command, "--help").out)]
        assert codes == sorted(set(codes)), command


def test_what_several_commands_take_is_worded_the_same(orderd):
    helps = [orderd(command, "--help").out for command in commands(orderd)]
    for option in ("--dry-run", "--socket PATH", "--instance NAME"):
        assert len({words for text in helps for words in re.findall(rf"^ {{4}}{option} +(.*)$", text, flags=re.MULTILINE)}) == 1, option


def test_version_names_orderd_and_librdkafka(orderd):
    ended = orderd("--version")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("orderd ") and "librdkafka 2." in ended.out


@pytest.mark.parametrize("arguments", [
    [],
    ["--check-config"],
    ["--print-config"],
    ["-c"],
    ["--chekc-config", "-c", "x"],
    ["-z"],
    ["-c", "x", "and-more"],
    ["--check-config=yes", "-c", "x"],
], ids=" ".join)
def test_wrong_usage_is_64_and_points_to_the_help(orderd, arguments):
    ended = orderd(*arguments)
    assert ended.code == 64
    assert ended.out == ""
    assert "orderd --help" in ended.err


def test_nothing_is_started_with_a_bad_file(orderd, write):
    ended = orderd("-c", write("orderd.conf", "turn: { events = 0; };"))
    assert ended.code == 78
    assert "turn.events = 0 is out of range" in ended.err


def test_init_has_a_help_of_its_own(orderd):
    ended = orderd("init", "--help")
    assert (ended.code, ended.err) == (0, "")
    for option in ("--adopt", "--accept-rollback", "--accept-loss TOPIC:P", "--create-topics", "--dry-run"):
        assert option in ended.out


# What each command refuses before it looks at anything.
WRONG = {
    "init": [
        [],
        ["--adopt"],
        ["-c", "x", "--adopt", "--accept-rollback"],
        ["-c", "x", "--accept-loss", "orders"],
        ["-c", "x", "--accept-loss", "orders:-1"],
        ["-c", "x", "--accept-gap", ":3"],
        ["-c", "x", "--quarantine", "orders:3"],
        ["-c", "x", "--adopt", "--from", "yesterday"],
        ["-c", "x", "--adopt", "--from", "2026-02-31T00:00:00Z"],
        ["-c", "x", "--accept-rollback", "--from", "end"],
        ["-c", "x", "--add-topic"],
        ["-c", "x", "--accept-everything"],
        ["-c", "x", "orders"],
    ],
    "offsets": [
        [],
        ["-c", "x", "--move", "orders", "--to", "3", "--because", "r"],
        ["-c", "x", "--move", "orders:0", "--because", "r"],
        ["-c", "x", "--move", "orders:0", "--to", "3"],
        ["-c", "x", "--move", "orders:0", "--to", "-3", "--because", "r"],
        ["-c", "x", "--move", "orders:0", "--to", "03", "--because", "r"],
        ["-c", "x", "--move", "orders:0", "--to", "yesterday", "--because", "r"],
        ["-c", "x", "--move", "orders:0", "--to", "3", "--because", " "],
        ["-c", "x", "--move", "orders:0", "--to", "3", "--because", "two\nlines"],
        ["-c", "x", "--move", "orders:0", "--to", "3", "--because", "r", "--json"],
        ["-c", "x", "--to", "3"],
        ["-c", "x", "--dry-run"],
        ["-c", "x", "orders"],
    ],
    "audit": [
        [],
        ["-c", "x", "--from", "yesterday"],
        ["-c", "x", "--to", "orders:0"],
        ["-c", "x", "--state", "s", "--from", "start"],
        ["-c", "x", "--redis", "--to", "end"],
        ["-c", "x", "--redis", "--incarnation", "i"],
        ["-c", "x", "--incarnation", "x" * 40],
        ["-c", "x", "--max-findings", "0"],
        ["-c", "x", "--max-findings", "many"],
        ["-c", "x", "--work"],
        ["-c", "x", "orders"],
    ],
    "replay": [
        [],
        ["-c", "x"],
        ["-c", "x", "--into-prefix"],
        ["-c", "x", "--into-database", "-1"],
        ["-c", "x", "--into-prefix", "p", "--from", "yesterday"],
        ["-c", "x", "--into-prefix", "p", "--rate", "fast"],
        ["-c", "x", "--into-prefix", "p", "--rate", "0"],
        ["-c", "x", "--into-prefix", "p", "--outcomes", "t", "--outcomes-file", "f"],
        ["-c", "x", "--into-prefix", "p", "--differences", "f"],
        ["-c", "x", "--into-prefix", "p", "--incarnation", "mine"],
        ["-c", "x", "--into-prefix", "p", "--verify", "--without-recorded"],
        ["-c", "x", "--into-prefix", "p", "--state", "s", "--from", "start"],
        ["-c", "x", "--into-prefix", "p", "orders"],
    ],
    "snapshot": [
        [],
        ["out"],
        ["-c", "x"],
        ["-c", "x", "out", "more"],
        ["-c", "x", "--show", "s"],
        ["--show", "s", "t"],
        ["--show"],
        ["-c", "x", "--everything", "out"],
    ],
    "restore": [
        [],
        ["-c", "x"],
        ["s"],
        ["-c", "x", "s", "t"],
        ["-c", "x", "--from-log", "s"],
        ["-c", "x", "--from-snapshot", "s"],
    ],
}


@pytest.mark.parametrize("command, arguments", [(command, arguments) for command, wrong in WRONG.items() for arguments in wrong],
                         ids=lambda part: part if isinstance(part, str) else " ".join(part))
def test_wrong_usage_of_a_command_is_64_and_points_to_its_help(orderd, command, arguments):
    ended = orderd(command, *arguments)
    assert (ended.code, ended.out) == (64, "")
    assert f"orderd {command} --help" in ended.err


@pytest.mark.parametrize("command", ["init", "check", "check-events", "offsets", "snapshot", "restore", "replay", "audit", "dead-letter", "status", "pause"])
def test_every_command_says_in_one_form_what_is_wrong_and_where_its_help_is(orderd, command):
    ended = orderd(command, *(["list"] if command == "dead-letter" else []), "--everything")
    lines = [line for line in ended.err.splitlines() if line.startswith(f"orderd {command}: ")]
    assert (ended.code, ended.out) == (64, "") and len(lines) == 1
    assert lines[0].endswith(f"; see orderd {command} --help")


AWAY = """kafka: { brokers = "127.0.0.1:1"; group = "g"; topics = ["orders"]; outcomes = "outcomes"; dead_letters = "dead"; };
redis: { address = "127.0.0.1:1"; };
"""


@pytest.mark.parametrize("command", [
    ["init"], ["offsets"], ["snapshot", "out"], ["restore", "--from-log"], ["replay", "--into-prefix", "p:"], ["audit"], ["dead-letter", "list"],
], ids=" ".join)
def test_every_command_names_the_address_of_what_is_away(orderd, write, command):
    ended = orderd(command[0], *command[1:2] * (command[0] == "dead-letter"), "-c", write("orderd.conf", AWAY), *command[1 + (command[0] == "dead-letter"):])
    assert (ended.code, ended.out) == (69, "")
    lines = ended.err.splitlines()
    assert all(line.startswith(f"orderd {command[0]}: ") for line in lines) and any("127.0.0.1:1" in line for line in lines), ended.err
