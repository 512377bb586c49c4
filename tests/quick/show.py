#!/usr/bin/python3
"""Plays a file of events through a running orderd and shows what came of it: every outcome as it arrives, the market at the
end, and whether the sums are right. show.py BROKERS REDIS-SOCKET GROUP FILE; exits 1 when something is not as it should be."""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time

PATIENCE_S = 20
START = 25      # columns before the sentence
WHAT = 35       # columns of the sentence; with the longest reason it fits into 80
STATUSES = ("applied", "rejected", "expired", "duplicate", "malformed")
MARKS = {"applied": "✓", "rejected": "✗", "expired": "⌛", "duplicate": "=", "malformed": "!"}
COLOURS = {"applied": "32", "rejected": "33", "expired": "35", "duplicate": "36", "malformed": "31", "dim": "2", "bold": "1"}
COLOURFUL = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
WIDTH = shutil.get_terminal_size((120, 24)).columns

SENTENCES = {
    "list": "{seller} offers the {item} for {price}",
    "unlist": "{seller} takes the {item} back",
    "purchase": "{buyer} {buys} {seller}'s {item} for {price}",
    "reserve": "{buyer} reserves {quantity} {sku}",
    "restock": "{quantity} {sku} arrive",
    "deposit": "{user} pays {amount} in",
    "grant": "{user} is given a {item}",
}


class Wrong(Exception):
    """Something is not as it should be."""


def paint(text, colour):
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if COLOURFUL and text else text


def kcat(brokers, *arguments, **options):
    # The mock answers an empty fetch only after the whole time that it was asked to wait.
    command = ["kcat", "-b", brokers, "-q", "-X", "fetch.wait.max.ms=10", *arguments]
    return subprocess.Popen(command, text=True, bufsize=1, stderr=subprocess.DEVNULL, **options)


class Outcomes:
    """The outcome topic, as it grows."""

    def __init__(self, brokers):
        self.lines = queue.Queue()
        self.process = kcat(brokers, "-C", "-u", "-t", "orders.outcomes", "-o", "beginning", "-f", "%s\n", stdout=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def next(self, of):
        try:
            return json.loads(self.lines.get(timeout=PATIENCE_S))
        except queue.Empty:
            raise Wrong(f"no outcome within {PATIENCE_S} s of: {of.strip()}") from None

    def more(self):
        return self.lines.qsize()


def change(pair):
    before, after = pair
    return f"{'none' if before is None else before} → {after}"


def effect_of(outcome, room):
    """What an applied event changed, in as many words as there is room for."""
    event, facts = outcome["event"], outcome["facts"]
    if "buyer_funds" in facts:
        buyer = f"{event['buyer']} {change(facts['buyer_funds'])}"
        both = f"{buyer}, {event['seller']} {change(facts['seller_funds'])}"
        return both if len(both) <= room else buyer
    for name in ("funds", "stock"):
        if name in facts:
            return f"{name} {change(facts[name])}"
    return ""


def why(outcome):
    """The fact behind a refusal."""
    facts, event = outcome["facts"], outcome["event"]
    known = {
        "price_changed": lambda: f"it costs {facts['price']}",
        "insufficient_funds": lambda: f"{event['buyer']} has {facts['buyer_funds']}",
        "out_of_stock": lambda: f"{facts['stock']} left",
        "delivered_again": lambda: f"first at offset {outcome['first']['offset']}",
    }.get(outcome["reason"])
    return known() if known else outcome.get("detail", "")


def fit(text, room):
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…"


def sentence(outcome, line, room):
    """A malformed line is shown by its end, which tells more than its beginning."""
    if outcome["event"] is None:
        line = line.strip()
        return line if len(line) <= room else "…" + line[len(line) - room + 1 :]
    buys = "buys" if outcome["status"] == "applied" else "wants"
    return fit(SENTENCES[outcome["type"]].format(buys=buys, **outcome["event"]), room)


def show_outcome(outcome, line):
    status, kind, what = outcome["status"], outcome["type"] or "–", sentence(outcome, line, WHAT)
    room = WIDTH - START - WHAT - 2
    if status == "applied":
        end = paint(effect_of(outcome, room), "dim")
    else:
        reason, detail = outcome["reason"], why(outcome)
        room -= len(reason) + 2
        end = paint(reason, status) + (paint("  " + fit(detail, room), "dim") if detail and room >= min(len(detail), 12) else "")
    print("  " + paint(f"{MARKS[status]} {status:<9}", status) + f"  {kind:<8}  " + (f"{what:<{WHAT}}  {end}" if end else what), flush=True)


def send(brokers, line):
    """A kcat of its own for each: kcat gathers what comes through a pipe."""
    sender = kcat(brokers, "-P", "-t", "orders", "-p", "0", stdin=subprocess.PIPE)
    sender.communicate(line, timeout=PATIENCE_S)
    if sender.returncode:
        raise Wrong(f"kcat could not send: {line.strip()}")


def play(brokers, lines):
    """Sends each event when the outcome of the one before is there, so that it can be watched."""
    outcomes, seen = Outcomes(brokers), []
    try:
        for offset, line in enumerate(lines):
            send(brokers, line)
            outcome = outcomes.next(line)
            if outcome["source"]["offset"] != offset:
                raise Wrong(f"the outcome of offset {outcome['source']['offset']} came where that of {offset} is due")
            show_outcome(outcome, line)
            seen.append(outcome)
    finally:
        outcomes.process.kill()
        outcomes.process.wait()
    if outcomes.more():
        raise Wrong(f"{len(lines)} events, but more outcomes")
    return seen


class Market:
    """What Redis holds, read as any other program would read it."""

    def __init__(self, socket):
        self.socket = socket
        names = sorted(key.partition(":")[2] for key in self.keys("users:") + self.keys("inventory:"))
        self.users = {
            name: (int(self.ask("hget", f"users:{name}", "funds") or 0), sorted(self.ask("smembers", f"inventory:{name}")))
            for name in names
        }
        members = self.ask("zrange", "market:", "0", "-1")
        self.listings = [(*member.partition(".")[::2], int(self.ask("zscore", "market:", member))) for member in members]
        self.stock = {key.partition(":")[2]: int(self.ask("get", key)) for key in sorted(self.keys("stock:"))}

    def ask(self, *command):
        answer = subprocess.run(["redis-cli", "-s", self.socket, "--json", *command], capture_output=True, text=True, check=True)
        return json.loads(answer.stdout)

    def keys(self, start):
        return self.ask("keys", start + "*")


def table(head, rows):
    """Names to the left, numbers to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        cells = [cell.rjust(width) if rows and rows[0][i].isdigit() else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        text = "  " + "   ".join(cells).rstrip()
        print(paint(text, "dim") if row is head else text)
    print()


def show_market(market):
    print("\n" + paint("The market, as it now stands in Redis", "bold") + "\n")
    table(["user".ljust(9), "funds", "holds"], [(name, funds, ", ".join(items) or "–") for name, (funds, items) in market.users.items()])
    table(["for sale".ljust(9), "price", "seller"], [(item, price, seller) for item, seller, price in market.listings])
    table(["in stock".ljust(9), "units"], market.stock.items())


def wait_until(what, test):
    until = time.monotonic() + PATIENCE_S
    while not test():
        if time.monotonic() > until:
            raise Wrong(what)


def read_all(brokers, *arguments):
    process = kcat(brokers, "-C", "-e", *arguments, stdout=subprocess.PIPE)
    return process.communicate(timeout=PATIENCE_S)[0].splitlines()


def check(brokers, group, outcomes, market):
    """The sums of any story: nothing was lost, nothing came from nowhere, and Kafka knows that all is done."""
    applied = [outcome for outcome in outcomes if outcome["status"] == "applied"]
    paid = sum(outcome["event"]["amount"] for outcome in applied if outcome["type"] == "deposit")
    given = sum(outcome["type"] == "grant" for outcome in applied)
    funds = sum(funds for funds, _ in market.users.values())
    items = sum(len(held) for _, held in market.users.values()) + len(market.listings)
    if paid != funds or given != items:
        raise Wrong(f"{paid} paid in and {given} items given, but {funds} and {items} are in Redis")
    letters = len(read_all(brokers, "-t", "orders.dead-letters", "-o", "beginning"))
    malformed = sum(outcome["status"] == "malformed" for outcome in outcomes)
    if letters != malformed:
        raise Wrong(f"{malformed} malformed events, but {letters} dead letters")
    stored = ["-t", "orders", "-p", "0", "-o", "stored", "-X", f"group.id={group}", "-X", "auto.offset.reset=earliest",
              "-X", "enable.auto.commit=false"]
    wait_until("the offsets were not all committed", lambda: not read_all(brokers, *stored))
    wait_until("the outbox was not emptied", lambda: market.ask("xlen", "orderd:outbox") == 0)
    return paid, given, letters


def show_sum(outcomes, paid, given, letters):
    counts = [(sum(outcome["status"] == status for outcome in outcomes), status) for status in STATUSES]
    total = " + ".join(paint(f"{count} {status}", status) for count, status in counts if count or status != "expired")
    print(f"{total} = {paint(str(len(outcomes)) + ' consumed', 'bold')}")
    print(f"offsets 0 to {len(outcomes) - 1} committed, {letters} dead letters; of {paid} paid in and {given} items given all is there")


def main(brokers, socket, group, file):
    with open(file, encoding="utf-8") as events:
        lines = [line.rstrip("\n") + "\n" for line in events if line.strip()]
    print(f"\n{paint(f'{len(lines)} events, and what became of each', 'bold')}\n")
    outcomes = play(brokers, lines)
    market = Market(socket)
    show_market(market)
    show_sum(outcomes, *check(brokers, group, outcomes, market))


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")      # a terminal may know no arrows
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except (Wrong, subprocess.SubprocessError) as error:
        print(f"\nquickstart: {error}", file=sys.stderr)
        sys.exit(1)
