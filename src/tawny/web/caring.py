"""What the web layer needs of whoever looks after the recorder itself: the self-test and the sign of life."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SelfTested:
    """minutes: recordings that were played; files: compared with their hashes. problems: sentences, empty if none."""

    at_ms: int
    minutes: int
    files: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """host: of its address. last_ms: when it last arrived. is_sent: all is well, so it is sent at present."""

    host: str
    last_ms: int | None
    trouble: str
    is_sent: bool


@dataclass(frozen=True, slots=True)
class Care:
    """self_test: the last one since the start. check_in: None: no address is set."""

    self_test: SelfTested | None
    is_testing: bool
    check_in: CheckedIn | None


class Caring(Protocol):
    """Any thread may call; answered from memory at once."""

    def now(self) -> Care: ...
    def test_now(self) -> None:
        """Begin a self-test if none is under way."""
        ...
