"""An endless trade for the judgement: every kind, every refusal that events alone can bring about, in a market that grows slowly: now and
then comes a fresh item, or a poor buyer with just about what they want to pay."""
import random
import zlib

from broker import Record
from market import deposit, encode, event, grant, list_, purchase, reserve, restock, unlist


class Trade:
    """records(n) gives the next `n` Records. What is about one thing goes to one partition, mostly: some come out of order, and are refused."""

    def __init__(self, seed, partitions, users=200, items=500, skus=30, strays=0.03, again=0.02, malformed=0.01):
        self.dice, self.partitions = random.Random(seed), partitions
        self.strays, self.again, self.malformed = strays, again, malformed
        self.users, self.skus = [f"u{i}" for i in range(users)], [f"sku{i}" for i in range(skus)]
        self.held, self.listed = {}, {}
        self.number = 0
        self.wanted = [restock(sku, 5) for sku in self.skus] + [self.granted(f"item{i}") for i in range(items)] + [deposit(u, 500) for u in self.users]
        # `wanted` must come next, the last one first.
        self.late, self.about = [], {}            # what was sent lately; what a poor buyer's deposit is for, by its id

    def granted(self, item):
        self.held[item] = self.dice.choice(self.users)
        return grant(self.held[item], item)

    def records(self, count):
        return [self.record() for _ in range(count)]

    def record(self):
        pick = self.dice.random()
        if pick < self.again and self.late:
            partition, value = self.dice.choice(self.late)
        elif pick < self.again + self.malformed:
            partition, value = self.dice.randrange(self.partitions), self.dice.choice([b"{", b"[]", b"", None, encode(event("bid", item="x"))])
        else:
            made = self.wanted.pop() if self.wanted else self.one()
            partition, value = self.partition(made), encode(made)
            self.late.append((partition, value))
            if len(self.late) > 200:
                del self.late[:100]
        return Record(partition, None, f"k{partition}".encode(), value, None, 0)

    def partition(self, made):
        if self.dice.random() < self.strays:
            return self.dice.randrange(self.partitions)
        about = made.get("item", made.get("sku", self.about.pop(made["id"], made.get("user", ""))))
        return zlib.crc32(about.encode()) % self.partitions

    def one(self):
        pick = self.dice.random()
        if pick < 0.12:
            return deposit(self.dice.choice(self.users), self.dice.randint(20, 100))
        if pick < 0.30:
            return reserve(self.dice.choice(self.skus), self.dice.randint(1, 3), self.dice.choice(self.users))
        if pick < 0.42:
            return restock(self.dice.choice(self.skus), self.dice.randint(1, 3))
        if pick < 0.45:
            return grant(self.dice.choice(self.users), f"item{self.dice.randrange(len(self.held) + len(self.listed))}")
        if self.held and (pick < 0.70 or not self.listed):
            return self.list_one()
        return self.take_one(pick)

    def list_one(self):
        item = self.dice.choice(list(self.held))
        self.listed[item] = (self.held.pop(item), self.dice.randint(1, 99))
        return list_(self.listed[item][0], item, self.listed[item][1])

    def take_one(self, pick):
        item = self.dice.choice(list(self.listed))
        seller, price = self.listed.pop(item)
        if self.dice.random() < 0.25:      # after a stray nobody knows who has it: a fresh one takes its place
            self.number += 1
            self.wanted.append(self.granted(f"item-{self.number}"))
            return purchase(self.dice.choice(self.users), seller, item, price)
        if pick > 0.95:
            self.held[item] = seller
            return unlist(seller, item)
        if pick > 0.90:
            self.listed[item] = (seller, price)
            return purchase(self.dice.choice(self.users), seller, item, price + 1)
        if pick > 0.84:
            return self.poor(item, seller, price)
        self.held[item] = self.dice.choice(self.users)
        return purchase(self.held[item], seller, item, price)

    def poor(self, item, seller, price):
        """A buyer who was given the price, or a little less or more, in the partition of the item; the purchase follows."""
        self.number += 1
        buyer, has = f"poor{self.number}", price + self.dice.choice([-1, 0, 0, 0, 1])
        if has >= price:
            self.held[item] = buyer
        else:
            self.listed[item] = (seller, price)
        self.wanted.append(purchase(buyer, seller, item, price))
        if not has:
            return self.wanted.pop()
        first = deposit(buyer, has)
        self.about[first["id"]] = item
        return first
