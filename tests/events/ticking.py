"""A clock that goes on between two readings, as a real one does."""

from tawny.testing.clock import FakeClock


class TickingClock(FakeClock):
    """Each reading of UTC takes 1 ms."""

    def now_ms(self) -> int:
        self.advance(0.001)
        return super().now_ms()
