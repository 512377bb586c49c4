"""--print-config, and the files under conf/, which a user copies."""
import re

import pytest

from conftest import REQUIRED, ROOT

CONF = ROOT / "conf"


def printed(orderd, path, **environment):
    ended = orderd("--print-config", "-c", path, **environment)
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def test_what_is_printed_loads_again_to_the_same(orderd, write):
    first = printed(orderd, write("first.conf", REQUIRED + """
redis: { prefix = "a\\"b\\\\c:"; database = 3; };
turn: { events = 7; };
"""))
    assert "events = 7;" in first and "window_s = 3600;" in first
    assert printed(orderd, write("second.conf", first)) == first


def test_secrets_are_not_printed(orderd, write):
    redis, kafka = write("redis", "swordfish\n"), write("kafka", "hunter2\n")
    text = REQUIRED.replace("};", f'    secrets = [ "sasl.password={kafka}" ];\n}};')
    out = printed(orderd, write("orderd.conf", text + f'redis: {{ password_file = "{redis}"; }};\n'))
    assert "swordfish" not in out and "hunter2" not in out
    assert str(redis) in out and str(kafka) in out


def test_nothing_of_a_broken_file_is_printed(orderd, write):
    ended = orderd("--print-config", "-c", write("orderd.conf", REQUIRED + "turn: { events = 0; };\n"))
    assert (ended.code, ended.out) == (78, "")


@pytest.mark.parametrize("name", ["orderd.conf", "orderd-minimal.conf"])
def test_the_files_that_a_user_copies_are_right_as_they_are(orderd, name):
    ended = orderd("--check-config", "-c", CONF / name)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"{CONF / name}: ok\n"


def test_orderd_conf_holds_every_setting_at_its_default(orderd, write):
    commented = (CONF / "orderd.conf").read_text()
    given = re.sub(r"^( *)#", r"\1", commented, flags=re.MULTILINE)
    everything = printed(orderd, write("given.conf", given))
    assert everything == printed(orderd, CONF / "orderd-minimal.conf")
    names = set(re.findall(r"^ *(\w+) +=|^(\w+) =", everything, flags=re.MULTILINE))
    named = set(re.findall(r"^ *(\w+) +=|^(\w+) =", given, flags=re.MULTILINE))
    assert names == named


def test_the_examples_in_orderd_conf_are_right(orderd, write):
    examples = re.findall(r"^ *// +((?:client|consumer|producer) += \[ \".*\];)$", (CONF / "orderd.conf").read_text(), flags=re.MULTILINE)
    assert len(examples) == 3
    ended = orderd("--check-config", "-c", write("orderd.conf", REQUIRED.replace("};", "\n".join(examples) + "\n};")))
    assert (ended.code, ended.err) == (0, "")


def test_orderd_conf_tells_the_range_of_every_number(orderd, write):
    """Each number set out of its range is refused with the range, and the comment above it holds the same two ends."""
    lines = (CONF / "orderd.conf").read_text().splitlines()
    numbers = [i for i, line in enumerate(lines) if re.fullmatch(r" *#\w+ *= -?\d+;", line)]
    assert len(numbers) > 25
    for i in numbers:
        changed = list(lines)
        changed[i] = re.sub(r"#(\w+ *=) \d+;", r"\1 -1;", lines[i])
        ended = orderd("--check-config", "-c", write("orderd.conf", "\n".join(changed) + "\n"))
        low, high = re.search(r"; (\d+) to (\d+)\D", ended.err).groups()
        above = "\n".join(lines[:i]).rpartition("\n\n")[2] if "//" in "\n".join(lines[:i]).rpartition("\n\n")[2] else ""
        assert re.search(rf"\b{low} to {high}\b", above), f"line {i + 1}: {low} to {high} stands nowhere above"


def test_orderd_conf_marks_what_a_reload_takes_over(orderd):
    """The (R) in front of a group's text; the reverse is tested where a daemon runs."""
    text = (CONF / "orderd.conf").read_text()
    marked = {match[1] for match in re.finditer(r"^// \(R\)[^\n]*\n(?://[^\n]*\n)*(\w+)", text, flags=re.MULTILINE)}
    assert marked == {"deadline_ms", "turn", "outbox", "prefetch", "commit", "conflict", "drain", "rate", "log"}
