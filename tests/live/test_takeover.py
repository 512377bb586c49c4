"""A take-over that is overtaken: what the next owner does meanwhile is not held against anybody."""
import uuid

import pytest

from market import deposit
from proxy import Proxy


@pytest.fixture
def overtaken(market):
    """overtaken(work): the market of a second start, during whose first take-over somebody else writes an epoch of his own and does
    `work(market)` as the outbox is read; before the second try work(market) is called again to undo it."""
    proxies = []

    def make(work):
        daemon = market.daemon()
        market.play([deposit("u", n + 1) for n in range(5)])
        market.audit()
        assert daemon.stop() == 0
        rounds = []

        def before(request):
            if b"\r\nXRANGE\r\n" not in request or b"selftest" in request:
                return
            rounds.append(request)
            if len(rounds) == 1:
                client.hset(market.key(f"orderd:mark:{market.source}:0"), "epoch", str(uuid.uuid4()))
            if len(rounds) <= 2:
                work(market, client, len(rounds) == 1)

        client = market.server.client()
        proxies.append(Proxy(market.server, before))
        market.rounds = rounds
        daemon.configure(redis__address=proxies[-1].address)
        return daemon.start()

    yield make
    for proxy in proxies:
        proxy.close()


def longer_seen_list(market, client, do):
    seen = market.key(f"orderd:seen:{market.source}:0")
    client.rpush(seen, "an element more") if do else client.lrem(seen, -1, "an element more")


def longer_outbox(market, client, do):
    outbox = market.key("orderd:outbox")
    if do:
        market.entry = client.xadd(outbox, {"at": f"{market.source}:0", "from": 5, "to": 6, "era": 1, "records": ""})
    else:
        client.xdel(outbox, market.entry)


@pytest.mark.parametrize("work", [longer_seen_list, longer_outbox])
def test_what_another_owner_writes_during_a_take_over_is_no_refusal(market, overtaken, work):
    daemon = overtaken(work)
    market.send(deposit("u", 10))
    assert market.outcomes(alive=[daemon])[-1].facts == {"funds": [15, 25]}
    assert len(market.rounds) > 1 and "refused" not in daemon.log()
    market.audit()
