"""The log read back from a real broker: transactions, retention, times, and how much memory it takes."""
import select
import subprocess

import pytest
from confluent_kafka import Producer

from broker import Record
from daemon import BINARY
from process import start

PLAYER = BINARY.parents[1] / "tests" / "journal"
INCARNATION = "8d7ce2f4-2f1c-4e88-a6f5-0c5a2d1f7d11"
HOUR = 3600_000
MORNING = 1_768_464_000_000


class Log:
    """A source topic and its outcomes."""

    def __init__(self, broker, partitions):
        self.broker, self.partitions = broker, partitions
        self.source, self.outcomes = broker.topic("source", partitions), broker.topic("outcomes", partitions)

    def outcome(self, partition, offset, sequence, size=2, timestamp=0):
        headers = [("ce_type", b"orderd.outcome"), ("ce_id", f"{self.source}/{partition}/{offset}".encode()),
                   ("ce_source", f"/orderd/{INCARNATION}".encode()), ("ce_sequence", f"{1:010}-{sequence:020}-{0:020}-{0:06}".encode())]
        return Record(partition, None, None, b"x" * size, headers, timestamp)

    def start(self, *words, kbytes=65536):
        return start([PLAYER, self.broker.bootstrap, self.outcomes, INCARNATION, self.source, self.partitions, kbytes, *words],
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def play(self, *words, **options):
        process = self.start(*words, **options)
        out, errors = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    def played(self, *words, **options):
        """([event, …], highest memory in KB)"""
        done = self.play(*words, **options)
        assert done.returncode == 0, done.stderr
        *events, memory = done.stdout.splitlines()
        return events, int(memory.split()[1])


    def fill(self, count, size, partition_after=None):
        """As many events of each partition, in turns; or all of one partition behind all of the others."""
        for p in range(self.partitions):
            self.broker.send_all(self.source, [Record(p, None, None, b"{}", None, 0)] * count)
            later = count * self.partitions if p == partition_after else 0
            self.broker.send_all(self.outcomes, [self.outcome(p, n, 1 + self.partitions * n + p + later, size) for n in range(count)])


@pytest.fixture
def log(broker):
    return Log(broker, 2)


def test_a_log_that_ends_in_an_aborted_transaction_has_an_end(broker, log):
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": log.source, "log_level": 0})
    producer.init_transactions(20)
    for partition, count, commit in ((0, 3, True), (0, 2, False), (1, 2, True), (0, 1, True), (1, 4, False)):
        producer.begin_transaction()
        for _ in range(count):
            producer.produce(log.source, b"{}", partition=partition)
        producer.flush(20)
        producer.commit_transaction(20) if commit else producer.abort_transaction(20)
    # 0: 0 1 2 commit 4 5 abort 7 commit; 1: 0 1 commit 3 4 5 6 abort
    broker.send_all(log.outcomes, [log.outcome(0, 0, 2), log.outcome(0, 1, 3), log.outcome(0, 2, 5), log.outcome(1, 0, 1), log.outcome(1, 1, 4)])
    events, _ = log.played()
    assert events == ["1:0 both", "0:0 both", "0:1 both", "1:1 both", "0:2 both", "0:7 source"]


def test_what_retention_deleted_is_refused_when_it_is_asked_for(broker, log):
    broker.send_all(log.source, [Record(0, None, None, b"{}", None, 0)] * 6)
    broker.send_all(log.outcomes, [log.outcome(0, offset, offset + 1) for offset in range(6)])
    broker.delete_records(log.source, 0, 4)
    assert log.played()[0] == ["0:4 both", "0:5 both"]
    refused = log.play("--from", f"{log.source}:0:3")
    assert (refused.returncode, refused.stderr) == (65, f"--from {log.source}:0:3: retention has deleted it, the log begins at 4; "
                                                        f"--from {log.source}:0:4 would be the earliest\n")


def test_outcomes_that_retention_deleted_leave_their_events_without(broker, log):
    broker.send_all(log.source, [Record(0, None, None, b"{}", None, 0)] * 3)
    broker.send_all(log.outcomes, [log.outcome(0, offset, offset + 1) for offset in range(3)])
    broker.delete_records(log.outcomes, 0, 1)
    assert log.played()[0] == ["0:0 source", "0:1 both", "0:2 both"]


def test_a_range_is_cut_out_by_times(broker, log):
    broker.send_all(log.source, [Record(1, None, None, b"{}", None, MORNING + hour * HOUR) for hour in range(6)])
    broker.send_all(log.outcomes, [log.outcome(1, hour, hour, timestamp=MORNING + hour * HOUR + 1) for hour in range(6)])
    events, _ = log.played("--from", "2026-01-15T10:00:00Z", "--to", "2026-01-15T12:00:00Z")     # MORNING is 08:00
    assert events == ["1:2 both", "1:3 both"]


def test_memory_stays_within_its_bound_however_unevenly_partitions_are_read(log):
    """80 MB of one partition come before anything of the other."""
    log.fill(20000, 4000, partition_after=0)
    events, memory = log.played(kbytes=8192)
    assert events == [f"1:{n} both" for n in range(20000)] + [f"0:{n} both" for n in range(20000)]
    assert 0 < memory < 60 * 1024


def test_a_journal_goes_on_when_the_broker_is_back(own_broker):
    """It is held up half-way by nobody who reads what it prints."""
    log = Log(own_broker, 2)
    log.fill(5000, 4000)
    process = log.start(kbytes=4096)
    assert select.select([process.stdout], [], [], 60)[0]      # a pipe holds 64 KiB
    own_broker.restart()
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert out.splitlines()[:-1] == [f"{p}:{n} both" for n in range(5000) for p in range(2)]
