"""Redis comes back older than what was published (DESIGN 4.5): it halts, names the offsets, and goes on only when told to."""
import shutil

import pytest

from audit import Audit
from faults import SHORT_SESSION
from load import mixed
from market import Outcome
from process import until
from refusals import begun, decided_again, goes_on, refused_at_run_time, refused_at_start, resolve


def save(server):
    """A snapshot of now; returns its file's copy."""
    with server.client() as client:
        client.save()
    copy = server.directory / "older.rdb"
    shutil.copy(server.directory / "dump.rdb", copy)
    return copy


def restore(server, copy):
    """The server comes back with an older state."""
    server.kill()
    shutil.copy(copy, server.directory / "dump.rdb")
    server.start()


def outcomes_by_incarnation(market):
    """[[Outcome, …], …]: the incarnations in the order in which they appeared, copies left out."""
    found = {}
    for outcome in map(Outcome, market.broker.read(market.outcome_topic)):
        found.setdefault(outcome.identity[0], {})[outcome.offset] = outcome
    return [list(outcomes.values()) for outcomes in found.values()]


def test_published_killed_before_the_commit_and_redis_restored_older(make_market, own_redis):
    market = make_market(server=own_redis(), settings={**SHORT_SESSION, "commit.interval_ms": 60000})
    daemon = market.daemon()
    market.send_all(mixed(30, again=0))
    market.outcomes(alive=[daemon])
    older = save(market.server)
    market.send_all(mixed(20, seed=2, again=0))
    market.outcomes(alive=[daemon])
    daemon.kill()
    daemon.configure(commit__interval_ms=200)
    restore(market.server, older)
    assert market.broker.committed(market.group, market.source)[0][0] < 30

    command = refused_at_start(daemon, "rollback: redis came back older.* offsets 30 to 49 would be decided twice")
    assert "offsets 30 to 49" in market.meta()["halt"]
    assert refused_at_start(daemon, "the market is halted: rollback") == command
    era, incarnation = market.meta()["era"], market.meta()["incarnation"]
    assert "offsets 30 to 49 were published and will be decided a second time" in resolve(market, decided_again(command), "--accept-rollback")
    assert int(market.meta()["era"]) > int(era) and market.meta()["incarnation"] != incarnation and incarnation in market.meta()["former"]

    goes_on(market, daemon.start(), mixed(20, seed=3, again=0), incarnations=2)
    first, second = outcomes_by_incarnation(market)
    assert [o.offset for o in first] == [*range(50)] and [o.offset for o in second] == [*range(30, 70)]
    assert min(o.sequence for o in second) > max(o.sequence for o in first)


def test_redis_restored_older_under_a_running_daemon(make_market, own_redis):
    market = make_market(server=own_redis(), partitions=2, settings=SHORT_SESSION)
    daemon = market.daemon()
    market.send_all(mixed(60, 2, again=0))
    market.outcomes(alive=[daemon])
    older = save(market.server)
    marks = [int(market.mark(p)["next"]) for p in range(2)]
    market.send_all(mixed(60, 2, seed=2, again=0))
    market.outcomes(alive=[daemon])
    told = market.broker.ends(market.outcome_topic)
    restore(market.server, older)

    command = refused_at_run_time(daemon, "rollback: redis came back older")
    market.send_all(mixed(20, 2, seed=3, again=0))
    until(lambda: "rollback" in market.meta().get("halt", ""), 10, "no halt is set")
    assert market.broker.ends(market.outcome_topic) == told and [int(market.mark(p)["next"]) for p in range(2)] == marks
    said = resolve(market, decided_again(command), "--accept-rollback")
    for p in range(2):
        assert f"{market.source}:{p}: offsets {marks[p]} to {told[p] - 1} were published" in said
    goes_on(market, daemon, mixed(20, 2, seed=4, again=0), incarnations=2)
    assert "refused" not in daemon.log()[daemon.log().rindex("took over"):]


def test_another_instance_stops_with_the_halted_market(make_market, own_redis):
    market = make_market(server=own_redis(), partitions=2, settings=SHORT_SESSION)
    daemons = [market.daemon()]
    daemons[0].wait_for("took over", count=2)
    daemons.append(market.daemon())
    daemons[1].wait_for("took over")
    market.send_all(mixed(60, 2, again=0))
    market.outcomes(alive=daemons)
    market.audit()
    market.redis.hset(market.key("orderd:meta"), "halt", "rollback: said by another instance")
    for daemon in daemons:
        refused_at_run_time(daemon, "the market is halted: rollback: said by another")
    market.send_all(mixed(20, 2, seed=2, again=0))
    command = refused_at_run_time(daemons[0], "the market is halted")
    resolve(market, decided_again(command), "--accept-rollback")
    for daemon in daemons:
        assert daemon.alive
    goes_on(market, daemons[0], mixed(20, 2, seed=3, again=0), incarnations=2)


def test_redis_comes_back_empty(make_market, own_redis):
    market, daemon = begun(make_market, mixed(40, again=0), server=own_redis())
    market.server.kill()
    market.server.start()
    command = refused_at_start(daemon, "the registry .* is missing while kafka has outcomes")
    assert "goes on at offset 40" in resolve(market, command, "--adopt")
    goes_on(market, daemon.start(), mixed(20, seed=2, again=0), incarnations=2)


def test_redis_comes_back_from_before_a_resolution(make_market, own_redis):
    market, daemon = begun(make_market, mixed(40, again=0), server=own_redis())
    older = save(market.server)
    market.redis.delete(market.key(f"orderd:mark:{market.source}:0"))
    resolve(market, refused_at_start(daemon, "the mark .* is missing"), "--adopt")
    goes_on(market, daemon.start(), mixed(20, seed=2, again=0), incarnations=2)
    daemon.stop()
    restore(market.server, older)
    command = refused_at_start(daemon, "rollback: kafka shows incarnation .* came back from before a resolution")
    resolve(market, command, "--accept-rollback")
    goes_on(market, daemon.start(), mixed(20, seed=3, again=0), incarnations=3)


def test_restored_exactly_as_it_was_nothing_is_refused(make_market, own_redis):
    market, daemon = begun(make_market, mixed(40, again=0), server=own_redis())
    restore(market.server, save(market.server))
    goes_on(market, daemon.start(), mixed(20, seed=2, again=0))
