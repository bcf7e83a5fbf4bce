"""What the web layer needs of whoever looks after the recorder itself: the self-test and the sign of life."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SelfTestReport:
    """minutes: recordings that were played; files: compared with their hashes. problems: sentences, empty if none."""

    at_ms: int
    minutes: int
    files: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckInReport:
    """host: of its address. last_ms: when it last arrived. is_sent: all is well, so it is sent at present."""

    host: str
    last_ms: int | None
    trouble: str
    is_sent: bool


@dataclass(frozen=True, slots=True)
class HealthReport:
    """self_test: the last one since the start. check_in: None: no address is set."""

    self_test: SelfTestReport | None
    is_testing: bool
    check_in: CheckInReport | None


class HealthService(Protocol):
    """Any thread may call; answered from memory at once."""

    def now(self) -> HealthReport: ...
    def test_now(self) -> None:
        """Begin a self-test if none is under way."""
        ...
