"""Rate limiting of uploads, and interruption at shutdown; both take effect where content is read."""

import threading
from collections.abc import Callable

from tawny.delivery.carrier import DeliveryContent
from tawny.model.clock import Clock

BURST_S = 1.0


class RateLimiter:
    """Limits the bytes per second of one target for all of its couriers. Thread-safe. 0: unlimited."""

    def __init__(self, bytes_s: float, clock: Clock) -> None:
        self._bytes_s, self._clock = bytes_s, clock
        self._lock = threading.Lock()
        self._free_s = clock.mono_s()

    def wait_s(self, size_bytes: int) -> float:
        """Return the delay before sending this many bytes, s. They count as sent."""
        if not self._bytes_s:
            return 0.0
        with self._lock:
            now_s = self._clock.mono_s()
            self._free_s = max(self._free_s, now_s - BURST_S) + size_bytes / self._bytes_s
            return max(0.0, self._free_s - now_s)


class RateLimitedContent:
    """Content read at a limited rate. wait: sleeps; raises CourierStopped on shutdown."""

    def __init__(self, content: DeliveryContent, pace: RateLimiter, wait: Callable[[float], None]) -> None:
        self._content, self._pace, self._wait = content, pace, wait

    @property
    def size_bytes(self) -> int:
        return self._content.size_bytes

    @property
    def media_type(self) -> str:
        return self._content.media_type

    @property
    def modified_ms(self) -> int:
        return self._content.modified_ms

    @property
    def sha256(self) -> str:
        return self._content.sha256

    def read(self, offset: int, size_bytes: int) -> bytes:
        self._wait(self._pace.wait_s(size_bytes))
        return self._content.read(offset, size_bytes)

    def close(self) -> None:
        self._content.close()
