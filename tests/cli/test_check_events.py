"""orderd check-events: the linter for producers."""
import json
import subprocess

import pytest

from conftest import BINARY, ROOT

GOOD = '{"id":"%s","type":"grant","user":"u","item":"i"}'


@pytest.fixture
def lint(orderd):
    """What it finds in these lines, as (line, level, reason, detail)."""

    def run(*lines, options=()):
        ended = orderd("check-events", "--json", *options, stdin="".join(line + "\n" for line in lines))
        found = [json.loads(line) for line in ended.out.splitlines()]
        assert ended.code == (65 if any(finding["level"] == "error" for finding in found) else 0)
        assert {finding["file"] for finding in found} <= {"-"}
        return [(finding["line"], finding["level"], finding["reason"], finding["detail"]) for finding in found]

    return run


def test_the_story_has_the_lines_that_the_daemon_decides_malformed(orderd):
    story = ROOT / "conf" / "example-orders.ndjson"
    ended = orderd("check-events", story)
    assert ended.code == 65
    assert ended.out.splitlines() == [
        f'{story}:17: warning: delivered_again: id "n16" is that of line 16, with the same content',
        f"{story}:26: wrong_type: price is a string, it must be an integer",
        f"{story}:28: not_json: byte 76: premature end of input near '\"left-b'"]
    assert ended.err == f"{story}: 26 good, 2 bad, 1 warned of\n"


def test_good_events_are_good(orderd, write):
    file = write("good.ndjson", GOOD % 1 + "\n" + GOOD % 2 + "\r\n" + GOOD % 3)
    ended = orderd("check-events", file)
    assert (ended.code, ended.out, ended.err) == (0, "", f"{file}: 3 good, 0 bad, 0 warned of\n")


def test_standard_input_is_read_where_no_file_is_named(orderd):
    for arguments in ([], ["-"]):
        ended = orderd("check-events", *arguments, stdin="[]\n")
        assert (ended.code, ended.out) == (65, "-:1: not_object: byte 0: the value is no JSON object\n")
        assert ended.err == "-: 0 good, 1 bad, 0 warned of\n"


def test_quiet_leaves_the_exit_code(orderd):
    ended = orderd("check-events", "--quiet", stdin="[]\n")
    assert (ended.code, ended.out, ended.err) == (65, "", "")


@pytest.mark.parametrize("line, reason, told", [
    ("", "not_json", "the line is empty, it must be a JSON object"),
    ("{'id':1}", "not_json", "string or '}' expected near '''"),
    ("[]", "not_object", "no JSON object"),
    (GOOD % 1 + ",", "trailing_bytes", "end of file expected"),
    ('{"id":"\udcff"}', "invalid_utf8", "byte 0xff"),
    ('{"type":"grant"}', "missing_field", "id is missing"),
    ('{"id":"a","type":"grant","user":"u"}', "missing_field", "item is missing, grant requires it"),
    ('{"id":"a","id":"b"}', "duplicate_field", '"id"'),
    ('{"id":"a","type":"deposit","user":"u","amount":1.0}', "wrong_type", "amount is a number with a fraction or exponent, it must be an integer"),
    ('{"id":"a","type":"deposit","user":"u","amount":0}', "number_out_of_range", "amount is 0, it must be 1 to 9007199254740991"),
    ('{"id":"a","type":"deposit","user":"u.v","amount":1}', "invalid_name", "user holds byte 0x2e, only A-Z a-z 0-9 _ - are allowed"),
    ('{"id":"a","type":"buy"}', "unknown_type", 'type "buy" is no kind of event, there are: list unlist purchase reserve restock deposit grant'),
    ('{"id":"","type":"grant"}', "invalid_id", "id has 0 bytes, it must have 1 to 128"),
    ('{"specversion":"1.0","id":"a","type":"grant","source":"s"}', "cloudevent_invalid", "data must be a JSON object"),
    ('{"specversion":"1.0","id":"a","type":"grant","source":"s","data":{"id":"b"}}', "envelope_conflict", "id in the data differs"),
], ids=lambda value: value if value and value.replace("_", "").isalpha() else "")
def test_what_is_wrong_is_named_and_what_would_be_right(lint, line, reason, told):
    [(number, level, found, detail)] = lint(GOOD % "before", line, GOOD % "after")
    assert (number, level, found) == (2, "error", reason)
    assert told in detail


def test_a_structured_cloudevent_is_known_by_its_specversion(lint):
    assert lint('{"specversion":"1.0","id":"a","type":"grant","source":"/shop","data":{"user":"u","item":"i"}}') == []


def test_an_id_given_again_is_warned_of(lint):
    other = '{"id":"a","type":"grant","user":"u","item":"another"}'
    assert lint(GOOD % "a", GOOD % "b", GOOD % "a", other) == [
        (3, "warning", "delivered_again", 'id "a" is that of line 1, with the same content'),
        (4, "warning", "id_reused", 'id "a" is that of line 1, with other content')]


def test_an_id_is_remembered_for_a_hundred_thousand_events(lint):
    others = [GOOD % number for number in range(99999)]
    assert [finding[2] for finding in lint(GOOD % "a", *others, GOOD % "a")] == ["delivered_again"]
    assert lint(GOOD % "a", *others, GOOD % "b", GOOD % "a") == []


def test_sources_have_ids_of_their_own(lint):
    event = '{"specversion":"1.0","id":"a","type":"grant","source":"%s","data":{"user":"u","item":"i"}}'
    assert lint(event % "/one", event % "/two", GOOD % "a") == []
    assert [finding[:3] for finding in lint(event % "/one", event % "/one")] == [(2, "warning", "delivered_again")]


def test_a_line_that_is_too_long_is_named_and_passed_over(lint):
    padded = '{"note":"%s",' + (GOOD % "long")[1:]
    size = len(padded % "")
    fits, beyond = padded % ("x" * (300 - size)), padded % ("x" * (301 - size))
    assert lint(beyond, GOOD % 1, fits, options=["--max-bytes", "300"]) == [
        (1, "error", "line_too_long", "the line has 301 bytes, at most 300 are read; see --max-bytes")]


def test_a_line_is_a_million_bytes_unless_told_otherwise(lint):
    padded = '{"note":"' + "x" * 1000000 + '",' + (GOOD % "long")[1:]
    assert [finding[2] for finding in lint(padded)] == ["line_too_long"]
    assert lint(padded, options=["--max-bytes", "1100000"]) == []


def test_what_a_terminal_would_obey_is_shown_as_bytes(orderd):
    ended = orderd("check-events", stdin='{"id":"a","type":"\\u001b[31m\\u009bé"}\n')
    assert '"\\x1b[31m\\xc2\\x9bé"' in ended.out and "\x1b" not in ended.out


def test_a_file_that_cannot_be_read_is_66(orderd, tmp_path):
    for path in (tmp_path / "none", tmp_path):
        ended = orderd("check-events", path)
        assert (ended.code, ended.out) == (66, "")
        assert str(path) in ended.err


def test_help_names_every_option(orderd):
    ended = orderd("check-events", "--help")
    assert (ended.code, ended.err) == (0, "")
    for option in ("[FILE]", "--json", "--quiet", "--max-bytes N", "65"):
        assert option in ended.out


@pytest.mark.parametrize("arguments", [["--jsno"], ["a", "b"], ["--max-bytes"], ["--max-bytes", "0"], ["--max-bytes", "1e6"],
                                       ["--max-bytes", "1000000001"]], ids=" ".join)
def test_wrong_usage_is_64_and_points_to_the_help(orderd, arguments):
    ended = orderd("check-events", *arguments)
    assert (ended.code, ended.out) == (64, "")
    assert "orderd check-events --help" in ended.err


def test_findings_that_nobody_can_read_are_74():
    with open("/dev/full", "wb") as full:
        ended = subprocess.run([BINARY, "check-events"], input=b"[]\n", stdout=full, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 74
    assert b"No space left on device" in ended.stderr
