"""The event contract under conf/, and the daemon's tables that it must agree with."""
import json
import re

from jsonschema import Draft202012Validator, FormatChecker, RefResolver

from conftest import ROOT

SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted((ROOT / "conf" / "schemas").glob("*.json"))}
BY_ID = {schema["$id"]: schema for schema in SCHEMAS.values()}


def rows(text, macro):
    """The rows of an X macro, each a list of its arguments."""
    table = re.search(rf"#define {macro}\(X\)((?:.*\\\n)*.*)", text).group(1)
    return [[argument.strip().strip('"') for argument in row.split(",")] for row in re.findall(r"X\(([^)]*)\)", table)]


def read(path):
    return (ROOT / "daemon" / path).read_text()


KINDS = [name for _, name, _ in rows(read("rules/event.h"), "EVENT_KINDS")]
FIELDS = {constant: (member, type) for constant, member, type in rows(read("rules/event.h"), "EVENT_FIELDS")}
STATUSES = [name for _, name in rows(read("rules/outcome.h"), "STATUSES")]
REASONS = {constant: name for constant, name in rows(read("rules/outcome.h"), "REASONS") if name}
REQUIRED = {kind: {FIELDS[constant] for constant in re.findall(r"F\((\w+)\)", fields)}
            for kind, fields in re.findall(r'\{"(\w+)", (F\(.*?), \w+_want', read("rules/rules.c"))}


def constant(path, name):
    return int(re.search(rf"\b{name} = (\d+)", read(path)).group(1))


def validator(schema):
    """Formats are checked too; other schemas are found by their $id, and nothing is fetched."""
    resolver = RefResolver(schema.get("$id", ""), schema, store=BY_ID)
    return Draft202012Validator(schema, resolver=resolver, format_checker=FormatChecker())


def reads(text):
    """The value as strict JSON, or None: what a schema cannot see, since it begins where a parser ends."""
    def refuse(word):
        raise ValueError(word)
    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError:
        return None


def event_schema(value):
    """The schema that a producer would take: by the member that says it is a CloudEvent, then by type."""
    if isinstance(value, dict) and "specversion" in value:
        return SCHEMAS["cloudevent.json"]
    kind = value.get("type") if isinstance(value, dict) else None
    return SCHEMAS.get(f"event-{kind}.json", SCHEMAS["event.json"])


VALIDATORS = {name: validator(schema) for name, schema in SCHEMAS.items()}


def is_event(value):
    return VALIDATORS[event_schema(value)["$id"].rsplit("/", 1)[1]].is_valid(value)


def faults(schema, value):
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator(schema).iter_errors(value)]
