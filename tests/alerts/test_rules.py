"""The shipped rules on series made up: each alert fires for its fault, in time and alone, and for nothing that only looks like it."""
import re
import subprocess

import pytest

from cases import CASES
from promtool import RULES, ROOT, rules

ALERTS = sorted(filter(None, rules()))


def said_by(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_promtool_accepts_rules_and_example():
    assert said_by("promtool", "check", "rules", "--lint-fatal", RULES)[0] == 0
    code, said = said_by("promtool", "check", "config", ROOT / "conf" / "prometheus" / "prometheus.yml")
    assert code == 0 and "rules found" in said, said


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case, tmp_path):
    assert case.run(tmp_path) == ""


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_says_what_to_do(alert):
    text = rules()[alert]
    assert re.search(r"severity: (page|ticket)}", text)
    for annotation in ("summary", "description", "runbook"):
        assert f"          {annotation}: " in text


def without_clauses(text):
    """The alert without each of its conditions, without its `for`, without anything but an expression that is always true, and gone."""
    expression, rest = re.search(r"(?ms)^        expr: .*?(?=^        (?:for|labels): )", text)[0], text.index("        labels: ")
    for clause in re.findall(r"(?m)^            (?:and|or|unless) .*\n", expression):
        yield clause.strip(), text.replace(clause, "", 1)
    for waits in re.findall(r"(?m)^        for: .*\n", text[:rest]):
        yield waits.strip(), text.replace(waits, "", 1)
    yield "expr", text.replace(expression, '        expr: max by (job, instance) ({job!=""}) > -1\n')
    yield "alert", ""


@pytest.mark.parametrize("alert", ALERTS)
def test_nothing_of_the_alert_can_be_left_out(alert, tmp_path):
    cases = [case for case in CASES if case.alert == alert]
    for what, text in without_clauses(rules()[alert]):
        assert any("exp:" in case.run(tmp_path, rules()[""] + text) for case in cases), f"no case is about: {what}"
    assert not any(case.run(tmp_path, rules()[""] + rules()[alert]) for case in cases)
