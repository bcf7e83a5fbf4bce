"""Clocks under manual control."""

from tawny.model.times import SystemClock, utc_from_text


class FakeClock:
    """Advances both clocks by `advance`; `jump_utc` moves only UTC, as SNTP or a user would."""

    def __init__(self, start_utc: str = "2026-11-20T05:00:00Z") -> None:
        self._utc_ms = float(utc_from_text(start_utc))
        self._mono_s = 1000.0

    def now_ms(self) -> int:
        return round(self._utc_ms)

    def mono_s(self) -> float:
        return self._mono_s

    def advance(self, seconds: float) -> None:
        self._mono_s += seconds
        self._utc_ms += seconds * 1000

    def jump_utc(self, seconds: float) -> None:
        self._utc_ms += seconds * 1000


class AheadClock:
    """The system's clocks, for real peers; `advance` lets only the monotonic one be later."""

    def __init__(self) -> None:
        self._system, self._ahead_s = SystemClock(), 0.0

    def now_ms(self) -> int:
        return self._system.now_ms()

    def mono_s(self) -> float:
        return self._system.mono_s() + self._ahead_s

    def advance(self, seconds: float) -> None:
        self._ahead_s += seconds
