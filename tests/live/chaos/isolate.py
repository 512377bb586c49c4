"""A process cut off from the network: the kernel drops all that it sends, so nobody hears it and nothing that it is sent is confirmed."""
import subprocess


class Isolated:
    """While the with block lasts, what processes of this group id send over the loopback, or to and from these ports of it, is dropped. Needs root."""

    def __init__(self, group, ports=()):
        ways = [["-p", "tcp", end, str(port)] for port in ports for end in ("--dport", "--sport")] or [[]]
        self._rules = [["OUTPUT", "-o", "lo", *way, "-m", "owner", "--gid-owner", str(group), "-j", "DROP"] for way in ways]

    def __enter__(self):
        for rule in self._rules:
            subprocess.run(["iptables", "-w", "-A", *rule], check=True)
        return self

    def __exit__(self, *_):
        for rule in self._rules:
            subprocess.run(["iptables", "-w", "-D", *rule], check=True)
