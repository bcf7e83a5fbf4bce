"""Ports of this computer for servers of a test."""

import socket


def free_port() -> int:
    """Return a port of the loopback that nothing listens on; another program may take it meanwhile."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
