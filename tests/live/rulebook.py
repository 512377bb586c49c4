"""What a log must say: the decisions of one incarnation in the order in which they took effect, each made once more by the rules of audit.py, also
with one of them changed. Reads both topics side by side and keeps of them only what duplicates need, so a log of millions does."""
import collections
import heapq

import audit
from audit import Malformed, Window, decode, refused
from market import Outcome

Verdict = collections.namedtuple("Verdict", "status reason facts first")


# --- changed rules, as tests/live/mutants has them

def last_cent_stays(state, f):
    buyer, member = f["buyer"], f"{f['item']}.{f['seller']}"
    has = state.funds.get(buyer, 0)
    if member in state.market and state.market[member] == f["price"] and has == f["price"]:
        return refused("insufficient_funds", price=f["price"], buyer_funds=has)
    return audit.decide_purchase(state, f)


def last_unit_stays(state, f):
    left = state.stock.get(f["sku"])
    if left is not None and left == f["quantity"]:
        return refused("out_of_stock", stock=left)
    return audit.decide_reserve(state, f)


CHANGED = {"the_last_cent_stays": {"purchase": last_cent_stays}, "the_last_unit_stays": {"reserve": last_unit_stays}}


# --- the log

def first_copies(broker, topic, partition, end):
    """Outcomes of a partition, copies left out; first copies come in offset order."""
    last = -1
    for record in broker.stream(topic, partition, end):
        outcome = Outcome(record)
        if outcome.offset > last:
            last = outcome.offset
            yield outcome


def paired(market, partition, ends, outcome_ends):
    """(sequence, partition, source record, Outcome) of one partition."""
    sources = market.broker.stream(market.source, partition, ends[partition])
    for outcome in first_copies(market.broker, market.outcome_topic, partition, outcome_ends[partition]):
        source = next(record for record in sources if record.offset >= outcome.offset)
        assert source.offset == outcome.offset, f"{outcome}: there is no such event"
        yield outcome.sequence, partition, source, outcome


def decisions(market):
    """All of a market with one source topic, in sequence order."""
    ends, outcome_ends = market.broker.ends(market.source), market.broker.ends(market.outcome_topic)
    return heapq.merge(*(paired(market, partition, ends, outcome_ends) for partition in ends), key=lambda entry: entry[0])


class Rulebook:
    """Decides the log's events one after the other, beginning with an empty market. changed: {kind: rule} instead of the true ones."""

    def __init__(self, meta, changed=None):
        self.state, self.changed = audit.State(), changed or {}
        self.windows = collections.defaultdict(lambda: Window(int(meta["window_s"]), int(meta["ids"])))

    def decide(self, partition, source, recorded):
        """The Verdict; what did not come from log and rules alone (expired) is taken from the recorded outcome."""
        window = self.windows[partition]
        window.advance(source.timestamp)
        try:
            event = decode(source)
        except Malformed as malformed:
            return Verdict("malformed", str(malformed), {}, None)
        first = window.find(event)
        if first:
            return Verdict("duplicate", "delivered_again" if first[2] else "id_reused", {}, {"offset": first[0], "status": first[1]})
        if recorded.status == "expired":
            window.add(event, source.offset, "expired")
            return Verdict("expired", "deadline", {}, None)
        verdict = self.rule(event)
        window.add(event, source.offset, verdict.status)
        return verdict

    def rule(self, event):
        if event.kind in self.changed and not audit.invalid_keys(self.state, event):
            return Verdict(*self.changed[event.kind](self.state, event.fields), None)
        return Verdict(*audit.decide(self.state, event), None)


def verdict_of(outcome):
    return Verdict(outcome.status, outcome.reason, outcome.facts, outcome.value.get("first"))


def differences(market, changed, wrong=()):
    """{(topic, partition, offset): (recorded Verdict, Verdict under the changed rules)}. That the recorded ones are those of the true rules is held
    against them on the way: what is not goes into `wrong`, a list."""
    true, other = Rulebook(market.meta()), Rulebook(market.meta(), CHANGED[changed])
    found = {}
    for _, partition, source, outcome in decisions(market):
        recorded, at = verdict_of(outcome), (market.source, partition, source.offset)
        if true.decide(partition, source, outcome) != recorded:
            wrong.append((at, recorded))
        now = other.decide(partition, source, outcome)
        if now != recorded:
            found[at] = recorded, now
    return found


def held(market, rulebook=None):
    """Every event's Verdict by the true rules; AssertionError where the log says another. Returns {status: count} and the market at the end."""
    rulebook, counts = rulebook or Rulebook(market.meta()), collections.Counter()
    for _, partition, source, outcome in decisions(market):
        verdict = rulebook.decide(partition, source, outcome)
        assert verdict == verdict_of(outcome), f"{outcome}: the rulebook says {verdict}"
        counts[f"{outcome.status} {outcome.reason}" if outcome.status == "rejected" else outcome.status] += 1
    return counts, rulebook.state
