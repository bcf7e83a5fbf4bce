"""Check-in: a heartbeat to a configured URL while the recorder works. A dead recorder cannot send it.

Sends a GET every few minutes to a service or another host that raises an alarm when it is missing. Without a URL
nothing is sent, and the request contains no name and no figures. One actor; no other code waits for it.
"""

import http.client
import logging
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from tawny.model.clock import Clock

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 10.0
AGAIN_S: Final = 30.0
"""Retry delay, s, after a failure."""
TROUBLE_AFTER: Final = 3
"""Count of consecutive failures before they are reported."""
_LOOK_S: Final = 5.0


class CheckInSender:
    """Sends check-ins as an actor.

    address: HTTP(S) URL that may contain a secret, so only its host is shown. is_well: queried before each check-in.
    trouble: text for the owner; empty if none.
    """

    name = "check-in"

    def __init__(self, address: str, every_s: float, is_well: Callable[[], bool], clock: Clock) -> None:
        self._address, self._every_s, self._is_well, self._clock = urlsplit(address), every_s, is_well, clock
        self._due_s = clock.mono_s()
        self._failures = 0
        self.trouble = ""
        self.last_ms: int | None = None
        """Time of the last successful check-in, ms UTC; None if none."""

    @property
    def host(self) -> str:
        """Host of the URL; the rest may be secret."""
        return self._address.hostname or ""

    def step(self) -> float:
        if self._clock.mono_s() >= self._due_s and self._is_well():
            why = self._send()
            self._failures = self._failures + 1 if why else 0
            if not why:
                self.last_ms = self._clock.now_ms()
            if why:
                log.warning("check-in at %s failed: %s", self._address.hostname, why)
            is_told = self._failures >= TROUBLE_AFTER
            self.trouble = (
                f"The heartbeat address {self._address.hostname} isn't responding ({why})." if is_told else ""
            )
            self._due_s = self._clock.mono_s() + (min(AGAIN_S, self._every_s) if why else self._every_s)
        return _LOOK_S

    def close(self) -> None:
        """No resources to release."""

    def _send(self) -> str:
        """Send one check-in. Return the error, or empty. Redirects are not followed and count as errors."""
        connection = self._connection()
        try:
            path = (self._address.path or "/") + (f"?{self._address.query}" if self._address.query else "")
            connection.request("GET", path, headers={"User-Agent": "tawny", "Connection": "close"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()
        return "" if 200 <= status < 300 else f"it responded with {status}"

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
