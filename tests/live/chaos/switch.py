"""The relay of tests/live with a target that can change, resets in the middle of a command or a reply, and a gap before EXEC."""
import socket
import struct

from faults import Relay

EXEC = b"*1\r\n$4\r\nEXEC\r\n"


class Switch(Relay):
    """The address that daemons know, while the master behind it changes.

    Besides strike(): reset("command") and reset("reply") send half of the next piece in that direction and then RST both ways;
    part(between) sends the next transaction up to EXEC, calls between(), and then sends EXEC.
    """

    def __init__(self, port):
        super().__init__(port)
        self._reset, self._between = None, None

    def point(self, port):
        """New connections go there; those that are open stay where they are."""
        self._target = port

    def reset(self, direction):
        self._reset = {"command": "client", "reply": "server"}[direction]

    def part(self, between):
        self._between = between

    @property
    def quiet(self):
        """No fault is due any more."""
        return not (self.armed or self._reset or self._between or self._held)

    def heal(self):
        """What is due is given up, what was held back is sent."""
        self.armed = self._reset = self._between = None
        if self._held:
            self.release()

    def _accept(self):
        self._released.clear()
        super()._accept()

    def _carry(self, s, side):
        if side == self._reset:
            self._reset = None
            self._half_and_reset(s, self._peers[s])
        elif side == "client" and self._between:
            self._part(s, self._peers[s])
        else:
            super()._carry(s, side)

    def _half_and_reset(self, s, peer):
        try:
            data = s.recv(1 << 20)
            peer.sendall(data[:len(data) // 2])
        except OSError:
            pass
        for end in (s, peer):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._close(s, peer)

    def _part(self, s, peer):
        try:
            data = s.recv(1 << 20)
            at = data.find(EXEC) if b"XADD" in data else -1
            if data and at >= 0:
                between, self._between = self._between, None
                peer.sendall(data[:at])
                between()
                data = data[at:]
            if data:
                peer.sendall(data)
            else:
                self._close(s, peer)
        except OSError:
            self._close(s, peer)
