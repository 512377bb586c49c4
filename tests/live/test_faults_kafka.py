"""Kafka slow, away, or refusing what it is given: bounds hold, the daemon stays in the group, and every outcome comes in the end."""
import time

from audit import Audit
from confluent_kafka.admin import ConfigResource
from faults import SHORT_SESSION, NoReplies
from load import mixed
from market import Outcome, deposit, grant
from process import until


def outbox(market):
    return market.redis.xlen(market.key("orderd:outbox"))


def next_of(market):
    return sum(int(market.mark(p)["next"]) for p in range(market.partitions))


def at_rest(market, daemon, timeout=60):
    until(lambda: not Audit(market).unsettled() or not daemon.alive, timeout, lambda: f"{Audit(market).unsettled()}\n{daemon.tail()}")
    assert daemon.alive, daemon.tail()


def stands_at(market, entries):
    """Whether the outbox holds so many entries, no event is decided for a second, and there are more. Replies that were on their way come first."""
    before = next_of(market)
    time.sleep(1)
    return outbox(market) == entries and next_of(market) == before < 1000


def test_at_its_bound_the_outbox_grows_no_further_and_goes_on_when_kafka_answers(make_market):
    market = make_market()
    daemon = market.daemon(outbox__entries=5, turn__events=10, rate__events_per_s=300)
    market.send_all(mixed(1000))
    until(lambda: next_of(market) >= 10, 20, "nothing is decided")
    with NoReplies(market.broker.port):
        until(lambda: stands_at(market, 5), 15, lambda: f"{outbox(market)} entries, next={next_of(market)}")
    at_rest(market, daemon)
    assert "revoked" not in daemon.log()
    market.audit()


def test_a_frozen_broker_is_waited_for(make_market, own_broker):
    market = make_market(broker=own_broker, settings=SHORT_SESSION)
    daemon = market.daemon(outbox__entries=5, turn__events=10, rate__events_per_s=400)
    market.send_all(mixed(2000))
    until(lambda: next_of(market) >= 50, 20, "nothing is decided")
    own_broker.freeze()
    until(lambda: outbox(market) == 5, 20, "the outbox does not fill")
    own_broker.thaw()
    at_rest(market, daemon)
    market.audit()


def test_a_question_to_a_frozen_broker_is_given_up_in_time(make_market, own_broker, own_redis):
    """The group waits for a member that waits for a broker: nobody would go on."""
    market = make_market(broker=own_broker, server=own_redis())
    daemon = market.daemon(rate__events_per_s=50)
    market.send_all([deposit("u", 1)] * 600)      # so that it notices at once, before it is out of the group
    market.outcomes(1)
    own_broker.freeze()
    market.redis.client_kill_filter(_type="normal", skipme=True)      # a lost connection: all is taken over again
    daemon.wait_for("the take-over is tried again .*kafka does not tell", 60)
    own_broker.thaw()
    daemon.configure(rate__events_per_s=0)
    daemon.reload()
    at_rest(market, daemon)
    market.audit()


def set_config(market, topic, **config):
    """Topic settings by the broker's own word; an AdminClient's alter_configs replaces all of them."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, set_config={k.replace("_", "."): str(v) for k, v in config.items()})
    for future in market.broker.admin.alter_configs([resource]).values():
        future.result(20)


def test_an_outcome_that_the_broker_refuses_is_kept_and_comes_when_it_takes_it_again(make_market):
    market = make_market(settings=SHORT_SESSION)
    daemon = market.daemon()
    market.send_all(mixed(20, again=0))
    at_rest(market, daemon)
    set_config(market, market.outcome_topic, max_message_bytes=100)
    market.send_all(mixed(20, seed=2, again=0))
    daemon.wait_for("delivery failed, the producer is replaced", 30)
    assert outbox(market) and daemon.alive
    set_config(market, market.outcome_topic, max_message_bytes=1048588)
    at_rest(market, daemon)
    market.audit()


def test_a_deleted_outcome_topic_is_said_and_outcomes_come_when_it_is_there_again(make_market):
    market = make_market(settings=SHORT_SESSION)
    daemon = market.daemon()
    market.send_all(mixed(20, again=0))
    at_rest(market, daemon)
    market.broker.delete_topic(market.outcome_topic)
    market.send_all([deposit("late", 5), grant("late", "thing")])
    daemon.wait_for("delivery failed, the producer is replaced|the take-over is tried again", 30)
    assert daemon.alive
    market.broker.topic(name=market.outcome_topic)
    at_rest(market, daemon)
    told = [Outcome(record) for record in market.broker.read(market.outcome_topic)]
    assert [o.offset for o in told][-2:] == [20, 21] and [o.status for o in told][-2:] == ["applied", "applied"]
    assert market.funds("late") == 5
