"""An event that crashes the daemon: its last words, and the command that sets the event aside."""
import signal

from market import deposit


def test_the_last_words_of_a_crash_say_where_it_was_and_a_restart_goes_on(market):
    daemon = market.daemon()
    market.play([deposit("a", 1)])
    daemon.signal(signal.SIGSEGV)
    assert daemon.wait_exit() == -signal.SIGSEGV
    assert daemon.log().splitlines()[-1] == "<2>crashed outside of an event"
    daemon.start()
    market.play([deposit("a", 2)])
    market.audit()


def test_a_quarantined_event_is_decided_malformed_and_goes_to_the_dead_letters(market):
    daemon = market.daemon()
    market.play([deposit("a", 1)])
    daemon.stop()
    market.send_all([deposit("a", 2), deposit("a", 4)])
    answer = daemon.command("init", "--quarantine", f"{market.source}:0:1")
    assert answer.returncode == 0 and f"{market.source}:0: offset 1 will be decided malformed" in answer.stdout
    daemon.start()
    outcomes = market.outcomes(alive=[daemon])
    assert [(o.offset, *o.verdict) for o in outcomes] == [(0, "applied", None), (1, "malformed", "quarantined"), (2, "applied", None)]
    assert [dict(letter.headers)["dlq.reason"] for letter in market.dead_letters()] == [b"quarantined"]
    assert market.funds("a") == 5


def test_a_running_daemon_takes_a_quarantine_over(market):
    daemon = market.daemon()
    market.play([deposit("a", 1)])
    assert daemon.command("init", "--quarantine", f"{market.source}:0:1").returncode == 0
    daemon.wait_for(r"took over topic=", count=2)
    outcomes = market.play([deposit("a", 2), deposit("a", 4)])
    assert [o.verdict for o in outcomes[-2:]] == [("malformed", "quarantined"), ("applied", None)]


def test_what_is_decided_cannot_be_quarantined(market):
    daemon = market.daemon()
    market.play([deposit("a", 1)])
    answer = daemon.command("init", "--quarantine", f"{market.source}:0:0")
    assert answer.returncode == 78 and "is decided already" in answer.stderr
    assert market.meta()["era"] == "1"
