"""What the log says: a line for what went wrong with an event, some lines and a count for a flood of it, and JSON where that is asked for."""
import fcntl
import json
import os
import re

from market import deposit
from process import until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())]
F_SETPIPE_SZ = 1031      # older Pythons do not name it
BURST, FLOOD, INTERVAL_S = 200, 10, 10      # base/log.h


def objects(daemon):
    """Every line of the log as the object that it is."""
    return [json.loads(line) for line in daemon.log().splitlines()]


def test_a_malformed_event_is_named_with_its_place_its_key_its_id_and_its_trace(market):
    daemon = market.daemon()
    market.play([deposit("a", 1)])
    market.send({**deposit("a", 1, id="m-1"), "amount": "five"}, key=b"a\x00\xffb", headers=TRACED)
    daemon.wait_for(rf' warning an event is malformed and goes to the dead letters topic={market.source} partition=0 offset=1 reason=wrong_type '
                    rf'detail="[^"]*" key="a\?\?b" id="m-1" trace="{TRACE}"\n')


def test_a_flood_of_malformed_events_is_some_lines_and_the_right_count(make_market):
    market = make_market(partitions=2)
    daemon = market.daemon()
    for _ in range(10):
        market.send_all([b"{"] * 500)
    market.outcomes(5000, timeout=60)
    market.audit()
    assert daemon.stop() == 0
    lines = daemon.log().splitlines()
    said = [line for line in lines if re.search(r" warning an event is malformed .* offset=\d+", line)]
    counts = [re.search(r" warning an event is malformed and goes to the dead letters \((\d+) more of these in the last (\d+) s\) more=(\d+)$", line)
              for line in lines if "more=" in line]
    assert len(said) + sum(int(found[1]) for found in counts) == 5000
    assert BURST <= len(said) <= BURST + FLOOD * len(counts)
    assert all(found[1] == found[3] and int(found[2]) <= 2 * INTERVAL_S for found in counts)


def test_a_json_log_is_an_object_a_line_from_the_first_to_the_last(market):
    daemon = market.daemon(log__format="json", log__level="debug")
    market.play([deposit("a", 1), {**deposit("b", 1), "note": 'a "quoted" \\ note'}])
    market.send(b'{"id":"\xc3\xa9\\"<3>","type":"deposit","user":7}', key=b'"level":"error"\n', headers=TRACED)
    daemon.wait_for('"an event is malformed')
    daemon.configure(turn__events=0)
    daemon.reload()
    daemon.wait_for("refused, the old one stays")
    daemon.configure(turn__events=5, dedupe__ids=7)
    daemon.reload()
    daemon.wait_for("configuration reloaded")
    assert daemon.stop() == 0
    said = objects(daemon)
    assert all(list(line)[:3] == ["time", "level", "message"] for line in said)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in said)
    took = next(line for line in said if line["message"] == "took over")
    assert took["level"] == "info" and took["topic"] == market.source and (took["partition"], took["next"]) == (0, 0)
    bad = next(line for line in said if line["message"].startswith("an event is malformed"))
    assert (bad["offset"], bad["reason"], bad["key"], bad["id"], bad["trace"]) == (2, "wrong_type", '"level":"error"?', 'é"<3>', TRACE)
    assert said[-1]["message"] == "stopped"


def test_a_reload_changes_the_form_of_the_log(market):
    daemon = market.daemon()
    daemon.configure(log__format="json")
    daemon.reload()
    daemon.wait_for(r'(?m)^\{"time":"[^"]*","level":"notice","message":"configuration reloaded","file":"[^"]*"\}$')
    daemon.configure(log__format="text")
    daemon.reload()
    daemon.wait_for(r"(?m)^\S+Z notice configuration reloaded file=\S+$")


def test_who_does_not_read_the_log_does_not_hold_the_daemon(market):
    """A pipe of one page that nobody empties: events go on, and once it is read the log says what is missing of it."""
    market.start_state()
    ends = os.pipe()
    fcntl.fcntl(ends[1], F_SETPIPE_SZ, 4096)
    os.set_blocking(ends[0], False)
    daemon = market.make(log__level="debug", kafka__client=["debug=protocol"])
    daemon.start(wait=False, stderr=ends[1])
    for _ in range(5):
        market.play([deposit("a", 1) for _ in range(20)])
    market.audit()
    read = []

    def is_said():
        try:
            read.append(os.read(ends[0], 1 << 16))
        except BlockingIOError:
            pass
        return b" warning lines of this log are missing, nobody took them lines=" in b"".join(read)

    until(is_said, 20, lambda: read)
    assert daemon.stop() == 0
    os.close(ends[0])
    os.close(ends[1])
