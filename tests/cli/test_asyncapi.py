"""conf/asyncapi.yaml: what the official parser says of it, and whether topics, headers and payloads are what the daemon takes and makes."""
import filecmp
import json
import re
import shutil
import subprocess

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker, RefResolver

from conftest import BINARY, ROOT
from contract import KINDS, REASONS, SCHEMAS, VALIDATORS, constant, is_event
from place import Place, until

FILE = ROOT / "conf" / "asyncapi.yaml"
TOOLS = ROOT / "tests" / "asyncapi"
DOCUMENT = yaml.safe_load(FILE.read_text())
MESSAGES = DOCUMENT["components"]["messages"]
HEADERS = DOCUMENT["components"]["schemas"]
STORY = (ROOT / "conf" / "example-orders.ndjson").read_text()
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BINARY_EVENT = ["ce_specversion=1.0", "ce_id=b1", "ce_source=/shop", "ce_type=deposit", f"traceparent={TRACE}", "tracestate=a=b"]
STRUCTURED_EVENT = {"specversion": "1.0", "id": "s1", "source": "/shop", "type": "restock", "data": {"sku": "lamp-oil", "quantity": 1}}


def faults(schema, value):
    """Held against a schema of the document, whose references begin at its root."""
    return [error.message for error in Draft202012Validator(schema, resolver=RefResolver("", DOCUMENT), format_checker=FormatChecker()).iter_errors(value)]


def headers_of(name):
    """With what its traits add."""
    traits = [DOCUMENT["components"]["messageTraits"][trait["$ref"].rsplit("/", 1)[1]] for trait in MESSAGES[name].get("traits", [])]
    return {"allOf": [part["headers"] for part in (*traits, MESSAGES[name]) if "headers" in part]}


def payload_files(name):
    """The schema files that the payload refers to, with the part in them."""
    schema = MESSAGES[name]["payload"].get("schema", {})
    return [part["$ref"].removeprefix("./schemas/") for part in schema.get("anyOf", [schema]) if "$ref" in part]


# --- the document

@pytest.fixture(scope="module")
def parser():
    """The official parser, of the version in the lock file, beside the build; a folder of node's is made once."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed, so the AsyncAPI parser is not there")
    folder = BINARY.parents[1] / "asyncapi"
    folder.mkdir(exist_ok=True)
    if not (folder / "node_modules").is_dir() or not filecmp.cmp(TOOLS / "package-lock.json", folder / "package-lock.json", shallow=False):
        for name in ("package.json", "package-lock.json"):
            (folder / name).unlink(missing_ok=True)
        shutil.copy(TOOLS / "package.json", folder)
        shutil.copy(TOOLS / "package-lock.json", folder / "package-lock.json")
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def says(path):
        done = subprocess.run(["node", TOOLS / "validate.mjs", path], cwd=folder, capture_output=True, text=True, check=False)
        assert done.stderr == "" and done.returncode == (1 if done.stdout else 0), done.stderr
        return done.stdout.splitlines()

    return says


def test_the_official_parser_has_nothing_to_say(parser):
    assert parser(FILE) == []


def test_the_official_parser_finds_what_is_wrong(parser, tmp_path):
    """All of it at once, for it takes its time."""
    text = FILE.read_text()
    for right, wrong in (("action: receive", "action: take"), ("./schemas/event-list.json", "./schemas/event-lost.json"),
                         ("$ref: '#/components/messages/deadLetter'", "$ref: '#/components/messages/none'")):
        assert right in text
        text = text.replace(right, wrong)
    shutil.copytree(ROOT / "conf" / "schemas", tmp_path / "schemas")
    (tmp_path / "asyncapi.yaml").write_text(text)
    found = "\n".join(parser(tmp_path / "asyncapi.yaml"))
    for place in ("operations.decideEvents.action", "event-lost.json", "channels.deadLetters.messages.deadLetter"):
        assert place in found


def test_every_event_and_outcome_is_a_message_of_its_channel():
    named = {name: set(channel["messages"]) for name, channel in DOCUMENT["channels"].items()}
    assert named == {"orders": {*KINDS, "structuredCloudEvent", "binaryCloudEvent"},
                     "outcomes": {f"{kind}Outcome" for kind in [*KINDS, "malformed"]}, "deadLetters": {"deadLetter"}}
    assert set.union(*named.values()) == set(MESSAGES)
    for channel in DOCUMENT["channels"].values():
        assert all(message["$ref"] == f"#/components/messages/{name}" for name, message in channel["messages"].items())
        assert channel["bindings"]["kafka"]["topic"] == channel["address"]


def test_topics_are_those_of_the_configuration():
    minimal = (ROOT / "conf" / "orderd-minimal.conf").read_text()
    topics = [re.search(rf'{name}\s*= (?:\[ )?"([^"]*)"', minimal).group(1) for name in ("topics", "outcomes", "dead_letters")]
    assert [channel["address"] for channel in DOCUMENT["channels"].values()] == topics


def test_payloads_are_the_schemas():
    wanted = {**{kind: [f"event-{kind}.json"] for kind in KINDS}, **{f"{kind}Outcome": [f"outcome-{kind}.json"] for kind in [*KINDS, "malformed"]},
              "structuredCloudEvent": ["cloudevent.json"], "binaryCloudEvent": [f"cloudevent.json#/$defs/{kind}" for kind in KINDS], "deadLetter": []}
    assert {name: payload_files(name) for name in MESSAGES} == wanted
    assert {MESSAGES[name]["payload"]["schemaFormat"] for name, files in wanted.items() if files} == {"application/schema+json;version=draft-2020-12"}


def test_names_and_bounds_are_those_of_the_daemon():
    binary = MESSAGES["binaryCloudEvent"]["headers"]["properties"]
    assert binary["ce_type"]["enum"] == KINDS
    assert binary["ce_id"]["maxLength"] == constant("codec/event.h", "EVENT_ID_MAX")
    assert binary["ce_source"]["maxLength"] == constant("codec/event.h", "EVENT_SOURCE_MAX")
    assert f"at most {constant('codec/event.h', 'EVENT_HEADERS_MAX')} headers" in DOCUMENT["channels"]["orders"]["description"]
    reasons = list(REASONS)
    assert HEADERS["deadLetterHeaders"]["properties"]["dlq.reason"]["enum"] == [REASONS[name] for name in reasons[reasons.index("NO_VALUE"):]]


@pytest.mark.parametrize("name", [name for name in MESSAGES if "examples" in MESSAGES[name]])
def test_examples_are_what_their_messages_describe(name):
    for example in MESSAGES[name]["examples"]:
        assert faults(headers_of(name), example.get("headers", {})) == []
        files = payload_files(name)
        if name == "binaryCloudEvent":
            assert is_event({**example["payload"], "id": example["headers"]["ce_id"], "type": example["headers"]["ce_type"]})
        elif files:
            assert VALIDATORS[files[0]].is_valid(example["payload"])


@pytest.mark.parametrize("name, header", [(name, header) for name in MESSAGES for example in MESSAGES[name].get("examples", [])
                                          for header in example.get("headers", {}) if header != "ce_subject"])
def test_a_header_that_is_not_as_described_is_found(name, header):
    headers = MESSAGES[name]["examples"][0]["headers"]
    assert faults(headers_of(name), {key: value for key, value in headers.items() if key != header}) != []
    assert faults(headers_of(name), {**headers, header: 1}) != []


def test_every_kind_has_an_example_that_orderd_reads(orderd):
    payloads = [example["payload"] for name in [*KINDS, "structuredCloudEvent"] for example in MESSAGES[name]["examples"]]
    assert len(payloads) > len(KINDS)
    assert orderd("check-events", stdin="".join(json.dumps(payload) + "\n" for payload in payloads)).out == ""


# --- the daemon

def test_headers_are_what_the_daemons_code_makes():
    """But for ce_sequence, which a record gets when it is published."""
    lines = subprocess.run([BINARY.parents[1] / "tests" / "outcomes"], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    records = [json.loads(line) for line in sorted(set(lines))]
    outcomes = [record["headers"] for record in records if "value" in record]
    letters = [record["headers"] for record in records if "letter" in record]
    sequence = {"ce_sequence": "0000000001-00000001795326127590-00000000000000000000-000004"}
    assert [fault for headers in outcomes for fault in faults(HEADERS["outcomeHeaders"], {**headers, **sequence})] == []
    assert {name for headers in outcomes for name in headers} | {"ce_sequence"} == set(HEADERS["outcomeHeaders"]["properties"])
    assert [fault for headers in letters for fault in faults(HEADERS["deadLetterHeaders"], headers)] == []
    assert len(outcomes) > 150 and {headers["dlq.reason"] for headers in letters} == set(HEADERS["deadLetterHeaders"]["properties"]["dlq.reason"]["enum"])


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """What a daemon published of the story and of two CloudEvents: outcomes and dead letters, as kcat has them."""
    place = Place(tmp_path_factory.mktemp("asyncapi"))
    try:
        place.make_user()
        place.orderd()
        place.send(text=STORY)
        place.send("-k", "shop", *(word for header in BINARY_EVENT for word in ("-H", header)), text='{"user":"mara","amount":1}\n')
        place.send("-H", "content-type=application/cloudevents+json", text=json.dumps(STRUCTURED_EVENT) + "\n")
        until(lambda: len(place.outcomes()) == 30)
        until(lambda: len(place.records("orders.dead-letters")) == 2)
        yield place.records("orders.outcomes"), place.records("orders.dead-letters")
    finally:
        place.end()


def pairs(record):
    return dict(zip(record["headers"][::2], record["headers"][1::2]))


def test_what_a_daemon_publishes_is_what_the_document_describes(published):
    outcomes, letters = published
    for record in outcomes:
        value = json.loads(record["payload"])
        name = f"{value['type'] or 'malformed'}Outcome"
        assert faults(headers_of(name), pairs(record)) == []
        assert list(VALIDATORS[payload_files(name)[0]].iter_errors(value)) == []
    assert [fault for record in letters for fault in faults(HEADERS["deadLetterHeaders"], pairs(record))] == []
    assert len(outcomes) >= 30 and len(letters) >= 2


def test_headers_come_in_the_order_that_the_document_has(published):
    order = list(HEADERS["outcomeHeaders"]["properties"])
    for record in published[0]:
        names = record["headers"][::2]
        assert names == [name for name in order if name in names]


def test_a_cloudevent_is_taken_in_both_modes(published):
    by_id = {value["id"]: (record, value) for record in published[0] for value in [json.loads(record["payload"])]}
    binary, structured = by_id["b1"], by_id["s1"]
    assert (binary[1]["status"], structured[1]["status"]) == ("applied", "applied")
    assert binary[0]["key"] == "shop" and pairs(binary[0])["traceparent"].startswith(TRACE[:36]) and pairs(binary[0])["tracestate"] == "a=b"


def test_schemas_are_named_by_the_document_and_nothing_else_is():
    named = {file.partition("#")[0] for name in MESSAGES for file in payload_files(name)}
    assert named == set(SCHEMAS) - {"event.json", "outcome.json"}
