"""A way between orderd and its Redis on which a test can do things at an exact place of the conversation."""
import os
import socket
import tempfile
import threading


class Proxy:
    """Listens on a socket of its own and hands everything on, both ways.

    before(request): called with the bytes of each write of orderd before they are handed on; orderd waits meanwhile. With one round
    trip a turn, what EXEC stands in came in one write.
    """

    def __init__(self, server, before):
        self._directory = tempfile.TemporaryDirectory(prefix="orderd-proxy-")
        self.address = os.path.join(self._directory.name, "redis.sock")
        self._target, self._before = server.socket, before
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.address)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            threading.Thread(target=self._pump, args=(client, server, self._before), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, None), daemon=True).start()

    @staticmethod
    def _pump(source, target, before):
        try:
            while data := source.recv(1 << 20):
                if before:
                    before(data)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._listener.close()


def holds_exec(request):
    return b"\r\nEXEC\r\n" in request
