"""A network of its own for one daemon, in which the kernel cuts the ways to the servers. Needs root.

Servers of the host are reached in there under their own addresses: who listens in there hands everything on to the host. While a way is cut, no
packet passes in either direction and nobody is told; what TCP then still holds arrives when the way is open again, as it would between two
machines.
"""
import contextlib
import ctypes
import os
import socket
import subprocess
import threading

_libc = ctypes.CDLL(None, use_errno=True)
_NEWNET = 0x40000000


def _enter(network):
    if _libc.setns(network, _NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _own():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


class Network:
    """with Network([port, …]) as network: daemon.network = network.path; … with network.cut([port]): …

    ports: servers on 127.0.0.1. It is gone when the last process in it is, and this object.
    """

    def __init__(self, ports):
        self._network, self._ways = self._made(), []
        self._run("ip", "link", "set", "lo", "up")
        for port in ports:
            with self._inside():      # a socket belongs to the network in which it was made, whoever uses it
                listener = socket.create_server(("127.0.0.1", port))
            self._ways.append(listener)
            threading.Thread(target=self._listen, args=(listener, port), daemon=True).start()

    @staticmethod
    def _made():
        """By a thread, since the one that makes it is in it."""
        made = []

        def make():
            if _libc.unshare(_NEWNET) == 0:
                made.append(_own())
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        assert made, "no network can be made"
        return made[0]

    @contextlib.contextmanager
    def _inside(self):
        """For this thread."""
        home = _own()
        _enter(self._network)
        try:
            yield
        finally:
            _enter(home)
            os.close(home)

    def _run(self, *command):
        subprocess.run(["nsenter", f"--net={self.path}", *command], check=True)

    @property
    def path(self):
        """Where other programs find it, as long as this object is there."""
        return f"/proc/{os.getpid()}/fd/{self._network}"

    @contextlib.contextmanager
    def cut(self, ports):
        """While the with block lasts."""
        rules = [rule for port in ports for rule in (["OUTPUT", "-p", "tcp", "--dport", str(port), "-j", "DROP"],
                                                     ["OUTPUT", "-p", "tcp", "--sport", str(port), "-j", "DROP"])]
        for rule in rules:
            self._run("iptables", "-w", "-A", *rule)
        try:
            yield
        finally:
            for rule in rules:
                self._run("iptables", "-w", "-D", *rule)

    # the ways into the host

    def _listen(self, listener, port):
        while True:
            try:
                inner = listener.accept()[0]
            except OSError:
                return
            try:
                outer = socket.create_connection(("127.0.0.1", port), 5)
            except OSError:
                inner.close()
                continue
            outer.settimeout(None)
            for ends in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._hand_on, args=ends, daemon=True).start()

    @staticmethod
    def _hand_on(source, target):
        target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for listener in self._ways:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)      # ends accept() in the thread that waits in it
            listener.close()
        os.close(self._network)
