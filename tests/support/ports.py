"""Ports of this computer for servers of a test."""

import random
import socket

FIRST, LAST = 15_000, 32_000
"""Below those that Linux gives to outgoing connections: one of another test would take a port found there."""


def free_port() -> int:
    """Return a port of the loopback that nothing listens on; another program may take it meanwhile."""
    while True:
        port = random.randrange(FIRST, LAST)
        with socket.socket() as found:
            try:
                found.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
