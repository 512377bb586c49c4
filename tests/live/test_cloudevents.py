"""Events that come as CloudEvents, and by other people's producers."""
import json
import subprocess

from market import deposit, event, grant

BINARY = [("ce_specversion", b"1.0"), ("ce_source", b"/shop/1"), ("ce_type", b"deposit"), ("ce_id", b"c-1")]


def without_envelope(e):
    return {k: v for k, v in e.items() if k not in ("id", "type")}


def test_a_binary_cloudevent_is_an_event(market):
    market.daemon()
    market.send(without_envelope(deposit("u", 5)), headers=[*BINARY, ("content-type", b"application/json"), ("other", None)])
    outcome, = market.outcomes()
    assert (outcome.value["id"], outcome.value["type"], outcome.status) == ("c-1", "deposit", "applied")
    assert outcome.value["event"] == {"user": "u", "amount": 5}
    market.audit()


def test_a_structured_cloudevent_is_an_event(market):
    market.daemon()
    envelope = {"specversion": "1.0", "id": "c-2", "source": "/shop/1", "type": "grant", "time": "2026-11-22T05:42:07Z",
                "data": without_envelope(grant("u", "thing", note="x"))}
    for content_type in (b"application/cloudevents+json", b"application/cloudevents+json; charset=UTF-8", b"Application/CloudEvents+JSON"):
        market.send({**envelope, "id": f"c-{len(market.sent)}", "data": {"user": "u", "item": f"i{len(market.sent)}", "note": "x"}},
                    headers=[("content-type", content_type)])
    outcomes = market.outcomes()
    assert [(o.value["id"], o.status, o.headers["ce_subject"]) for o in outcomes] == [(f"c-{n}", "applied", f"i{n}") for n in range(3)]
    assert outcomes[0].value["event"] == {"user": "u", "item": "i0", "note": "x"}
    market.audit()


def test_the_same_id_of_another_source_is_another_event(market):
    market.daemon()
    for source in (b"/shop/1", b"/shop/2", b"/shop/1"):
        market.send(without_envelope(deposit("u", 5)), headers=[h for h in BINARY if h[0] != "ce_source"] + [("ce_source", source)])
    market.send(deposit("u", 5, id="c-1"))
    assert [o.status for o in market.outcomes()] == ["applied", "applied", "duplicate", "applied"]
    assert market.funds("u") == 15
    market.audit()


def test_data_that_repeats_its_envelope_is_fine(market):
    market.daemon()
    market.send(deposit("u", 5, id="c-1"), headers=BINARY)
    assert market.outcomes()[0].status == "applied"
    market.audit()


def test_the_trace_goes_on_under_a_span_of_its_own(market):
    market.daemon()
    parent, state = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    market.send(deposit("u", 1), headers=[("traceparent", parent), ("tracestate", state)])
    market.send(deposit("u", 1), headers=[("traceparent", parent)])
    market.send(deposit("u", 1), headers=[("tracestate", state)])
    market.send(deposit("u", 1), headers=[("traceparent", b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01"), ("tracestate", state)])
    both, alone, orphan, zero = market.outcomes()
    child = both.headers["traceparent"]
    assert child.startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-") and child.endswith("-01") and child.encode() != parent
    assert both.headers["tracestate"].encode() == state
    assert alone.headers["traceparent"][:36] == parent.decode()[:36] and "tracestate" not in alone.headers
    assert not {"traceparent", "tracestate"} & (set(orphan.headers) | set(zero.headers))
    market.audit()


def test_a_dead_letter_keeps_the_trace_as_it_came_and_its_outcome_continues_it(market):
    market.daemon()
    parent, state = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", b"rojo=00f067aa0ba902b7"
    market.send(b"{", headers=[("traceparent", parent), ("tracestate", state)])
    outcome, = market.outcomes()
    assert outcome.headers["traceparent"][:36] == parent.decode()[:36] and outcome.headers["traceparent"] != parent.decode()
    market.audit()
    letter, = market.dead_letters()
    assert letter.headers[:2] == [("traceparent", parent), ("tracestate", state)] and "traceparent" not in dict(letter.headers[2:])


def test_a_later_version_of_the_trace_is_continued_as_ours_and_undefined_flags_end(market):
    market.daemon()
    for parent in (b"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fd"):
        market.send(deposit("u", 1), headers=[("traceparent", parent)])
    later, flags = market.outcomes()
    assert later.headers["traceparent"][:36] == "00-4bf92f3577b34da6a3ce929d0e0e4736-" and later.headers["traceparent"][52:] == "-01"
    assert flags.headers["traceparent"][52:] == "-01"
    market.audit()


def test_events_by_kcat_with_headers_and_keys(market):
    market.daemon()
    subprocess.run(["kcat", "-P", "-b", market.broker.bootstrap, "-t", market.source, "-p", "0", "-K", "\t", "-H", "note=by hand"],
                   input=f"k1\t{json.dumps(deposit('u', 5, id='by-kcat'))}\nk2\t{json.dumps(event('deposit', user='u'))}\n", text=True, check=True)
    market.sent += [(market.source, 0, 0), (market.source, 0, 1)]
    good, bad = market.outcomes()
    assert (good.value["id"], good.status, good.record.key) == ("by-kcat", "applied", b"k1")
    assert bad.verdict == ("malformed", "missing_field")
    letter, = market.dead_letters()
    assert letter.headers[0] == ("note", b"by hand") and letter.key == b"k2"
    market.audit()
