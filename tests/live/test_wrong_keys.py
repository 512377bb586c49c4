"""Keys that other programs left with the wrong type or value: the event is refused, nothing is torn, the others go on."""
import pytest

from market import deposit, grant, list_, purchase, reserve, restock, unlist

NO_INTEGERS = ["017", "+5", " 5", "5 ", "-0", "1.5", "1e2", "abc", "", "9223372036854775808"]
VALUES = {"users": ["string", "list", *NO_INTEGERS], "stock": ["list", "hash", *NO_INTEGERS], "inventory": ["string", "hash", "zset"]}
EVENTS = {
    "users": {"deposit": lambda x, n: deposit(x, 5), "purchase as buyer": lambda x, n: purchase(x, f"s{n}", "i", 5),
              "purchase as seller": lambda x, n: purchase("rich", x, "i", 5)},
    "stock": {"reserve": lambda x, n: reserve(x, 1, "b"), "restock": lambda x, n: restock(x, 1)},
    "inventory": {"grant": lambda x, n: grant(x, "i"), "list": lambda x, n: list_(x, "i", 5), "unlist": lambda x, n: unlist(x, "i"),
                  "purchase": lambda x, n: purchase(x, f"s{n}", "i", 5)}}
CASES = [(f"{kind}-{name}-{value!r}", kind, value, make) for kind, events in EVENTS.items() for name, make in events.items() for value in VALUES[kind]]


def put(market, kind, name, value):
    key, redis = market.key(f"{kind}:{name}"), market.redis
    if value == "list":
        redis.rpush(key, "x")
    elif value == "hash":
        redis.hset(key, "x", "y")
    elif value == "zset":
        redis.zadd(key, {"x": 1})
    elif value == "string":
        redis.set(key, "x")
    elif kind == "users":
        redis.hset(key, "funds", value)
    else:
        redis.set(key, value)


def prepare(market):
    market.redis.hset(market.key("users:rich"), "funds", 1000)
    for number, (_, kind, value, _) in enumerate(CASES):
        put(market, kind, f"x{number}", value)
        market.redis.zadd(market.key("market:"), {f"i.s{number}": 5, f"i.x{number}": 5})


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case[0] for case in CASES])
def test_an_event_that_meets_a_wrong_key_is_refused_and_the_next_goes_on(lasting_market, number):
    market, (_, kind, _, make) = lasting_market, CASES[number]
    key = market.key(f"{kind}:x{number}")
    raw = market.server.client(decode_responses=False)
    before = raw.dump(key)
    first, wrong, last = market.play([deposit("good", 1), make(f"x{number}", number), deposit("good", 1)])
    assert wrong.verdict == ("rejected", "state_invalid")
    assert wrong.facts == {"invalid": f"{kind}:x{number}"}
    assert first.status == last.status == "applied" and last.facts["funds"][1] == first.facts["funds"][1] + 1
    assert raw.dump(key) == before
    raw.close()


def test_the_audit_balances_over_all_of_them(lasting_market):
    assert lasting_market.audit().counts["rejected"] == len(CASES)


def test_a_market_that_is_no_sorted_set_refuses_what_trades_and_nothing_else(market):
    market.redis.set(market.key("market:"), "x")
    market.redis.sadd(market.key("inventory:s"), "i")
    daemon = market.daemon()
    outcomes = market.play([list_("s", "i", 5), deposit("b", 5), unlist("s", "i"), grant("b", "j"), purchase("b", "s", "i", 5), restock("k", 1)])
    assert [o.reason or o.status for o in outcomes] == ["state_invalid", "applied"] * 3
    assert {o.facts["invalid"] for o in outcomes[::2]} == {"market:"}
    assert market.redis.get(market.key("market:")) == "x" and daemon.alive
    market.audit()


def test_a_price_that_is_no_integer_refuses_that_listing_only(market):
    market.redis.zadd(market.key("market:"), {"i.s": 97.5, "j.s": 97, "k.s": 2.0**53, "l.s": float("inf")})
    market.redis.hset(market.key("users:b"), "funds", 1000)
    market.daemon()
    outcomes = market.play([purchase("b", "s", "i", 97), purchase("b", "s", "j", 97), unlist("s", "i"), unlist("s", "k"), purchase("b", "s", "l", 97)])
    assert [o.reason or o.status for o in outcomes] == ["state_invalid", "applied", "state_invalid", "state_invalid", "state_invalid"]
    market.audit()


def test_a_stock_below_nothing_is_out_of_stock(market):
    market.redis.set(market.key("stock:k"), -3)
    market.redis.hset(market.key("users:b"), "funds", -3)
    market.daemon()
    outcomes = market.play([reserve("k", 1, "b"), restock("k", 5), reserve("k", 2, "b"), deposit("b", 5)])
    assert [(o.reason or o.status, *o.facts.values()) for o in outcomes] == [
        ("out_of_stock", -3), ("applied", [-3, 2]), ("applied", [2, 0]), ("applied", [-3, 2])]
    market.audit()
