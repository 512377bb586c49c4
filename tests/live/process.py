"""Processes that the tests start: none of them outlives the run, whatever becomes of it. And the ports that they listen at."""
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

PATIENCE_S = 60     # no wait for something ends earlier: how long it takes depends on what else the machine does, and a wait that succeeds is short

_reserved = {}      # port: the socket that keeps it ours


def start(command, group=None, network=None, environment=None, **options):
    """A Popen of the command; the kernel kills it when the thread that called this ends, also when the whole run is killed.

    group: a group id of its own (as root); network: the path of a network namespace in which it is (as root); environment: variables that it has
    besides; Ctrl-C ends it even where whoever runs the tests had it ignored. Other options are Popen's.

    No Python runs between fork and exec, as preexec_fn would: where other threads are, that crashes now and then. Programs do it that become the
    command one after the other; its death is tied to ours last, since a change of credentials unties it.
    """
    words = ["env", "--default-signal=INT"]
    words += ["nsenter", f"--net={network}"] if network else []
    words += ["setpriv", "--pdeathsig", "KILL"]
    words += ["--regid", str(group), "--keep-groups"] if group else []
    words += ["env", *(f"{name}={value}" for name, value in environment.items())] if environment else []
    return subprocess.Popen([*words, *map(str, command)], **options)


class Server:
    """A process that its own start() makes, and that goes on with the same data after kill() or stop()."""
    process = None

    def _end(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(90)

    def stop(self):
        """SIGTERM and the end of the process, also of a frozen one."""
        if self.process:
            self.thaw()
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def restart(self):
        self.stop()
        return self.start()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)


def free_port():
    """A TCP port that is free, that no other process of the tests gets while this one lives, and that the kernel gives to no client: a server that
    begins again finds it as it left it."""
    for _ in range(1000):
        port = random.randrange(10000, max(_first_of_clients(), 20000))
        if _reserve(port) and _is_free(port):
            return port
    raise AssertionError("no port is free")


def _reserve(port):
    """By a name that one socket of a network can have, and that is gone with its process."""
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0orderd-tests-port-{port}")
    except OSError:
        reservation.close()
        return False
    _reserved[port] = reservation
    return True


def _is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def _first_of_clients():
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])


def until(condition, timeout, what):
    """Polls until `condition()` is true and returns its value; AssertionError "what" after `timeout` seconds, at least PATIENCE_S."""
    timeout = max(timeout, PATIENCE_S)
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout} s: {what() if callable(what) else what}"
        time.sleep(0.02)


def last_of(log, lines=30):
    """"its log FILE ends with:" and the end of it, for messages: nobody keeps the files of a run on a machine far away."""
    try:
        text = Path(log).read_text(errors="replace")
    except OSError as error:
        return str(error)
    return f"its log {log} ends with:\n" + "\n".join(text.splitlines()[-lines:])
