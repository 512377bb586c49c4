"""Faults between the daemon and its servers: a relay that loses what it carries, and a port whose replies the kernel drops."""
import selectors
import socket
import subprocess
import threading

from process import until

# A dead member keeps its partitions until its session ends: short ones make short tests.
SHORT_SESSION = {"kafka.consumer": ["session.timeout.ms=1500", "heartbeat.interval.ms=200", "fetch.wait.max.ms=20"], "drain.revoke_ms": 1000}


class Relay:
    """Relays TCP connections to 127.0.0.1:port, until a request comes that the armed fault waits for. Used as a context manager.

    strike(how, b"EXEC") arms one fault for the next piece of a request that holds these bytes:

    lost   the server gets it and works it, its reply never comes back, the client's end is closed
    mute   as `lost`, but the client's end stays open and silent
    cut    the server gets it up to the middle of these bytes and the client's end is closed; the server's stays open
    late   the client's end is closed; the server gets it when release() is called
    hold   both ends stay open; the server gets it, and the client what it says, when release() is called
    """

    def __init__(self, port):
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, "listener")
        self._peers, self._deaf = {}, set()
        self._held, self._released = None, threading.Event()
        self.armed, self._end = None, False
        self.struck = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end = True
        self._thread.join(10)
        for s in [self._listener, *self._peers, *self._deaf]:
            s.close()

    def strike(self, how, request):
        assert how in ("lost", "mute", "cut", "late", "hold")
        self.armed = how, request

    def release(self):
        """Sends what was held back. The server may have closed that connection meanwhile: then it is lost for good."""
        self._released.set()
        until(lambda: self._held is None, 5, "the relay does not let go")

    # the relay's thread

    def _run(self):
        while not self._end:
            for key, _ in self._selector.select(0.05):
                if key.data == "listener":
                    self._accept()
                elif key.fileobj in self._peers:
                    self._carry(key.fileobj, key.data)
                elif key.fileobj in self._deaf:
                    self._swallow(key.fileobj)
            if self._held and self._released.is_set():
                self._let_go()

    def _accept(self):
        client = self._listener.accept()[0]
        try:
            server = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            client.close()
            return
        for s, peer, side in ((client, server, "client"), (server, client, "server")):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[s] = peer
            self._selector.register(s, selectors.EVENT_READ, side)

    def _carry(self, s, side):
        peer = self._peers[s]
        try:
            data = s.recv(1 << 20)
            if not data:
                self._close(s, peer)
            elif side == "client" and self.armed and self.armed[1] in data:
                self._fault(s, peer, data)
            else:
                peer.sendall(data)
        except OSError:
            self._close(s, peer)

    def _fault(self, client, server, data):
        (how, request), self.armed = self.armed, None
        if how in ("late", "hold"):
            self._held = server, data
        else:
            server.sendall(data if how != "cut" else data[:data.index(request) + len(request) // 2])
        self.struck += 1
        if how == "hold":
            return
        for s in (client, server):
            del self._peers[s]
        self._deaf.add(server)
        if how == "mute":
            self._deaf.add(client)
        else:
            self._selector.unregister(client)
            client.close()

    def _let_go(self):
        (server, data), self._held = self._held, None
        try:
            server.sendall(data)
        except OSError:
            pass

    def _swallow(self, s):
        try:
            gone = not s.recv(1 << 20)
        except OSError:
            gone = True
        if gone:
            self._selector.unregister(s)

    def _close(self, *sockets):
        for s in sockets:
            self._selector.unregister(s)
            self._peers.pop(s, None)
            s.close()


class NoReplies:
    """While the with block lasts, the kernel drops all that a server on this port of 127.0.0.1 sends; what it is sent arrives."""

    def __init__(self, port):
        self._rule = ["OUTPUT", "-o", "lo", "-p", "tcp", "--sport", str(port), "-j", "DROP"]

    def __enter__(self):
        subprocess.run(["iptables", "-w", "-A", *self._rule], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["iptables", "-w", "-D", *self._rule], check=True)
