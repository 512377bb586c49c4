"""on_rollback = "reapply": Redis comes back older, and what was published is applied again as it was decided (PROTOCOL.md 5)."""
import re

from audit import snapshot
from faults import SHORT_SESSION
from load import Feeder, mixed
from process import until
from refusals import begun, goes_on, refused_at_run_time, refused_at_start, run
from test_faults_rollback import restore, save

REAPPLY = {**SHORT_SESSION, "on_rollback": "reapply"}
BEGUN = r"reapply: published decisions that redis lost are applied again: rollback"


def reapplied(market, after=0, timeout=60):
    """Waits until the market goes on; returns the era that began."""
    def era():
        return int(market.meta().get("reapplied", 0))
    until(lambda: era() > after and "halt" not in market.meta(), timeout, lambda: f"not reapplied: {market.meta()}")
    return era()


def by_hand(command, *options):
    """The command that a refusal names."""
    return run(" ".join([command, *options]))


def test_redis_comes_back_older_twice_under_load_and_the_one_that_reapplies_is_killed(make_market, own_redis):
    market = make_market(server=own_redis(), partitions=3, settings=REAPPLY)
    daemons = [market.daemon() for _ in range(3)]
    with Feeder(market, partitions=3, chunk=20, pause=0.05) as feeder:
        feeder.ahead(800)
        older = save(market.server)
        feeder.ahead(800)
        restore(market.server, older)
        first = reapplied(market)
        older = save(market.server)
        feeder.ahead(800)
        begun = {daemon: len(re.findall(BEGUN, daemon.log())) for daemon in daemons}
        restore(market.server, older)
        until(lambda: any(len(re.findall(BEGUN, d.log())) > begun[d] for d in daemons), 30, "nobody begins")
        one = next(d for d in daemons if len(re.findall(BEGUN, d.log())) > begun[d])
        one.kill()
        one.start()
        assert reapplied(market, first) > first
        feeder.ahead(200)
    until(lambda: all(daemon.alive for daemon in daemons), 1, "a daemon has ended")
    goes_on(market, daemons[0], mixed(20, 3, seed=3, again=0))


def test_the_market_is_what_the_published_decisions_say(make_market, own_redis):
    """The last state of Redis before it was lost, with nothing decided since, comes back key for key."""
    market = make_market(server=own_redis(), partitions=2, settings=REAPPLY)
    daemon = market.daemon()
    market.send_all(mixed(100, 2))
    market.outcomes(alive=[daemon])
    older = save(market.server)
    market.send_all(mixed(200, 2, seed=2))
    market.outcomes(alive=[daemon])
    before, told = snapshot(market)[None].plain(), market.broker.ends(market.outcome_topic)
    restore(market.server, older)
    reapplied(market)
    daemon.wait_for(r"reapply: era \d+ begins, the market is no longer halted: \d+ decisions were applied again, 0 values")
    assert snapshot(market)[None].plain() == before and market.broker.ends(market.outcome_topic) == told
    goes_on(market, daemon, mixed(40, 2, seed=3))


def owner_of(daemons, partition):
    """Each of two daemons has one of two partitions; the one that has this one."""
    def held(daemon):
        return re.findall(r"took over topic=\S+ partition=(\d)", daemon.log().split("assigned by the group")[-1])
    until(lambda: sorted(map(held, daemons)) == [["0"], ["1"]], 30, lambda: [held(d) for d in daemons])
    return next(d for d in daemons if held(d) == [str(partition)])


def test_nothing_is_decided_where_decisions_of_another_partition_were_lost(make_market, own_redis):
    """Its owner stands still and finds nothing; the other one's mark is as it was, but the balances that its next event reads are not."""
    market = make_market(server=own_redis(), partitions=2, settings={"kafka.consumer": ["session.timeout.ms=40000", "heartbeat.interval.ms=200"]})
    daemons = [market.daemon() for _ in range(2)]
    ahead, idle = (owner_of(daemons, partition) for partition in range(2))
    market.send_all(mixed(40, 2, again=0))
    market.outcomes(alive=daemons)
    older = save(market.server)
    market.send_all(mixed(30, seed=2, again=0))
    market.outcomes(alive=daemons)
    told, mark = market.broker.ends(market.outcome_topic), market.mark(1)
    ahead.freeze()
    restore(market.server, older)
    market.send_all([record._replace(partition=1) for record in mixed(20, seed=3, again=0)])

    command = refused_at_run_time(idle, f"the market is halted: rollback: redis came back older, the next offset of {market.source}:0 is ")
    assert market.broker.ends(market.outcome_topic) == told and market.mark(1)["next"] == mark["next"]
    ahead.thaw()
    assert "30 decisions were applied again, 0 values" in by_hand(command).stdout
    goes_on(market, idle, mixed(20, 2, seed=4, again=0))


def test_by_hand_while_the_daemon_is_halted(make_market, own_redis):
    market = make_market(server=own_redis(), settings=SHORT_SESSION)
    daemon = market.daemon()
    market.send_all(mixed(40, again=0))
    market.outcomes(alive=[daemon])
    older = save(market.server)
    market.send_all(mixed(30, seed=2, again=0))
    market.outcomes(alive=[daemon])
    restore(market.server, older)
    command = refused_at_run_time(daemon, "rollback: redis came back older")

    told = run(f"orderd init -c {daemon.file}")
    assert told.returncode == 78 and told.stderr.startswith("orderd init: refused: the market is halted: rollback") and told.stderr.endswith(f"{command}\n"), told
    dry = by_hand(command, "--dry-run")
    assert dry.returncode == 0 and "offsets 40 to 69 were published, their decisions would be applied again" in dry.stdout, dry
    assert "rollback" in market.meta()["halt"] and "reapply" not in market.meta()
    done = by_hand(command)
    assert done.returncode == 0 and "30 decisions were applied again" in done.stdout, done
    goes_on(market, daemon, mixed(20, seed=3, again=0))
    nothing = by_hand(command)
    assert nothing.returncode == 78 and "orderd init: refused: no rollback halts this market" in nothing.stderr


def test_a_dry_run_where_nothing_is_missing_says_so(make_market, own_redis):
    market, daemon = begun(make_market, mixed(20, again=0), server=own_redis())
    market.redis.hset(market.key("orderd:meta"), "halt", "rollback: by mistake")
    dry = run(f"orderd init -c {daemon.file} --reapply --dry-run")
    assert dry.returncode == 0 and "nothing that was published is missing: no decision would be applied again" in dry.stdout, dry
    assert market.meta()["halt"] == "rollback: by mistake"


def test_what_cannot_all_be_found_is_refused_and_nothing_is_touched(make_market, own_redis):
    market = make_market(server=own_redis(), settings=REAPPLY)
    daemon = market.daemon()
    market.send_all(mixed(40, again=0))
    market.outcomes(alive=[daemon])
    older = save(market.server)
    market.send_all(mixed(30, seed=2, again=0))
    market.outcomes(alive=[daemon])
    daemon.stop()
    restore(market.server, older)
    market.broker.delete_records(market.source, 0, 50)
    mark = market.mark()
    command = refused_at_start(daemon, r"the source messages of .*:0, offsets 40 to 49, are deleted")
    assert "--accept-rollback" in command
    assert {**market.mark(), "epoch": ""} == {**mark, "epoch": ""} and "rollback" in market.meta()["halt"]


def test_a_change_of_the_setting_is_taken_over_by_a_halted_daemon(make_market, own_redis):
    market = make_market(server=own_redis(), settings=SHORT_SESSION)
    daemon = market.daemon()
    market.send_all(mixed(40, again=0))
    market.outcomes(alive=[daemon])
    older = save(market.server)
    market.send_all(mixed(30, seed=2, again=0))
    market.outcomes(alive=[daemon])
    restore(market.server, older)
    refused_at_run_time(daemon, "rollback: redis came back older")
    daemon.configure(on_rollback="reapply")
    daemon.reload()
    reapplied(market)
    goes_on(market, daemon, mixed(20, seed=3, again=0))
