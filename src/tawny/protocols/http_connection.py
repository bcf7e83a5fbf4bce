"""HTTP connections to an address: its port, and TLS with certificates checked."""

import http.client
import ssl
from urllib.parse import SplitResult


def web_port(parts: SplitResult) -> int:
    """Return the port of an http or https address: its own or that of its scheme. Raises ValueError if it has none."""
    return parts.port or (http.client.HTTPS_PORT if parts.scheme == "https" else http.client.HTTP_PORT)


def http_connection(parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    """Return a connection to the host of an http or https address; it connects with its first request."""
    # with the port: without one the library takes the end of an IPv6 address for it
    host, port = parts.hostname or "", web_port(parts)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout_s)
