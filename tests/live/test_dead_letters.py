"""`orderd dead-letter`: what is sent back is the message as it was, what may be sent, and what is remembered of it."""
import time

import pytest
from confluent_kafka import Producer

from broker import Record
from letters import Box
from market import deposit, encode
from process import until
from test_malformed import CASES


@pytest.fixture
def box(lasting_market):
    return Box(lasting_market)


def good(name, amount=5):
    """An event of this id, and the same with its amount as a string."""
    event = deposit("u", amount, id=name)
    return encode(event), encode({**event, "amount": str(amount)})


# --- what is sent back

def test_each_kind_of_message_comes_back_byte_for_byte_behind_its_lineage(make_market):
    """In a market of its own, read once: Debian 12's confluent_kafka counts references to None wrongly with every header that has no value."""
    market = make_market()
    market.daemon()
    box = Box(market)
    first = market.send(b"")
    market.send_all([Record(0, None, b"\x00key", value, [("first", b"\xff\x00"), *headers, ("last", None)], 0) for _, value, headers in CASES.values()])
    places = box.places([first, *range(first + 1, first + 1 + len(CASES))])[1:]
    assert [line["result"] for line in box.lines("redrive", *places, "--anyway")] == ["done"] * len(CASES)
    back = {dict(r.headers)["dlq.redrive.of"]: r for r in box.source() if r.headers and r.headers[0][0] == "dlq.redrive.of"}
    for place, (_, value, headers) in zip(places, CASES.values()):
        record = back[f"{market.dead_letter_topic}/{place.replace(':', '/')}".encode()]
        assert (record.key, record.value) == (b"\x00key", value)
        assert [name for name, _ in record.headers[:3]] == ["dlq.redrive.of", "dlq.redrive.source", "dlq.redrive.count"]
        assert record.headers[3:] == [("first", b"\xff\x00"), *headers, ("last", None)]


def test_an_edited_event_keeps_its_id_and_is_applied_once(box, tmp_path):
    market, (right, wrong) = box.market, good("edited")
    place, = box.fill(wrong)
    (tmp_path / "value").write_bytes(right)
    assert box.run("redrive", place).returncode == 65
    assert "would be malformed again, wrong_type" in box.run("redrive", place).stdout
    for _ in range(2):
        assert box.run("redrive", place, "--value", str(tmp_path / "value")).returncode == 0
    back, = box.sent_back(place)
    outcome = until(lambda: market.first_copies().get((market.source, 0, back.offset)), 20, "no outcome of what was sent back")
    assert (outcome.value["id"], outcome.verdict) == ("edited", ("applied", None))


def test_an_editor_is_given_each_value_and_its_answer_is_sent(box):
    rights, wrongs = zip(*[good(f"by-editor-{number}") for number in range(3)])
    places = box.fill(*wrongs)
    lines = box.lines("redrive", *places, "--edit", r"""sed -i 's/"amount": "\([0-9]*\)"/"amount": \1/'""")
    assert [line["result"] for line in lines] == ["done"] * 3
    assert [box.sent_back(place)[0].value for place in places] == list(rights)


def test_an_editor_that_fails_sends_nothing(box):
    place, = box.fill(good("unedited")[1])
    assert box.run("redrive", place, "--edit", "false").returncode == 75
    assert box.sent_back(place) == []


def test_a_binary_cloudevent_keeps_its_headers(box):
    market = box.market
    headers = [("ce_specversion", b"1.0"), ("ce_source", b"/shop"), ("ce_type", b"deposit"), ("ce_id", b"ce-1"), ("content-type", b"application/json")]
    place, = box.fill(b'{"user":"u","amount":"5"}', headers=headers)
    assert box.run("redrive", place, "--edit", "printf '%s' '{\"user\":\"u\",\"amount\":5}' >").returncode == 0
    back, = box.sent_back(place)
    assert back.headers[3:] == headers
    outcome = until(lambda: market.first_copies().get((market.source, 0, back.offset)), 20, "no outcome")
    assert (outcome.value["id"], outcome.status) == ("ce-1", "applied")


def test_the_lineage_survives_and_the_count_ends_it(box):
    market = box.market
    place, = box.fill(b"never an event")
    way = [place]
    for count in range(1, 4):
        assert box.run("redrive", way[-1], "--anyway").returncode == 0
        back, = box.sent_back(way[-1])
        assert dict(back.headers)["dlq.redrive.count"] == b"%d" % count and len(back.headers) == 3
        way += box.places([back.offset])
    ended = box.run("redrive", way[-1], "--anyway")
    assert ended.returncode == 65 and "it was sent back 3 times already; --max 3 allows no more" in ended.stdout
    assert box.lines("list", "--source", f"{market.source}:0:{back.offset}")[0]["redrives"] == 3
    shown = box.run("show", way[-1]).stdout
    assert [line.split()[1].rstrip(",") for line in shown.splitlines() if line.startswith("  before")] == way[-2::-1]
    assert box.run("redrive", way[-1], "--anyway", "--max", "4").returncode == 0


def test_what_was_cut_needs_its_value_and_a_cut_key_is_refused(box, tmp_path):
    """Dead letters as the daemon writes them where the topic takes less, put there by hand."""
    market = box.market
    own = [("dlq.original.topic", market.source.encode()), ("dlq.original.partition", b"0"), ("dlq.original.timestamp", b"5"), ("dlq.reason", b"not_json"),
           ("dlq.message", b"m")]

    def put(offset, what):
        headers = [*own[:2], ("dlq.original.offset", b"%d" % offset), *own[2:], ("dlq.truncated", what), ("dlq.digest", b"0" * 32)]
        return f"0:{market.broker.send(market.dead_letter_topic, b'{half', headers=headers)}"

    (tmp_path / "value").write_bytes(good("whole")[0])
    value, key, headers = put(900001, b"value"), put(900002, b"value key"), put(900003, b"headers")
    for place, word in ((value, "--value FILE gives it whole"), (key, "its key did not fit"), (headers, "its headers did not fit")):
        ended = box.run("redrive", place, "--anyway")
        assert ended.returncode == 65 and word in ended.stdout
    assert box.run("redrive", key, "--value", str(tmp_path / "value")).returncode == 65
    assert box.run("redrive", value, "--value", str(tmp_path / "value")).returncode == 0


def test_what_has_no_place_to_go_to_or_is_no_letter_is_refused(box):
    market = box.market
    own = [("dlq.original.offset", b"1"), ("dlq.original.timestamp", b"5"), ("dlq.reason", b"skipped"), ("dlq.message", b"m")]
    elsewhere = market.broker.send(market.dead_letter_topic, good("a")[0], headers=[("dlq.original.topic", b"elsewhere"), ("dlq.original.partition", b"0"), *own])
    beyond = market.broker.send(market.dead_letter_topic, good("b")[0],
                                headers=[("dlq.original.topic", market.source.encode()), ("dlq.original.partition", b"7"), *own])
    foreign = market.broker.send(market.dead_letter_topic, good("c")[0])
    said = box.lines("redrive", f"0:{elsewhere}", f"0:{beyond}", f"0:{foreign}", code=65)
    assert [line["result"] for line in said] == ["refused"] * 3
    assert "is none of kafka.topics" in said[0]["message"] and "has no partition 7" in said[1]["message"] and "no dead letter" in said[2]["message"]


def test_a_source_that_is_gone_is_named(make_market, broker):
    market = make_market()
    daemon = market.daemon()
    box = Box(market)
    place, = box.fill(b"homeless")
    assert daemon.stop() == 0
    broker.delete_topic(market.source)
    ended = box.run("redrive", place, "--anyway")
    assert ended.returncode == 65 and f"topic {market.source} does not exist any more" in ended.stdout
    assert broker.partitions(market.source) == 0


def test_a_copy_of_a_letter_is_the_same_letter(box):
    market = box.market
    place, = box.fill(good("copied")[1])
    record = [r for r in market.dead_letters() if f"{r.partition}:{r.offset}" == place][0]
    copy = f"0:{market.broker.send(market.dead_letter_topic, record.value, key=record.key, headers=record.headers)}"
    said = box.lines("redrive", place, copy, "--anyway")
    assert [line["result"] for line in said] == ["done", "before"]
    assert box.lines("redrive", copy, "--anyway")[0]["result"] == "before"
    assert len(box.sent_back(place)) + len(box.sent_back(copy)) == 1


def test_one_that_kafka_does_not_take_holds_up_no_other(make_market, broker):
    """The source takes less than it did."""
    market = make_market()
    market.sources[0] = market.source = broker.topic("small", 1, max_message_bytes=20000)
    market.settings["kafka.topics"] = market.sources
    market.daemon()
    box = Box(market)
    places = box.fill(b"small", b"l" * 19880)
    said = box.lines("redrive", *places, "--anyway", code=65)
    assert [line["result"] for line in said] == ["done", "failed"] and "kafka does not take it" in said[1]["message"]
    assert [line["state"] for line in box.lines("list", "--source", f"{market.source}:0:0-1")] == ["redriven", "open"]
    assert len(box.sent_back(places[0])) == 1 and box.sent_back(places[1]) == []


# --- the record

def test_letters_are_chosen_by_reason_time_source_and_state(box):
    market = box.market
    before, = box.fill(b"a")
    time.sleep(1.1)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    places = box.fill(b"b", b"[1]", None)
    source = ["--source", f"{market.source}:0"]

    def listed(*which):
        return [line["place"] for line in box.lines("list", *source, *which)]

    assert listed("--since", since) == places and before in listed("--until", since) and not set(places) & set(listed("--until", since))
    assert listed("--since", since, "--reason", "not_object", "--reason", "no_value") == places[1:]
    assert box.run("discard", places[1], "--because", "an array, ticket 7").returncode == 0
    assert listed("--since", since, "--state", "discarded") == [places[1]]
    assert listed("--since", since, "--state", "open") == [places[0], places[2]]


def test_a_discarded_letter_is_not_sent_until_it_is_opened_again(box):
    place, = box.fill(b"rubbish")
    assert box.run("discard", place, "--because", "rubbish, ticket 8", "--dry-run").returncode == 0
    assert box.lines("list", "--state", "discarded", "--source", f"{box.market.source}:0")[-1:] != [place]
    for _ in range(2):
        assert box.run("discard", place, "--because", "rubbish, ticket 8").returncode == 0
    ended = box.run("redrive", place, "--anyway")
    assert ended.returncode == 65 and "rubbish, ticket 8" in ended.stdout
    assert box.run("reopen", place).returncode == 0
    assert box.run("redrive", place, "--anyway").returncode == 0
    assert box.run("discard", place, "--because", "too late").returncode == 65
    assert box.run("reopen", place).returncode == 65
    assert len(box.sent_back(place)) == 1


def test_a_dry_run_writes_nothing(box):
    market = box.market
    place, = box.fill(b"dry")
    keys, ends = market.redis.hgetall(market.key("orderd:letters")), market.broker.ends(market.source)
    said, = box.lines("redrive", place, "--anyway", "--dry-run")
    assert said["result"] == "due"
    assert (market.redis.hgetall(market.key("orderd:letters")), market.broker.ends(market.source)) == (keys, ends)


def test_a_lost_record_is_found_in_the_topic(box):
    market = box.market
    places = box.fill(b"remembered", b"not yet sent")
    assert box.run("redrive", places[0], "--anyway").returncode == 0
    market.redis.delete(market.key("orderd:letters"))
    assert [line["state"] for line in box.lines("show", *places)] == ["open", "open"]
    said = box.lines("redrive", *places, "--anyway")
    assert [line["result"] for line in said] == ["before", "done"]
    assert box.sent_back(*places) == [1, 1]


def test_what_an_open_transaction_hides_is_waited_for(make_market):
    """A letter was sent behind somebody else's open transaction, and its record is lost: nobody can know that before that ends."""
    market = make_market()
    market.daemon()
    box = Box(market)
    place, = box.fill(b"hidden")
    producer = Producer({"bootstrap.servers": market.broker.bootstrap, "transactional.id": market.group, "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(market.source, encode(deposit("u", 1)), partition=0)
    producer.flush(30)
    market.redis.hset(market.key("orderd:letters"), f"looked:{market.source}:0", f"0 1 {market.redis.info()['run_id']}/{market.redis.info()['master_replid']}")
    assert box.run("redrive", place, "--anyway").returncode == 0
    market.redis.delete(market.key("orderd:letters"))
    ended = box.run("redrive", place, "--anyway")
    assert ended.returncode == 75 and "a transaction of some other producer is open" in ended.stderr
    producer.commit_transaction(30)
    assert box.lines("redrive", place, "--anyway")[0]["result"] == "before"
    assert len(box.sent_back(place)) == 1


def test_a_record_that_came_back_older_is_made_up_for(make_market, own_redis, tmp_path):
    """Redis saves, a letter is sent back, Redis dies and comes back with what it saved; the daemon is at rest, so nothing else is missing."""
    server = own_redis()
    market = make_market(server=server)
    daemon = market.daemon()
    box = Box(market)
    places = box.fill(b"one", b"two", b"three")
    until(lambda: market.mark().get("done") == "3", 20, "not at rest")
    assert daemon.stop() == 0
    assert box.run("redrive", places[0], "--anyway").returncode == 0
    market.redis.save()
    assert box.run("redrive", places[1], "--anyway").returncode == 0
    server.kill()
    server.start()
    assert [line["state"] for line in box.lines("show", *places)] == ["redriven", "open", "open"]
    assert [line["result"] for line in box.lines("redrive", *places, "--anyway")] == ["before", "before", "done"]
    assert box.sent_back(*places) == [1, 1, 1]


def test_letters_of_a_sharded_market_are_kept_by_their_partition(make_market):
    market = make_market(partitions=3, dead_letter_partitions=2, settings={"shard": "partition"})
    market.daemon()
    box = Box(market)
    places = [box.fill(b"shard %d" % number, partition=number)[0] for number in range(3)]
    assert [line["result"] for line in box.lines("redrive", "--all", "--anyway")] == ["done"] * 3
    for number in range(3):
        assert any(field.startswith(f"{market.source}:{number}:0@") for field in market.redis.hgetall(market.key("orderd:letters", number)))
    assert box.sent_back(*places) == [1, 1, 1]
    market.audit()


# --- the record stays small

def records(market, name, offsets):
    """What was sent back long ago: the letter's place was the first of its topic."""
    kept = {f"{market.source}:0:{offset}@{name}": f"redriven 1 {market.dead_letter_topic}/0/0 5 1 me " for offset in offsets}
    market.redis.hset(market.key("orderd:letters"), mapping=kept)
    return set(kept)


def test_a_record_goes_when_its_message_and_every_copy_of_its_letter_are_deleted(make_market):
    """10,000 records, in the place of as many letters: of messages that are deleted, one that still lies there, and one whose letter does."""
    market = make_market()
    daemon = market.daemon()
    box = Box(market)
    places = box.fill(*[b"letter %d" % number for number in range(6)])
    gone = records(market, 1, range(4)) | records(market, 2, [number % 4 for number in range(4)])
    market.redis.hset(market.key("orderd:letters"), mapping={f"{market.source}:0:3@{7 + number}": f"redriven 1 {market.dead_letter_topic}/0/0 5 1 me "
                                                             for number in range(10000)})
    there = records(market, 1, [5])
    sending = {f"{market.source}:0:0@3": f"sending 1 {market.dead_letter_topic}/0/0 5 1 me 0b5c"}
    market.redis.hset(market.key("orderd:letters"), mapping=sending)

    def discard(place):
        ended = box.run("discard", place, "--because", "rubbish")
        assert ended.returncode == 0, ended.stderr
        return set(market.redis.hkeys(market.key("orderd:letters"))), ended.stderr

    until(lambda: market.mark().get("done") == "6", 20, "not at rest")
    assert gone <= discard(places[0])[0]
    market.broker.delete_records(market.dead_letter_topic, 0, 2)
    assert gone <= discard(places[2])[0], "the source topic still holds the messages"
    market.broker.delete_records(market.source, 0, 4)
    kept, said = discard(places[3])
    assert not gone & kept and there | set(sending) <= kept
    assert "10009 records of letters that are long deleted were taken out of redis" in said
    assert [line["state"] for line in box.lines("show", *places[2:])] == ["discarded", "discarded", "open", "open"]
    assert daemon.alive


def test_no_more_records_are_kept_than_their_bound(make_market):
    market = make_market()
    market.daemon()
    box = Box(market)
    place, = box.fill(b"one too many")
    for begin in range(0, 200000, 50000):
        market.redis.hset(market.key("orderd:letters"), mapping={f"{number}": "x" for number in range(begin, begin + 50000)})
    ended = box.run("redrive", place, "--anyway")
    assert ended.returncode == 78
    assert "holds 200000 records, and 200000 are kept at most" in ended.stderr
    assert not box.sent_back(place)
