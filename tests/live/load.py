"""Load for a market: random events of every kind, most of which fit the market that the earlier ones made."""
import random
import threading

from broker import Record
from market import deposit, encode, event, grant, list_, purchase, reserve, restock, unlist
from process import until


def mixed(count, partitions=1, seed=1, users=20, skus=5, malformed=0.02, again=0.03):
    """`count` Records over `partitions`. Prices are small and money is plenty, so that most purchases find their item."""
    dice, records, listed, held = random.Random(seed), [], [], []
    names = [f"u{i}" for i in range(users)]

    def user():
        return dice.choice(names)

    def one(number):
        pick = dice.random()
        if pick < 0.15:
            return deposit(user(), dice.randint(50, 500))
        if pick < 0.35 or not held and not listed:
            held.append((user(), f"item{number if dice.random() < 0.95 else dice.randrange(number + 1)}"))
            return grant(*held[-1])
        if pick < 0.55 and held:
            seller, item = held.pop(dice.randrange(len(held)))
            listed.append((seller, item, dice.randint(1, 99)))
            return list_(*listed[-1])
        if pick < 0.75 and listed:
            seller, item, price = dice.choice(listed) if dice.random() < 0.2 else listed.pop(dice.randrange(len(listed)))
            return purchase(user(), seller, item, price + (dice.random() < 0.05))
        if pick < 0.8 and listed:
            seller, item, _ = listed.pop(dice.randrange(len(listed)))
            return unlist(seller, item)
        sku = f"sku{dice.randrange(skus)}"
        return restock(sku, dice.randint(1, 20)) if pick < 0.87 else reserve(sku, dice.randint(1, 5), user())

    for number in range(count):
        if records and dice.random() < again:
            value = dice.choice(records).value
        elif dice.random() < malformed:
            value = dice.choice([b"{", b"[]", b"", encode(event("bid", item="x")), None])
        else:
            value = encode(one(number))
        partition = dice.randrange(partitions)
        records.append(Record(partition, None, f"k{partition}".encode(), value, [], 0))
    return records


class Feeder:
    """Sends records from a thread of its own, `chunk` of them and a pause in turn, while a test does something to the daemon; leaving the
    with block ends it.

        with Feeder(market, partitions=3) as feeder:
            feeder.ahead(2000)       # so many are sent by now
            daemon.kill()
    """

    def __init__(self, market, partitions=1, count=100000, seed=1, chunk=50, pause=0.02, records=None):
        self.market, self.chunk, self.pause = market, chunk, pause
        self.records = mixed(count, partitions, seed) if records is None else records
        self._end, self._failure = threading.Event(), None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def batches(self):
        """What is sent at a time, one after the other."""
        for i in range(0, len(self.records), self.chunk):
            yield self.records[i:i + self.chunk]

    def send(self, batch):
        self.market.send_all(batch)

    def _run(self):
        try:
            for batch in self.batches():
                if self._end.is_set():
                    return
                self.send(batch)
                self._end.wait(self.pause)
        except Exception as failure:
            self._failure = failure

    def ahead(self, count, timeout=60):
        """Waits until `count` more events than now are sent."""
        goal = len(self.market.sent) + count
        until(lambda: len(self.market.sent) >= goal or not self._thread.is_alive(), timeout, "the feeder stands still")
        assert not self._failure, self._failure

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._end.set()
        self._thread.join(120)
        assert kind or not self._failure, self._failure
