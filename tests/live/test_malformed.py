"""Messages that are no events: each is told with its reason, goes to the dead letters byte for byte, and the partition goes on."""
import json

import pytest

from market import deposit

GOOD = {"id": "m", "type": "deposit", "user": "u", "amount": 5}
LIST = {"id": "m", "type": "list", "seller": "s", "item": "i", "price": 5}
CE = [("ce_specversion", b"1.0"), ("ce_source", b"/shop"), ("ce_type", b"deposit"), ("ce_id", b"x")]
STRUCTURED = [("content-type", b"application/cloudevents+json")]
ENVELOPE = {"specversion": "1.0", "id": "x", "source": "/shop", "type": "deposit", "data": {"user": "u", "amount": 5}}


def js(value=GOOD, **changes):
    return json.dumps({k: v for k, v in {**value, **changes}.items() if v is not KeyError}).encode()


def amount(text):
    return js().replace(b"5", text)


CASES = {
    "no value": ("no_value", None, []),
    "empty value": ("not_json", b"", []),
    "blank value": ("not_json", b"  \n", []),
    "plain text": ("not_json", b"buy now", []),
    "cut off": ("not_json", js()[:-1], []),
    "single quotes": ("not_json", b"{'id':'m'}", []),
    "trailing comma": ("not_json", js()[:-1] + b",}", []),
    "comment": ("not_json", b"/* */" + js(), []),
    "NaN": ("not_json", amount(b"NaN"), []),
    "leading zero": ("not_json", amount(b"05"), []),
    "byte order mark": ("not_json", b"\xef\xbb\xbf" + js(), []),
    "nested too deep": ("not_json", b'{"a":' * 20000 + b"1" + b"}" * 20000, []),
    "an array": ("not_object", b"[" + js() + b"]", []),
    "a string": ("not_object", b'"deposit"', []),
    "null": ("not_object", b"null", []),
    "two events": ("trailing_bytes", js() + js(), []),
    "text behind": ("trailing_bytes", js() + b" x", []),
    "a zero byte behind": ("trailing_bytes", js() + b"\x00", []),
    "broken UTF-8 in a name": ("invalid_utf8", js().replace(b'"u"', b'"\xff"'), []),
    "an overlong form": ("invalid_utf8", js().replace(b'"u"', b'"\xc0\xaf"'), []),
    "a surrogate in UTF-8": ("invalid_utf8", js().replace(b'"u"', b'"\xed\xa0\x80"'), []),
    "no id": ("missing_field", js(id=KeyError), []),
    "no type": ("missing_field", js(type=KeyError), []),
    "no user": ("missing_field", js(user=KeyError), []),
    "no price": ("missing_field", js(LIST, price=KeyError), []),
    "an empty object": ("missing_field", b"{}", []),
    "a field twice": ("duplicate_field", js()[:-1] + b',"amount":6}', []),
    "an unknown field twice": ("duplicate_field", js()[:-1] + b',"x":1,"x":1}', []),
    "a field twice by escape": ("duplicate_field", js()[:-1] + b',"am\\u006funt":6}', []),
    "user is a number": ("wrong_type", js(user=7), []),
    "id is a number": ("wrong_type", js(id=7), []),
    "type is null": ("wrong_type", js(type=None), []),
    "amount is a string": ("wrong_type", js(amount="5"), []),
    "amount is null": ("wrong_type", js(amount=None), []),
    "amount is true": ("wrong_type", js(amount=True), []),
    "amount is 1.0": ("wrong_type", amount(b"1.0"), []),
    "amount is 1e2": ("wrong_type", amount(b"1e2"), []),
    "deadline is a string": ("wrong_type", js(deadline_ms="5"), []),
    "another kind": ("unknown_type", js(type="bid"), []),
    "a kind in capitals": ("unknown_type", js(type="Deposit"), []),
    "an empty kind": ("unknown_type", js(type=""), []),
    "an empty id": ("invalid_id", js(id=""), []),
    "an id of 129 bytes": ("invalid_id", js(id="é" * 64 + "x"), []),
    "a line feed in the id": ("invalid_id", js(id="a\nb"), []),
    "a C1 control in the id": ("invalid_id", js(id="a\u0085b"), []),
    "an empty user": ("invalid_name", js(user=""), []),
    "a dot in the user": ("invalid_name", js(user="a.b"), []),
    "a colon in the item": ("invalid_name", js(LIST, item="a:b"), []),
    "a user of 65 bytes": ("invalid_name", js(user="u" * 65), []),
    "a letter with an accent": ("invalid_name", js(user="ü"), []),
    "amount 0": ("number_out_of_range", js(amount=0), []),
    "amount -1": ("number_out_of_range", js(amount=-1), []),
    "amount 2^53": ("number_out_of_range", js(amount=2**53), []),
    "amount 2^63": ("number_out_of_range", js(amount=2**63), []),
    "amount of 400 digits": ("number_out_of_range", js(amount=10**400), []),
    "price 0": ("number_out_of_range", js(LIST, price=0), []),
    "deadline 0": ("number_out_of_range", js(deadline_ms=0), []),
    "binary without a source": ("cloudevent_invalid", js(), [h for h in CE if h[0] != "ce_source"]),
    "binary of another version": ("cloudevent_invalid", js(), [("ce_specversion", b"0.3"), *CE[1:]]),
    "binary with two ids": ("cloudevent_invalid", js(), [*CE, ("ce_id", b"y")]),
    "binary without an id": ("cloudevent_invalid", js(), CE[:3]),
    "structured without data": ("cloudevent_invalid", js(ENVELOPE, data=KeyError), STRUCTURED),
    "structured, data a string": ("cloudevent_invalid", js(ENVELOPE, data="x"), STRUCTURED),
    "structured, data in base64": ("cloudevent_invalid", js(ENVELOPE, data_base64="e30="), STRUCTURED),
    "structured without a version": ("cloudevent_invalid", js(ENVELOPE, specversion=KeyError), STRUCTURED),
    "a batch of cloudevents": ("cloudevent_invalid", js(ENVELOPE), [("content-type", b"application/cloudevents-batch+json")]),
    "cloudevents in Avro": ("cloudevent_invalid", js(ENVELOPE), [("content-type", b"application/cloudevents+avro")]),
    "the data's id differs": ("envelope_conflict", js(id="y"), CE),
    "the data's type differs": ("envelope_conflict", js(id="x", type="grant"), CE),
    "structured, the data's id differs": ("envelope_conflict", js(ENVELOPE, data={"id": "y", "user": "u", "amount": 5}), STRUCTURED),
    "structured, no amount": ("missing_field", js(ENVELOPE, data={"user": "u"}), STRUCTURED),
}


@pytest.mark.parametrize("case", CASES)
def test_a_malformed_message_is_told_kept_and_passed(lasting_market, case):
    market, (reason, value, headers) = lasting_market, CASES[case]
    before, funds = len(market.sent), market.funds("good") or 0
    market.send(value, key=b"\x00key", headers=[("first", b"\xff\x00"), *headers, ("last", None)], timestamp=1795326127590)
    market.send(deposit("good", 1), timestamp=1795326127590)
    bad, good = market.outcomes()[before:]
    assert bad.verdict == ("malformed", reason), bad.value.get("detail")
    assert bad.value["event"] is None and bad.value["id"] is None and bad.value["type"] is None and bad.facts == {} and bad.value["detail"]
    assert bad.record.key == b"\x00key" and "ce_subject" not in bad.headers
    assert good.status == "applied" and market.funds("good") == funds + 1


def test_their_dead_letters_are_what_came_byte_for_byte_and_say_why(lasting_market):
    market = lasting_market
    letters = market.dead_letters()
    assert len(letters) == len([o for o in market.outcomes() if o.status == "malformed"]) == len(CASES)
    for letter, (reason, value, headers) in zip(letters, CASES.values()):
        assert (letter.key, letter.value) == (b"\x00key", value)
        assert letter.headers[:-6] == [("first", b"\xff\x00"), *headers, ("last", None)]
        own = dict(letter.headers[-6:])
        assert list(own) == ["dlq.original.topic", "dlq.original.partition", "dlq.original.offset", "dlq.original.timestamp", "dlq.reason", "dlq.message"]
        assert own["dlq.original.topic"] == market.source.encode() and own["dlq.original.partition"] == b"0"
        assert own["dlq.original.timestamp"] == b"1795326127590" and own["dlq.reason"] == reason.encode()


def test_the_audit_balances_over_all_of_them(lasting_market):
    counts = lasting_market.audit().counts
    assert counts["malformed"] == counts["applied"] == len(CASES)


def test_a_dead_letter_goes_to_the_partition_that_the_dead_letter_topic_has(make_market):
    market = make_market(partitions=3, dead_letter_partitions=2)
    market.daemon()
    for partition in range(3):
        market.send(b"{", partition=partition)
    market.outcomes()
    market.audit()
    assert sorted(letter.partition for letter in market.dead_letters()) == [0, 0, 1]
