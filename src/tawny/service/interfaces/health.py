"""Interface for the web layer: self-test and check-in."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SelfTestReport:
    """Result of a self-test. minutes: count of files decoded; files: count verified. problems: empty if none."""

    at_ms: int
    minutes: int
    files: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckInReport:
    """State of the check-in. host: of its URL. last_ms: last success, ms UTC. is_sent: whether it is sent now."""

    host: str
    last_ms: int | None
    trouble: str
    is_sent: bool


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Health of the recorder. self_test: last one since the start. check_in: None: not configured."""

    self_test: SelfTestReport | None
    is_testing: bool
    check_in: CheckInReport | None


class HealthService(Protocol):
    """Health of the recorder, from memory. Thread-safe; returns at once."""

    def now(self) -> HealthReport: ...
    def test_now(self) -> None:
        """Start a self-test unless one is running."""
        ...
