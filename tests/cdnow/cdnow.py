#!/usr/bin/python3
"""Real purchases as a stream of order events, and what must come of them.

    cdnow.py events [FILE]    one event a line: PARTITION <tab> KEY <tab> JSON
    cdnow.py expect [FILE]    the final market in figures, and the decisions per kind, status and reason

FILE has a row per purchase: customer, date, number of CDs, dollars (the form of CDNOW_master.txt; a heading is allowed).
Without it, rows of the same shape are made up, always the same ones.

The market: every row buys one item of its own, granted to and listed by one of 300 shops, at the row's price in cents. Every
customer is given what they will spend; one in ten gets a cent less, so that their last purchase is refused. Beside it runs a
reservation of the row's CDs from one stock, of which nine tenths of what is wanted are delivered. A row of zero dollars is
granted but cannot be listed, and its purchase is malformed.

All that one customer's purchases depend on lies in that customer's partition, before them, and everything that touches the
stock lies in partition 0. What customers share, the shops' funds and shelves, only ever grows or holds items of one row. So
the result does not depend on how the partitions are interleaved, and every single decision can be foretold."""
import collections
import json
import os
import random
import sys

SHOPS = 300
SKU = "cds"
Row = collections.namedtuple("Row", "line customer date quantity cents")
Event = collections.namedtuple("Event", "partition key value")


def rows_of(lines):
    """The line number is part of the row: two equal lines are two purchases."""
    for line, text in enumerate(lines, 1):
        fields = text.split()
        if len(fields) == 4 and fields[0].isdigit():
            dollars, cents = fields[3].split(".")
            yield Row(line, fields[0], fields[1], int(fields[2]), int(dollars) * 100 + int(cents))


def made_up(customers=23570, seed=1997):
    """Lines of the same shape: half of the customers buy once, a few very often; some rows twice, some for nothing."""
    dice = random.Random(seed)
    prices = [dice.randint(899, 1899) for _ in range(60)]
    for customer in range(1, customers + 1):
        for _ in range(min(217, int(dice.paretovariate(1.35)))):
            date = "%d%02d%02d" % (dice.choice((1997, 1997, 1998)), dice.randint(1, 12), dice.randint(1, 28))
            quantity = 1
            while quantity < 99 and dice.random() < 0.54:
                quantity += 1
            cents = 0 if dice.random() < 0.00115 else sum(dice.choice(prices) for _ in range(quantity))
            text = " %05d %s %2d %7s" % (customer, date, quantity, "%d.%02d" % divmod(cents, 100))
            yield text
            if dice.random() < 0.0037:
                yield text


def read(path=None):
    if not path:
        return list(rows_of(made_up()))
    with open(path, encoding="ascii") as lines:
        return list(rows_of(lines))


def shop_of(row):
    return "shop%03d" % (row.line % SHOPS)


def item_of(row):
    return "order%d" % row.line


def deposits(rows):
    spent = collections.Counter()
    for row in rows:
        spent[row.customer] += row.cents
    for customer, cents in spent.items():
        amount = cents - (int(customer) % 10 == 0)
        if amount > 0:
            yield customer, amount


def events(rows, partitions=4):
    """Deposits and shelves first, then the purchases and reservations in the order of their dates."""
    def to(key, **value):
        return Event(0 if key == SKU else int(key) % partitions, key, value)

    wanted = sum(row.quantity for row in rows)
    yield to(SKU, id="delivery-1", type="restock", sku=SKU, quantity=wanted // 2)
    for customer, amount in deposits(rows):
        yield to(customer, id="deposit-" + customer, type="deposit", user=customer, amount=amount)
    for row in rows:
        yield to(row.customer, id="grant-%d" % row.line, type="grant", user=shop_of(row), item=item_of(row))
        if row.cents:
            yield to(row.customer, id="list-%d" % row.line, type="list", seller=shop_of(row), item=item_of(row), price=row.cents)
    for at, row in enumerate(sorted(rows, key=lambda row: (row.date, row.line))):
        if at == len(rows) // 2:
            yield to(SKU, id="delivery-2", type="restock", sku=SKU, quantity=wanted * 9 // 10 - wanted // 2)
        yield to(row.customer, id="purchase-%d" % row.line, type="purchase", buyer=row.customer, seller=shop_of(row), item=item_of(row),
                 price=row.cents)
        yield to(SKU, id="reserve-%d" % row.line, type="reserve", sku=SKU, quantity=row.quantity, buyer=row.customer)


class Market:
    """What the events mean, worked out plainly, one after the other."""

    def __init__(self):
        self.funds = collections.Counter()
        self.held = collections.defaultdict(set)
        self.listed = {}
        self.stock = {}

    def decide(self, event):
        """(status, reason), and the effects when it is applied."""
        numbers = [event[name] for name in ("price", "amount", "quantity") if name in event]
        if any(number < 1 for number in numbers):
            return "malformed", None
        refusal = getattr(self, event["type"])(event)
        return ("rejected", refusal) if refusal else ("applied", None)

    def deposit(self, event):
        self.funds[event["user"]] += event["amount"]

    def grant(self, event):
        if event["item"] in self.held[event["user"]]:
            return "already_held"
        self.held[event["user"]].add(event["item"])

    def list(self, event):
        place = event["item"] + "." + event["seller"]
        if event["item"] not in self.held[event["seller"]]:
            return "not_held"
        if place in self.listed:
            return "already_listed"
        self.held[event["seller"]].remove(event["item"])
        self.listed[place] = event["price"]

    def purchase(self, event):
        place = event["item"] + "." + event["seller"]
        if place not in self.listed:
            return "not_listed"
        if self.listed[place] != event["price"]:
            return "price_changed"
        if self.funds[event["buyer"]] < event["price"]:
            return "insufficient_funds"
        if event["item"] in self.held[event["buyer"]]:
            return "already_held"
        self.funds[event["buyer"]] -= event["price"]
        self.funds[event["seller"]] += event["price"]
        del self.listed[place]
        self.held[event["buyer"]].add(event["item"])

    def restock(self, event):
        self.stock[event["sku"]] = self.stock.get(event["sku"], 0) + event["quantity"]

    def reserve(self, event):
        if event["sku"] not in self.stock:
            return "unknown_sku"
        if self.stock[event["sku"]] < event["quantity"]:
            return "out_of_stock"
        self.stock[event["sku"]] -= event["quantity"]


def expect(stream):
    """The final market, and each event's decision by its id."""
    market, decisions = Market(), {}
    for event in stream:
        decisions[event.value["id"]] = market.decide(event.value)
    return market, decisions


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[0] not in ("events", "expect"):
        sys.exit(__doc__)
    rows = read(arguments[1] if len(arguments) == 2 else os.environ.get("ORDERD_CDNOW"))
    stream = list(events(rows))
    if arguments[0] == "events":
        for event in stream:
            print(event.partition, event.key, json.dumps(event.value, separators=(",", ":")), sep="\t")
        return
    market, decisions = expect(stream)
    counts = collections.Counter((event.value["type"],) + decisions[event.value["id"]] for event in stream)
    for (kind, status, reason), count in sorted(counts.items(), key=str):
        print("%7d %s %s%s" % (count, kind, status, " " + reason if reason else ""))
    print("%7d customers and shops with funds, %d cents in all" % (sum(1 for funds in market.funds.values() if funds), sum(market.funds.values())))
    print("%7d items still listed, %d held" % (len(market.listed), sum(map(len, market.held.values()))))
    print("%7d CDs left" % market.stock[SKU])


if __name__ == "__main__":
    main(sys.argv[1:])
