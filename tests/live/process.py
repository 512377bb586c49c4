"""Processes that the tests start: none of them outlives the run, whatever becomes of it."""
import ctypes
import random
import signal
import socket
import time
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def die_with_parent():
    """For subprocess's preexec_fn: the kernel kills the child when the test run ends, also when that is killed itself."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def free_port():
    """A TCP port that is free, and that the kernel gives to no client meanwhile: a server that begins again finds it as it left it."""
    for _ in range(1000):
        port = random.randrange(10000, max(_first_of_clients(), 20000))
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no port is free")


def _first_of_clients():
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])


def until(condition, timeout, what):
    """Polls until `condition()` is true and returns its value; AssertionError "what" after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout} s: {what() if callable(what) else what}"
        time.sleep(0.02)
