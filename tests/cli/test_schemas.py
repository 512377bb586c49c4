"""The schemas in conf/schemas against the daemon: its tables, its decoder, and what it makes of events."""
import copy
import json
import random
import re
import string
import subprocess

import pytest
from jsonschema import Draft202012Validator

from conftest import BINARY, ROOT
from contract import FIELDS, KINDS, REASONS, REQUIRED, SCHEMAS, STATUSES, VALIDATORS, constant, faults, is_event, reads

EVENTS = [f"event-{kind}.json" for kind in KINDS]
OUTCOMES = [f"outcome-{kind}.json" for kind in [*KINDS, "malformed"]]
OF_DECODER = [REASONS[name] for name in list(REASONS)[list(REASONS).index("NO_VALUE"):]]
REPORTS = sorted((ROOT / "conf" / "schemas" / "reports").glob("*.json"))
README = (ROOT / "README.md").read_text()
GRANT = {"id": "a", "type": "grant", "user": "u", "item": "i"}


@pytest.fixture
def verdicts(orderd):
    """Of each line, whether orderd finds it good; reasons are kept."""

    def run(lines):
        ended = orderd("check-events", "--json", stdin="".join(line + "\n" for line in lines))
        assert ended.code in (0, 65), ended.err
        found = map(json.loads, ended.out.split("\n")[:-1])      # not splitlines(): U+2028 ends no line
        bad = {finding["line"]: finding["reason"] for finding in found if finding["level"] == "error"}
        return [bad.get(number) for number in range(1, len(lines) + 1)]

    return run


# --- what the files say

def test_every_kind_has_its_schemas():
    assert set(SCHEMAS) == {*EVENTS, *OUTCOMES, "event.json", "cloudevent.json", "outcome.json"}
    assert [part["$ref"] for part in SCHEMAS["event.json"]["oneOf"]] == EVENTS
    assert [part["$ref"] for part in SCHEMAS["outcome.json"]["oneOf"]] == OUTCOMES


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_of_2020_12_and_has_the_id_of_its_file(name):
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"https://orderd.example/schemas/v1/{name}"
    assert schema["title"] and schema["description"]


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.name)
def test_a_reports_schema_is_one_of_2020_12_and_stands_alone(path):
    """What commands print with --json; the commands' own tests hold their output against it."""
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"https://orderd.example/schemas/v1/reports/{path.name}"
    assert schema["title"] and schema["description"]
    refs = set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(schema)))
    assert refs == {f"#/$defs/{definition}" for definition in schema.get("$defs", {})}


@pytest.mark.parametrize("name", [*EVENTS, *OUTCOMES, "cloudevent.json"])
def test_a_schema_needs_no_other_file_and_defines_nothing_in_vain(name):
    refs = set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(SCHEMAS[name])))
    assert refs == {f"#/$defs/{definition}" for definition in SCHEMAS[name]["$defs"]}


def test_what_has_one_name_is_the_same_everywhere():
    """But for descriptions: an outcome repeats what was said."""
    found = {}
    for name in [*EVENTS, *OUTCOMES, "cloudevent.json"]:
        for definition, schema in SCHEMAS[name]["$defs"].items():
            found.setdefault(definition, set()).add(json.dumps({key: value for key, value in schema.items() if key != "description"}))
    assert {definition: forms for definition, forms in found.items() if len(forms) > 1} == {}


# --- what the daemon's tables say

def references(fields):
    return {member: f"#/$defs/{type}" for member, type in fields}


def test_the_tables_were_read():
    assert len(KINDS) == len(REQUIRED) >= 7 and len(FIELDS) >= 8 and len(STATUSES) == 5 and len(OF_DECODER) >= 16


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_those_of_the_daemons_table(kind):
    event, outcome = SCHEMAS[f"event-{kind}.json"], SCHEMAS[f"outcome-{kind}.json"]["properties"]["event"]
    data = SCHEMAS["cloudevent.json"]["$defs"][kind]
    wanted = references(REQUIRED[kind])
    for schema, envelope in ((event, {"id", "type"}), (data, {"id", "type"}), (outcome, set())):
        assert {name: property["$ref"] for name, property in schema["properties"].items() if name not in {*envelope, "deadline_ms"}} == wanted
        assert set(schema["required"]) == set(wanted) | (envelope if schema is event else set())
        assert envelope <= set(schema["properties"])
    assert event["properties"]["type"] == data["properties"]["type"] == {"const": kind}


def test_bounds_are_those_of_the_daemon():
    defs = SCHEMAS["event-purchase.json"]["$defs"]
    assert defs["name"]["maxLength"] == constant("rules/name.h", "NAME_MAX_SIZE")
    assert defs["id"]["maxLength"] == constant("codec/event.h", "EVENT_ID_MAX")
    assert SCHEMAS["cloudevent.json"]["properties"]["source"]["maxLength"] == constant("codec/event.h", "EVENT_SOURCE_MAX")
    assert SCHEMAS["outcome-malformed.json"]["properties"]["detail"]["maxLength"] == constant("codec/event.h", "EVENT_DETAIL_MAX") - 1
    assert defs["number"]["maximum"] == 2 ** 53 - 1


def test_statuses_and_reasons_are_those_of_the_daemons_tables():
    reasons, statuses = set(), set()
    for kind in KINDS:
        properties = SCHEMAS[f"outcome-{kind}.json"]["properties"]
        reasons |= set(properties["reason"]["enum"])
        statuses |= set(properties["status"]["enum"])
    malformed = SCHEMAS["outcome-malformed.json"]["properties"]
    assert reasons == {None, *REASONS.values()} - set(OF_DECODER)
    assert malformed["reason"]["enum"] == OF_DECODER
    assert statuses | {malformed["status"]["const"]} == set(STATUSES)


# --- examples

def examples(names):
    return [(name, example) for name in names for example in SCHEMAS[name]["examples"]]


@pytest.mark.parametrize("name, example", examples([*EVENTS, *OUTCOMES, "cloudevent.json"]), ids=lambda value: value if isinstance(value, str) else "")
def test_an_example_is_what_its_schema_describes(name, example):
    assert faults(SCHEMAS[name], example) == []


def test_orderd_reads_every_example_of_an_event(verdicts):
    lines = [json.dumps(example) for _, example in examples([*EVENTS, "cloudevent.json"])]
    assert len(lines) > len(KINDS) and verdicts(lines) == [None] * len(lines)


def test_the_story_is_judged_alike(verdicts):
    lines = (ROOT / "conf" / "example-orders.ndjson").read_text().splitlines()
    assert [is_event(reads(line)) for line in lines] == [reason is None for reason in verdicts(lines)]


def readme_objects():
    """Every event and outcome that stands in the README as a block of its own; a line of the log has a level."""
    blocks = re.findall(r"(?:^    .*\n)+", README, flags=re.MULTILINE)
    objects = [json.loads(block) for block in blocks if block.strip().startswith("{")]
    return [value for value in objects if "level" not in value]


def test_the_readmes_examples_are_what_the_schemas_describe(verdicts):
    objects = readme_objects()
    events = [value for value in objects if "status" not in value]
    outcomes = [value for value in objects if "status" in value]
    assert len(events) >= 1 and len(outcomes) >= 1
    assert all(is_event(event) for event in events) and verdicts([json.dumps(event) for event in events]) == [None] * len(events)
    for outcome in outcomes:
        assert faults(SCHEMAS[f"outcome-{outcome['type']}.json"], outcome) == []


# --- outcomes

def closed(name):
    """The schema, but nothing may be there that it does not name."""
    schema = copy.deepcopy(SCHEMAS[name])
    schema["unevaluatedProperties"] = False
    for part in [schema["properties"]["facts"], *(variant["properties"]["facts"] for variant in schema.get("oneOf", []))]:
        if "properties" in part:
            part["additionalProperties"] = False
    for definition in ("source", "first"):
        if definition in schema["$defs"]:
            schema["$defs"][definition]["additionalProperties"] = False
    return schema


@pytest.fixture(scope="module")
def outcomes():
    """What the daemon's code makes of every kind in every market, as {"headers", "value"}."""
    program = BINARY.parents[1] / "tests" / "outcomes"
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    return [record for record in map(json.loads, sorted(set(lines))) if "value" in record]


def schema_of(outcome):
    return f"outcome-{outcome['type'] or 'malformed'}.json"


def test_every_outcome_is_what_its_schema_describes(outcomes):
    checks = {name: Draft202012Validator(closed(name)) for name in OUTCOMES}
    wrong = [(outcome["value"], error.message) for outcome in outcomes for error in checks[schema_of(outcome["value"])].iter_errors(outcome["value"])]
    assert wrong == [] and len(outcomes) > 150


def test_every_status_and_reason_that_a_schema_allows_is_made(outcomes):
    made = {(schema_of(value), value["status"], value["reason"]) for value in (outcome["value"] for outcome in outcomes)}
    allowed = {("outcome-malformed.json", "malformed", reason) for reason in OF_DECODER}
    for name in OUTCOMES[:-1]:
        for variant in SCHEMAS[name]["oneOf"]:
            status, reason = variant["properties"]["status"]["const"], variant["properties"]["reason"]
            allowed |= {(name, status, one) for one in reason.get("enum", [reason.get("const")])}
    assert made == allowed


def test_an_outcome_is_of_one_schema_alone(outcomes):
    """outcome.json says so of each; one of every shape is enough."""
    shapes = {(value["type"], value["status"], value["reason"]): value for value in (outcome["value"] for outcome in outcomes)}
    assert [value for value in shapes.values() if not VALIDATORS["outcome.json"].is_valid(value)] == []


@pytest.mark.parametrize("change", [
    {"status": "rejected"}, {"reason": "deadline"}, {"type": "grant"}, {"id": ""}, {"attempts": 0}, {"facts": {}}, {"event": {}}, {"event": None},
    {"first": {"offset": 1, "status": "applied"}}, {"truncated": False}, {"decided_at": "2026-11-22 05:42:07"}, {"source": {}},
    {"facts": {"price": 97, "buyer_funds": [1], "seller_funds": [0, 97]}},
], ids=json.dumps)
def test_an_outcome_that_contradicts_itself_is_none(change):
    good = SCHEMAS["outcome-purchase.json"]["examples"][0]
    assert faults(SCHEMAS["outcome-purchase.json"], good) == []
    assert faults(SCHEMAS["outcome-purchase.json"], {**good, **change}) != []


# --- events: the schema's verdict and the daemon's

NAMES = ["u", "ItemM", "a-b_C9", "x" * 64, "x" * 65, "", "a.b", "a b", "é", "a\n", "\n", "ü" * 64, "$", "^a", "a\u2028"]
NUMBERS = [1, 97, 2 ** 53 - 1, 2 ** 53, 0, -1, -0, 2 ** 63 - 1, 1.5, 97.25]
OTHERS = [None, True, False, [], {}, [1], {"a": 1}, "97", "", 0.5, "p"]
IDS = ["a", "p1", "é", "x" * 128, "x" * 129, "", "a\n", "\u007f", "\u0080", "\u009f", "\u00a0", "\u001f", " ", "\u2028", "é" * 64, "\U0001f600" * 32, '"\\/']
NOTES = [1, -5, 1.5, "x", None, True, [], {}, {"a": [{"b": 1}]}, ["é", 0.1], {"id": "other"}, 2 ** 63 - 1, "\n"]


class Maker:
    """Events, good and nearly good; nothing of what the schemas say that they cannot say."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def seldom(self, one_in=12):
        return self.random.randrange(one_in) == 0

    def value(self, good, others):
        if self.seldom(20):
            return self.random.choice(OTHERS)
        return self.random.choice(others) if self.seldom() else self.random.choice(good)

    def type(self):
        if self.seldom(15):
            return self.random.choice([*OTHERS, "Grant", "grants", "grant ", "outcome", *KINDS])
        return self.random.choice(KINDS)

    def fields(self, kind):
        wanted = [field for field in FIELDS.values() if field in REQUIRED.get(kind, {("user", "name"), ("price", "number")}) or self.seldom(30)]
        made = {member: self.value(NAMES[:4], NAMES) if type == "name" else self.value(NUMBERS[:3], NUMBERS) for member, type in wanted}
        if self.seldom(3):
            made["deadline_ms"] = self.value(NUMBERS[:3], NUMBERS)
        for _ in range(self.random.choice([0, 0, 1, 3])):
            made["".join(self.random.choices(string.ascii_letters + "_é. ", k=self.random.randrange(6)))] = self.random.choice(NOTES)
        return made

    def damage(self, event):
        """Some members go, or the whole is something else; the rest is put in another order."""
        for name in list(event):
            if self.seldom(40):
                del event[name]
        members = list(event.items())
        if self.seldom(3):
            self.random.shuffle(members)
        return self.random.choice([*OTHERS, [event]]) if self.seldom(80) else dict(members)

    def plain(self):
        kind = self.type()
        return self.damage({"id": self.value(IDS[:4], IDS), "type": kind, **self.fields(kind if isinstance(kind, str) else "")})

    def cloudevent(self):
        kind = self.type()
        name = self.value(IDS[:4], IDS)
        data = self.fields(kind if isinstance(kind, str) else "")
        if self.seldom(4):
            data["id"] = name
        if self.seldom(4):
            data["type"] = kind if not self.seldom(6) else "grant"
        event = {"specversion": self.value(["1.0"], ["0.3", "1", ""]), "id": name, "source": self.value(["/shop", "x" * 256], ["", "x" * 257, "é"]),
                 "type": kind, "time": "2026-11-22T05:42:07Z", "data": self.damage(data)}
        if self.seldom(40):
            event["data_base64"] = self.random.choice(["e30=", None])
        return self.damage(event)

    def line(self):
        text = json.dumps(self.cloudevent() if self.seldom(3) else self.plain(), ensure_ascii=self.seldom(3),
                          separators=self.random.choice([(",", ":"), (", ", " : "), (" ,\t", ": ")]))
        if self.seldom(40):
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.random.choice(["", "}", '"', ",", "\t", "0", "\\"]) + text[at + self.random.randrange(2):]
        return text


def beyond_a_schema(text):
    """Damage of the text may write what the schemas say that they cannot say: members given twice, 97.0 and half a pair."""
    twice, reals = [], []

    def pairs(members):
        twice.append(len({name for name, _ in members}) < len(members))
        return dict(members)

    def real(word):
        reals.append(float(word).is_integer())
        return float(word)
    try:
        json.dumps(json.loads(text, object_pairs_hook=pairs, parse_float=real), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except ValueError:
        return False
    return any(twice) or any(reals)


@pytest.mark.parametrize("seed", range(6))
def test_schemas_and_daemon_give_the_same_verdict(verdicts, seed):
    maker = Maker(seed)
    lines = [line for line in (maker.line() for _ in range(1000)) if not beyond_a_schema(line)]
    by_schema, by_daemon = [is_event(reads(line)) for line in lines], verdicts(lines)
    assert [(line, reason) for line, good, reason in zip(lines, by_schema, by_daemon) if good != (reason is None)] == []
    assert 250 < sum(by_schema) < 750 and len(set(by_daemon)) > 10


@pytest.mark.parametrize("value, reason", [
    pytest.param('{"id":"a","type":"deposit","user":"u","amount":1.0}', "wrong_type", id="an integer with a fraction"),
    pytest.param('{"id":"a","type":"deposit","user":"u","amount":1e2}', "wrong_type", id="an integer with an exponent"),
    pytest.param(json.dumps({**GRANT, "id": "é" * 65}), "invalid_id", id="an id of more bytes than characters"),
    pytest.param('{"specversion":"1.0","id":"a","source":"%s","type":"grant","data":{"user":"u","item":"i"}}' % ("é" * 129), "cloudevent_invalid",
                 id="a source of more bytes than characters"),
    pytest.param('{"id":"a","id":"b","type":"grant","user":"u","item":"i"}', "duplicate_field", id="a member given twice"),
    pytest.param(json.dumps({**GRANT, "note": "?"}).replace('"?"', '{"a":1,"a":1}'), "duplicate_field", id="a member given twice further in"),
    pytest.param(json.dumps({**GRANT, "note": "\0"}), "invalid_utf8", id="a zero character"),
    pytest.param(json.dumps({**GRANT, "note": "\ud800"}), "invalid_utf8", id="half a surrogate pair"),
    pytest.param(json.dumps({**GRANT, "note": 2 ** 63}), "number_out_of_range", id="an integer beyond 64 bits"),
    pytest.param(json.dumps(GRANT)[:-1] + ',"note":1e999}', "number_out_of_range", id="a number beyond a double"),
    pytest.param('{"specversion":"1.0","id":"a","source":"/s","type":"grant","data":{"id":"b","user":"u","item":"i"}}', "envelope_conflict",
                 id="an id in the data that is another"),
    pytest.param('{"specversion":"1.0","id":"a","source":"/s","type":"grant","d\\u0061ta":{"user":"u","item":"i"}}', "cloudevent_invalid",
                 id="data with an escape in its name"),
])
def test_what_a_schema_cannot_say_the_daemon_refuses(verdicts, value, reason):
    assert is_event(reads(value))
    assert verdicts([value]) == [reason]


def test_more_levels_than_two_thousand_are_no_json(verdicts):
    """Python's own parser takes no such text; a schema would have nothing against it."""
    note = []
    for _ in range(2100):
        note = [note]
    assert is_event({**GRANT, "note": note})
    assert verdicts([json.dumps({**GRANT, "note": "?"}).replace('"?"', "[" * levels + "]" * levels) for levels in (1900, 2100)]) == [None, "not_json"]
