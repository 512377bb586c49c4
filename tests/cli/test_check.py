"""`orderd check` without --connect, and how its lines look."""
import json
import os
import pty
import subprocess

import pytest

from conftest import BINARY, REQUIRED


def lines(text):
    """(kind, about, rest) of each line but the summary; and the summary."""
    *body, summary = text.splitlines()
    return [(line[:11].strip(), *line[13:].split("  ", 1)) for line in body], summary


def test_a_right_file_is_ok(orderd, write):
    ended = orderd("check", "-c", write("orderd.conf", REQUIRED))
    assert (ended.code, ended.err) == (0, "")
    body, summary = lines(ended.out)
    assert [(kind, about) for kind, about, _ in body] == [("ok", "settings"), ("not checked", "redis, kafka, market")]
    assert summary == "1 ok, 0 warnings, 0 failures, 1 not checked"


def test_each_problem_is_a_line_with_its_place(orderd, write):
    path = write("orderd.conf", REQUIRED + "turn: { events = 0; };\ncolour = 1;\n")
    ended = orderd("check", "-c", path, "--connect")
    assert (ended.code, ended.err) == (78, "")
    body, summary = lines(ended.out)
    assert [kind for kind, _, _ in body] == ["failure", "failure", "not checked"]
    assert f"{path}:8: turn.events = 0 is out of range" in body[0][2] and f"{path}:9: colour is no setting" in body[1][2]
    assert "the file must be right first" in body[2][2]
    assert summary == "0 ok, 0 warnings, 2 failures, 1 not checked"


def test_a_password_that_everybody_can_read_is_a_warning(orderd, write):
    password = write("password", "hunter2\n", mode=0o644)
    path = write("orderd.conf", REQUIRED + f'redis: {{ password_file = "{password}"; }};\n')
    for options, code in (((), 0), (("--strict",), 78)):
        ended = orderd("check", "-c", path, *options)
        assert ended.code == code and "chmod 600" in lines(ended.out)[0][0][2]


def test_a_file_that_is_not_there(orderd, tmp_path):
    ended = orderd("check", "-c", tmp_path / "absent.conf")
    assert ended.code == 78 and "cannot be read" in ended.out


def test_more_problems_than_are_kept_are_counted(orderd, write):
    ended = orderd("check", "-c", write("orderd.conf", REQUIRED + "".join(f"unknown{i} = {i};\n" for i in range(100))))
    assert ended.code == 78 and "and 36 more" in ended.out


def test_json_is_an_object_a_line(orderd, write):
    ended = orderd("check", "-c", write("orderd.conf", REQUIRED + "colour = 1;\n"), "--json")
    *body, summary = map(json.loads, ended.out.splitlines())
    assert [(line["kind"], line["about"]) for line in body] == [("failure", "settings"), ("not_checked", "redis, kafka, market")]
    assert summary == {"kind": "summary", "ok": 0, "warning": 0, "failure": 1, "not_checked": 1, "exit": 78}


@pytest.mark.parametrize("options, environment, coloured", [([], {}, True), ([], {"NO_COLOR": "1"}, False), (["--json"], {}, False)])
def test_colour_is_for_terminals_alone(orderd, write, options, environment, coloured):
    path = write("orderd.conf", REQUIRED)
    assert "\033" not in orderd("check", "-c", path, *options).out
    own, other = pty.openpty()
    subprocess.run([BINARY, "check", "-c", path, *options], stdout=other, check=True, timeout=90, env={"PATH": os.environ["PATH"], **environment})
    os.close(other)
    assert ("\033[32mok" in os.read(own, 65536).decode()) == coloured
    os.close(own)


def test_it_has_a_help_of_its_own(orderd):
    ended = orderd("check", "--help")
    assert (ended.code, ended.err) == (0, "")
    for option in ("--connect", "--strict", "--within", "--json"):
        assert option in ended.out


@pytest.mark.parametrize("arguments", [[], ["--connect"], ["-c", "x", "y"], ["-c", "x", "--within", "0"], ["-c", "x", "--within", "soon"], ["-c", "x", "--wipe"]],
                         ids=" ".join)
def test_wrong_usage_is_64_and_points_to_its_help(orderd, arguments):
    ended = orderd("check", *arguments)
    assert (ended.code, ended.out) == (64, "")
    assert "orderd check --help" in ended.err
