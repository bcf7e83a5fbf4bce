"""Ports of this computer for servers of a test."""

import atexit
import random
import socket

FIRST, LAST = 15_000, 32_000
"""Below those that Linux gives to outgoing connections: one of another test would take a port found there."""


def free_port() -> int:
    """Return a port of the loopback that nothing listens on, by TCP or UDP, and that no other test gets."""
    while True:
        port = random.randrange(FIRST, LAST)
        claim = socket.socket(socket.AF_UNIX)
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                claim.bind(f"\0tawny-test-port-{port}")
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                claim.close()
                continue
        # held until this process ends: a server that is still starting keeps its port from the tests side by side
        atexit.register(claim.close)
        return port
