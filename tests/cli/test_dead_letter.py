"""`orderd dead-letter`: its command line, and the README's commands on dead letters, by the README's Redis user; what it promises is in tests/live."""
import json
import re
import shlex
import signal

import pytest
from jsonschema import Draft202012Validator

from conftest import ROOT
from place import PATIENCE_S, README, Place, until

SCHEMA = Draft202012Validator(json.loads((ROOT / "conf" / "schemas" / "reports" / "dead-letter.json").read_text()))
BAD = '{"id":"d1","type":"deposit","user":"mara","amount":"5"}'


@pytest.mark.parametrize("arguments", [
    [],
    ["look", "-c", "x"],
    ["list"],
    ["list", "-c", "x", "0:5"],
    ["list", "-c", "x", "--dry-run"],
    ["list", "-c", "x", "--reason", "unread"],
    ["list", "-c", "x", "--reason", "not_held"],
    ["list", "-c", "x", "--since", "yesterday"],
    ["list", "-c", "x", "--state", "gone"],
    ["list", "-c", "x", "--source", "orders:0:9-3"],
    ["list", "-c", "x", "--source", "orders:x"],
    ["show", "-c", "x"],
    ["show", "-c", "x", "0:5", "--all"],
    ["show", "-c", "x", "5"],
    ["show", "-c", "x", "0:-5"],
    ["show", "-c", "x", "orders:0:5"],
    ["show", "-c", "x", "0:5", "0:6", "--raw"],
    ["redrive", "-c", "x"],
    ["redrive", "-c", "x", "0:5", "--all"],
    ["redrive", "-c", "x", "0:5", "--max", "0"],
    ["redrive", "-c", "x", "--all", "--value", "f"],
    ["redrive", "-c", "x", "0:5", "--value", "f", "--edit", "vi"],
    ["redrive", "-c", "x", "0:5", "--because", "r"],
    ["discard", "-c", "x", "0:5"],
    ["discard", "-c", "x", "0:5", "--because", "two\nlines"],
    ["discard", "-c", "x", "0:5", "--because", "x" * 201],
    ["reopen", "-c", "x", "0:5", "--value", "f"],
], ids=" ".join)
def test_wrong_usage_is_64_and_points_to_the_help(orderd, arguments):
    ended = orderd("dead-letter", *arguments)
    assert (ended.code, ended.out) == (64, "")
    assert "orderd dead-letter --help" in ended.err


@pytest.mark.parametrize("verb", ["list", "show", "redrive", "discard", "reopen"])
def test_every_verb_has_the_help(orderd, verb):
    assert orderd("dead-letter", verb, "--help").out == orderd("dead-letter", "--help").out != ""


def test_a_bad_file_is_78(orderd, write):
    assert orderd("dead-letter", "list", "-c", write("orderd.conf", "turn: { events = 0; };")).code == 78


@pytest.fixture
def place(tmp_path):
    """A market whose dead letters are the bad event at 0:0, a plain text at 0:1 and a tombstone at 0:2; the daemon has ended."""
    made = Place(tmp_path)
    made.make_user()
    daemon = made.orderd()
    made.send(text=BAD + "\n")
    made.send(text="buy now\n")
    made.send("-Z", "-K", ":", text="k:\n")
    until(lambda: len(made.records("orders.dead-letters")) == 3)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0
    yield made
    made.end()


@pytest.fixture
def letters(place, orderd):
    def run(*arguments):
        return orderd("dead-letter", *arguments, "-c", place.folder / "orderd.conf")
    return run


def test_the_readmes_commands_do_what_it_says(place, orderd):
    """In its order: list, show, a redrive with an editor and a discard."""
    commands = [shlex.split(line) for line in re.findall(r"^    orderd (dead-letter .*)$", README, flags=re.MULTILINE)]
    assert [words[1] for words in commands] == ["list", "show", "redrive", "discard"]
    editor = place.folder / "vi"
    editor.write_text('#!/bin/sh\nsed -i \'s/"amount":"5"/"amount":5/\' "$1"\n')
    editor.chmod(0o755)
    said = []
    for words in commands:
        words = [{"/etc/orderd/orderd.conf": str(place.folder / "orderd.conf"), "0:5": "0:0"}.get(word, word) for word in words]
        ended = orderd(*words, PATH=f"{place.folder}:/usr/bin:/bin")
        assert ended.code == 0, (words, ended)
        said.append(ended.out)
    assert [line.split()[0] for line in said[0].splitlines()] == ["PLACE", "0:0", "0:1", "0:2"]
    assert '"amount": "5"' in said[1] and "it would be malformed again, wrong_type" in said[1]
    assert said[2] == "0:0 (orders:0:0, wrong_type) would be sent back to orders:0: it is read as deposit d1\n"
    assert said[3] == "0:2 (orders:0:2, no_value) discarded\n"
    assert "NOPERM" not in place.redis("ACL", "LOG").stdout and place.redis("ACL", "LOG").stdout.strip() == ""


def test_a_redrive_is_a_new_event_with_its_lineage(place, letters):
    (place.folder / "good").write_text(BAD.replace('"5"', "5"))
    ended = letters("redrive", "0:0", "--value", place.folder / "good")
    assert (ended.code, ended.out) == (0, "0:0 (orders:0:0, wrong_type) sent back to orders:0:3: it is read as deposit d1\n")
    daemon = place.orderd()
    until(lambda: len(place.outcomes()) == 4)
    assert place.outcomes()[-1]["status"] == "applied"
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0
    headers = place.records("orders")[-1]["headers"]
    assert headers[0:2] == ["dlq.redrive.of", "orders.dead-letters/0/0"] and headers[4:] == ["dlq.redrive.count", "1"]


def test_what_programs_read_is_what_the_schema_describes(letters):
    letters("discard", "0:2", "--because", "a tombstone")
    said = [letters("list", "--json"), letters("show", "0:0", "0:1", "0:2", "--json"), letters("redrive", "--all", "--dry-run", "--anyway", "--json"),
            letters("redrive", "0:2", "0:9", "--json"), letters("reopen", "0:2", "--json")]
    objects = [json.loads(line) for ended in said for line in ended.out.splitlines()]
    assert [ended.code for ended in said] == [0, 0, 0, 66, 0] and len(objects) == 3 + 3 + 2 + 2 + 1
    assert [error.message for value in objects for error in SCHEMA.iter_errors(value)] == []
    assert [value.get("result") for value in objects[6:]] == ["due", "due", "refused", "refused", "done"]


def test_raw_is_the_value_and_nothing_else(letters):
    assert letters("show", "0:0", "--raw").out == BAD
    assert letters("show", "0:7").code == 66


def test_redis_or_kafka_away_is_69(place, letters):
    place.redis("SHUTDOWN", "NOSAVE")
    ended = letters("list")
    assert (ended.code, ended.out) == (69, "") and "redis does not answer at" in ended.err
