"""What clients of /metrics may do wrong: they are answered or dropped, and events go on as if nothing were."""
import resource
import socket
import time
from pathlib import Path

import pytest

from market import deposit
from process import until
from web import served

CONNECTIONS, PER_ADDRESS = 10000, 32
NOT_FOUND = "there is nothing here, but at\n/metrics\n/livez\n/readyz\n"


@pytest.fixture
def web(market):
    daemon, web = served(market)
    web.daemon = daemon
    market.play([deposit("27", 1)])
    yield web
    market.play([deposit("27", 1)])      # whatever the test did
    assert daemon.alive


def connect(web):
    """A connection; None when the listener does not take it now."""
    s = socket.socket()
    s.settimeout(0.2)
    try:
        s.connect((web.host, web.port))
        return s
    except OSError:
        s.close()
        return None


def ended(s):
    """Whether the other side has closed it."""
    s.setblocking(False)
    try:
        while s.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def kept(web):
    """How many connections the daemon has accepted and holds: those of its port that have an inode."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{web.port:04X}") and row[3] != "0A" and row[9] != "0" for row in rows)


@pytest.mark.parametrize("path", ["/", "/metric", "/metrics/", "/../etc/passwd", "//metrics", "/%00", "/" + "x" * 4000], ids=lambda path: path[:20])
def test_another_path_is_told_the_right_ones(web, path):
    status, headers, text = web.get(path)
    assert (status, headers["content-type"], text) == (404, "text/plain; charset=utf-8", NOT_FOUND)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_another_method_is_told_the_right_ones(web, method):
    status, headers, _ = web.get("/metrics", method, body="x" * 100 if method in ("POST", "PUT", "PATCH") else None)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_a_head_has_everything_but_the_text(web):
    status, headers, text = web.get("/livez", "HEAD")
    assert (status, text) == (200, "") and int(headers["content-length"]) == len(web.get("/livez")[2])


@pytest.mark.parametrize("sent", [
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000 + b"\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 100, b"\0" * 50000,
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + b"a" * 100000,
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + b"a" * 65535, b"*3\r\n$3\r\nSET\r\n" * 2000,
], ids=["a header", "a path", "headers", "TLS", "zeros", "a body", "chunks", "Redis"])
def test_what_is_too_much_or_no_request_is_refused_or_dropped(web, sent):
    s = connect(web)
    with s:
        s.settimeout(20)
        answer = b""
        try:
            s.sendall(sent)
            s.shutdown(socket.SHUT_WR)
            while part := s.recv(65536):
                answer += part
        except OSError:
            pass
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:100]
    assert web.live()


def test_ten_thousand_connections_are_bounded_and_not_felt(web, market):
    """From one address only so many are kept; the others are closed at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + 500:
        pytest.skip(f"this user may have {hard} files open, {CONNECTIONS + 500} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most, sockets = 0, []
    try:
        for number in range(CONNECTIONS):
            sockets.append(connect(web))
            if number % 500 == 0:
                most = max(most, kept(web))
                market.play([deposit("27", 1)])
        sockets = [s for s in sockets if s]
        until(lambda: sum(not ended(s) for s in sockets) <= PER_ADDRESS, 20, "more connections are kept than an address may have")
        assert most <= PER_ADDRESS + 1       # the one that is being closed
    finally:
        for s in sockets:
            if s:
                s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    until(lambda: answers(web), 20, "nobody is answered after the flood")
    until(lambda: kept(web) == 0, 20, lambda: f"{kept(web)} connections are kept")


def answers(web):
    try:
        return web.live()
    except OSError:
        return False


@pytest.mark.long
def test_slow_clients_are_dropped(web):
    """One that says nothing, one that dribbles, one that never reads its answers. Meanwhile others are answered."""
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    clients = {kind: connect(web) for kind in ("silent", "dribbling", "deaf")}
    clients["silent"].sendall(request[:10])
    clients["dribbling"].sendall(request[:10])
    clients["deaf"].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def dropped():
        for kind, more in ("dribbling", b"x"), ("deaf", 50 * request):
            try:
                clients[kind].setblocking(False)
                clients[kind].send(more)
            except OSError:
                pass
        assert web.live()
        time.sleep(0.5)
        return kept(web) == 0

    until(lambda: kept(web) == 3, 5, "not accepted")
    until(dropped, 60, "slow clients are kept")
    for s in clients.values():
        s.close()
