"""Every alert: the fault that must raise it, and the health that looks like the fault and must not."""
from promtool import GONE, By, Case, From

PLACE = 'topic="orders",partition="0"'
STATES = ("owned", "untaken", "stopped", "paused", "parked")
LAG = f"orderd_consumer_lag_seconds{{{PLACE}}}"
NEXT, COMMITTED = f"orderd_partition_next_offset{{{PLACE}}}", f"orderd_partition_committed_offset{{{PLACE}}}"
OLDEST = f"orderd_oldest_unfinished_timestamp_seconds{{{PLACE}}}"
PROGRESS, LAST_COMMIT = "orderd_last_progress_timestamp_seconds", "orderd_last_commit_timestamp_seconds"
REFUSALS, CONFLICTS, EXECS = "orderd_exec_refusals_total", "orderd_exec_conflicts_total", "orderd_execs_total"
FAILURES = "orderd_outcome_delivery_failures_total"
APPLIED, EXPIRED, REJECTED = ('orderd_events_total{type="purchase",outcome="%s"}' % outcome for outcome in ("applied", "expired", "rejected"))
MALFORMED = 'orderd_events_total{type="unknown",outcome="malformed"}'
PAUSED = f'orderd_partition_state{{{PLACE},state="paused"}}'
HOT = 'orderd_hot_key_conflicts_per_second{key="users:27"}'

FAULT = (0, 1, 0)       # a flag that the fault raises, or takes away
AWAY = (1, 0, 1)
MISSING = (1, GONE, 1)
MOVES = (From(1000, 5),)
RISES = (By(50),)
RATES = {EXECS: (By(100),), CONFLICTS: (0,), REFUSALS: (0,), FAILURES: (0,)}
EVENTS = {APPLIED: (By(500),), EXPIRED: (0,), MALFORMED: (0,)}


def instance(**changes):
    """One that has its Redis and its Kafka, and no partition: a standby."""
    series = {"redis_up": (1,), "kafka_up": (1,), "durability_gate_open": (1,), "live": (1,), "halted": (0,), "quiet": (0,), "group_joined": (1,)}
    return {"up": (1,), PROGRESS: MOVES, LAST_COMMIT: MOVES, **{f"orderd_{name}": phases for name, phases in {**series, **changes}.items()}}


def partition(state=None, number=0):
    """Series of a partition that gets on; during the fault it is in `state`."""
    states = {**{name: (0,) for name in STATES}, "owned": (1,)}
    if state:
        states["owned"], states[state] = AWAY, FAULT
    series = {f'orderd_partition_state{{{PLACE},state="{name}"}}': phases for name, phases in states.items()}
    series.update({NEXT: RISES, COMMITTED: RISES, LAG: (0,), OLDEST: MOVES})
    return {name.replace('partition="0"', f'partition="{number}"'): phases for name, phases in series.items()}


def has(number, phases=(1,)):
    """The instance has this partition, or has it not."""
    return {f'orderd_partition_state{{topic="orders",partition="{number}",state="owned"}}': phases}


def works(state=None, **changes):
    """An instance with one partition."""
    return {**instance(**changes), **partition(state), **RATES}


STANDS = {OLDEST: (From(1000, 5), By(0), By(5)), COMMITTED: (By(50), By(0), By(50))}        # nothing of it is delivered
STANDS_STILL = {**STANDS, NEXT: (By(50), By(0), By(50))}                                    # nor decided
GROWS = (0, By(5), 0)       # lag, while nothing is decided

CASES = [
    Case("OrderdDown", "nobody answers; not one of two", {
        "orderd": [{"up": AWAY}, {"up": AWAY}],
        "orderd-one-of-two": [{"up": AWAY}, {"up": (1,)}]}),
    Case("OrderdDown", "not a restart", {"orderd": {"up": AWAY}}, lasts="45s", fires=False),
    Case("OrderdDown", "nobody is left to be asked", {"orderd": {"up": (1, GONE, 1)}}, pages=[], label=""),
    Case("OrderdInstanceDown", "one of two; not all of them, which is a page", {
        "orderd": [{"up": AWAY}, {"up": (1,)}],
        "orderd-all": {"up": AWAY}}),
    Case("OrderdInstanceDown", "not a restart", {"orderd": [{"up": AWAY}, {"up": (1,)}]}, lasts="45s", fires=False),
    Case("OrderdRestarting", "a start every 30 s; not one that was there before, nor two in five minutes", {
        "orderd": {"process_start_time_seconds": (0, From(90, 5), 235)},
        "orderd-old": {"process_start_time_seconds": (0,)},
        "orderd-installed": {"process_start_time_seconds": (0, 120, 240)}}, lasts="2m"),
    Case("OrderdPipelineStuck", "no step is finished; not while it waits for Redis, which is progress, nor when it has not begun", {
        "orderd": {**works(live=AWAY), **STANDS_STILL, PROGRESS: (From(1000, 5), By(0), From(2000, 5))},
        "orderd-waits": works(redis_up=AWAY),
        "orderd-begins": {**instance(redis_up=(0,)), PROGRESS: (0,)}}, lasts="4m"),

    Case("OrderdRedisAway", "and only that, though all stands still with it", {
        "orderd": {**works("untaken", redis_up=AWAY), **STANDS_STILL, LAG: GROWS}}, lasts="17m"),
    Case("OrderdRedisAway", "not a failover", {"orderd": works(redis_up=AWAY)}, lasts="45s", fires=False),
    Case("OrderdKafkaAway", "and only that, though the outbox fills and commits fail", {
        "orderd": {**works("parked", kafka_up=AWAY), **STANDS_STILL, "orderd_commit_failures_total": (0, By(1), By(0))}}, lasts="6m"),
    Case("OrderdKafkaAway", "not a broker that restarts", {"orderd": works(kafka_up=AWAY)}, lasts="45s", fires=False),
    Case("OrderdNotJoined", "the group says nothing; not while Kafka or Redis is away, nor a standby", {
        "orderd": instance(group_joined=AWAY),
        "orderd-kafka": instance(group_joined=AWAY, kafka_up=AWAY),
        "orderd-redis": instance(group_joined=AWAY, redis_up=AWAY),
        "orderd-standby": instance()}),

    Case("OrderdPartitionsMissing", "a stranger has one, or all; not while an instance, Kafka or Redis is away, nor before the group has answered, nor when "
         "another instance has them, nor after two have told of the same", {
             "orderd": [{**instance(), **has(0, MISSING), **has(1)}, {**instance(), **has(2)}],
             "orderd-instance": [{**instance(), **has(0, MISSING), **has(1)}, {**instance(), "up": AWAY}],
             "orderd-kafka": {**instance(kafka_up=AWAY), **has(0, MISSING)},
             "orderd-redis": {**instance(redis_up=AWAY), **has(0, MISSING)},
             "orderd-begins": {**instance(group_joined=AWAY), **has(0, MISSING)},
             "orderd-moves": [{**instance(), **has(0, MISSING)}, {**instance(), **has(0, (GONE, 1, GONE))}],
             "orderd-twice": [{**instance(), **has(0, (1, GONE))}, {**instance(), **has(0)}]}),
    Case("OrderdPartitionsMissing", "all of them", {"orderd": {**instance(), **has(0, MISSING)}}),
    Case("OrderdMarketHalted", "and only that, though every partition is refused; not one partition; nor while one instance applies again what was published", {
        "orderd": works("stopped", halted=FAULT, reapplying=(0,)),
        "orderd-partition": works("stopped"),
        "orderd-reapplying": [works("stopped", halted=FAULT, reapplying=FAULT), works("stopped", halted=FAULT, reapplying=(0,))]}, lasts="4m"),
    Case("OrderdMarketHalted", "not the moment before it is known that this goes on by itself", {"orderd": works("stopped", halted=FAULT, reapplying=(0,))},
         lasts="10s", fires=False),
    Case("OrderdReapplyLong", "a quarter of an hour", {"orderd": works("stopped", halted=FAULT, reapplying=FAULT)}),
    Case("OrderdReapplyLong", "not ten minutes", {"orderd": works("stopped", halted=FAULT, reapplying=FAULT)}, lasts="10m", fires=False),
    Case("OrderdPartitionStopped", "one of two; not one that somebody paused, nor a halted market", {
        "orderd": {**works("stopped"), **STANDS_STILL, **partition(number=1)},
        "orderd-paused": works("paused"),
        "orderd-halted": works("stopped", halted=FAULT)}, lasts="4m"),
    Case("OrderdTakeoverStuck", "assigned and not taken over; not while Redis is away", {
        "orderd": {**works("untaken"), **STANDS_STILL},
        "orderd-redis": works("untaken", redis_up=AWAY)}, lasts="4m"),
    Case("OrderdTakeoverStuck", "not a rebalance", {"orderd": works("untaken")}, lasts="30s", fires=False),

    Case("OrderdPartitionStuck", "the oldest event stays the oldest; not when paused, quiet, without Redis, refused by Redis; nor when it catches up on "
         "events of one timestamp, nor when there is no event", {
             "orderd": {**works(), **STANDS},
             "orderd-paused": {**works("paused"), **STANDS},
             "orderd-quiet": {**works(quiet=FAULT), **STANDS},
             "orderd-redis": {**works(redis_up=AWAY), **STANDS},
             "orderd-refused": {**works(), **STANDS, REFUSALS: (0, By(5), By(0))},
             "orderd-catches-up": {**works(), OLDEST: (500,)},
             "orderd-rests": {**works(), **STANDS, OLDEST: (From(1000, 5), GONE, From(2000, 5))},
             "orderd-does-not-commit": {**works(), COMMITTED: (7,)}}, lasts="4m"),
    Case("OrderdLagGrowing", "more comes in than is decided; not when it catches up, hovers, or is paused; nor without Redis", {
        "orderd": {**works(), LAG: (0, From(20, 5), 0)},
        "orderd-catches-up": {**works(), LAG: (3600, From(3600, -8), 0)},
        "orderd-hovers": {**works(), LAG: (30,)},
        "orderd-little": {**works(), LAG: (From(0, 0.01),)},
        "orderd-paused": {**works("paused"), LAG: (0, From(20, 5), 0)},
        "orderd-redis": {**works(redis_up=AWAY), LAG: (0, From(20, 5), 0)}}),
    Case("OrderdLagGrowing", "not a stuck partition, which has its own page", {
        "orderd": {**works(), **STANDS, LAG: GROWS}}, lasts="8m", fires=False, pages=["OrderdPartitionStuck"]),
    Case("OrderdLagging", "far behind for a quarter of an hour; not a little, nor when paused, nor without Redis", {
        "orderd": {**works(), LAG: (0, 300, 0)},
        "orderd-little": {**works(), LAG: (40,)},
        "orderd-paused": {**works("paused"), LAG: (0, 300, 0)},
        "orderd-redis": {**works(redis_up=AWAY), LAG: (0, 300, 0)}}),
    Case("OrderdLagging", "not ten minutes of it", {"orderd": {**works(), LAG: (0, 300, 0)}}, lasts="10m", fires=False),
    Case("OrderdDeliveryFailing", "producer after producer, and only that, though partitions are taken over without end; not one of them", {
        "orderd": {**works("untaken"), **STANDS_STILL, LAG: GROWS, FAILURES: (0, By(1), By(0))},
        "orderd-once": {**works(), FAILURES: (0, 40)}}, lasts="8m"),
    Case("OrderdOutboxFull", "nothing is delivered; not when Kafka is slow, nor when it is away", {
        "orderd": {**works("parked"), **STANDS_STILL},
        "orderd-slow": works("parked"),
        "orderd-kafka": {**works("parked", kafka_up=AWAY), **STANDS_STILL}}, lasts="4m"),
    Case("OrderdDurabilityGateClosed", "the replica is gone; not one that is slow, nor Redis itself", {
        "orderd": {**works(durability_gate_open=AWAY), **STANDS_STILL, LAST_COMMIT: (From(1000, 5), By(0), By(5))},
        "orderd-slow": works(durability_gate_open=AWAY),
        "orderd-rests": {**works(), LAST_COMMIT: (1000,)},
        "orderd-redis": {**works(durability_gate_open=AWAY, redis_up=AWAY), LAST_COMMIT: (From(1000, 5), By(0), By(5))}}, lasts="4m"),
    Case("OrderdRedisRefuses", "its memory is full; not conflicts, nor one refusal", {
        "orderd": {**works(), **STANDS_STILL, REFUSALS: (0, By(2), By(0))},
        "orderd-conflicts": {**works(), CONFLICTS: (By(50),)},
        "orderd-once": {**works(), REFUSALS: (0, 1)}}, lasts="4m"),

    Case("OrderdPoisonFlood", "fifty a second; not a burst of a hundred, nor one in two seconds, nor two of a thousand", {
        "orderd": {**EVENTS, MALFORMED: (0, By(250), By(0))},
        "orderd-burst": {**EVENTS, MALFORMED: (0, 100)},
        "orderd-few": {APPLIED: RISES, MALFORMED: (0, By(2.5), By(0))},
        "orderd-many": {APPLIED: (By(5000),), MALFORMED: (0, By(10), By(0))}}),
    Case("OrderdDeadLetters", "one is enough; not what an operator skipped", {
        "orderd": {'orderd_dead_letters_total{reason="not_json"}': FAULT[:2], 'orderd_dead_letters_total{reason="wrong_type"}': (0,)},
        "orderd-skipped": {'orderd_dead_letters_total{reason="skipped"}': FAULT[:2],
                           'orderd_dead_letters_total{reason="quarantined"}': FAULT[:2]}}, lasts="30s"),
    Case("OrderdEventsExpiring", "one in ten; not two of many, nor rejected ones, which are an answer", {
        "orderd": {**EVENTS, APPLIED: (By(90),), EXPIRED: (0, By(10), By(0))},
        "orderd-two": {**EVENTS, EXPIRED: (0, 2)},
        "orderd-some": {**EVENTS, EXPIRED: (0, By(1), By(0))},
        "orderd-rejected": {**EVENTS, REJECTED: RISES}}),
    Case("OrderdHotKey", "another program keeps writing a user; not a flash sale, which meets none, nor a conflict in twenty, nor now and then", {
        "orderd": {**RATES, HOT: (GONE, 12, GONE), CONFLICTS: (0, By(60), By(0))},
        "orderd-sale": {**RATES, 'orderd_hot_key_writes_per_second{key="stock:7001"}': (90,)},
        "orderd-twenty": {**RATES, HOT: (1.5,), CONFLICTS: (By(5),)},
        "orderd-seldom": {**RATES, HOT: (0.5,), CONFLICTS: (By(60),)}}),
    Case("OrderdCommitFailing", "again and again; not once, nor while Kafka is away", {
        "orderd": {**instance(), "orderd_commit_failures_total": (0, By(1), By(0))},
        "orderd-once": {**instance(), "orderd_commit_failures_total": (0, 3)},
        "orderd-kafka": {**instance(kafka_up=AWAY), "orderd_commit_failures_total": (0, By(1), By(0))}}),

    Case("OrderdReloadRefused", "a bad file; not a good one", {
        "orderd": {"orderd_config_last_reload_successful": AWAY},
        "orderd-good": {"orderd_config_last_reload_successful": (1,)}}),
    Case("OrderdForgottenPause", "after hours of nothing else, though it stands still and lags; not a partition that is owned", {
        "orderd": {**works("paused"), **STANDS_STILL, LAG: GROWS},
        "orderd-owned": works()}, step=60),
    Case("OrderdForgottenPause", "not three hours", {"orderd": {**works("paused"), **STANDS_STILL, LAG: GROWS}}, lasts="3h", step=60, fires=False),
    Case("OrderdForgottenPause", "also when another instance takes the partition meanwhile", {
        "orderd": [{PAUSED: "0x1 1x119 stale _x126"}, {PAUSED: "_x122 1x122 0x2"}]}, step=60),
    Case("OrderdForgottenQuiet", "after hours of nothing else; not an instance that works", {
        "orderd": {**works(quiet=FAULT), **STANDS_STILL, LAG: GROWS},
        "orderd-works": works()}, step=60),
    Case("OrderdForgottenQuiet", "not three hours", {"orderd": {**works(quiet=FAULT), **STANDS_STILL}}, lasts="3h", step=60, fires=False),
    Case("OrderdFileDescriptors", "nine of ten are used; not half of them", {
        "orderd": {"process_open_fds": (30, 900, 30), "process_max_fds": (1024,)},
        "orderd-half": {"process_open_fds": (500,), "process_max_fds": (1024,)}}),

    Case("OrderdPartitionStuck", "nothing at all of an instance at work and a standby beside it", {
        "orderd": [works(), instance()]}, lasts="20m", fires=False),
]
