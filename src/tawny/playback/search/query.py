"""Parsed search queries."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.times import Span


@dataclass(frozen=True, slots=True)
class SearchableIdentity:
    """Searchable identities.

    words: search words of an event's recognition results, lower case without separators: names, plates, the
    recognizer's name, `known` or `unknown`.
    """

    names: Iterable[str] = ()
    words: Callable[[Event], frozenset[str]] = lambda _event: frozenset()


NOBODY = SearchableIdentity()


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query. Empty fields match everything. spans: in order, without overlaps; the newest is last."""

    spans: tuple[Span, ...]
    kinds: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    """Labels that are no event type: `dog`."""
    cameras: frozenset[CameraId] = frozenset()
    zones: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    """Names and texts read, such as plates or parts of them, lower case without separators. One must match."""
    read_so: frozenset[str] = frozenset()
    """Recognizer names, `known` or `unknown`. All must match."""
    least_s: float = 0.0
    most_s: float = float("inf")
    only: str = "all"
    """all, new or kept."""
    false_alarms: bool = False
    order: str = "newest"
    """newest, oldest, longest or shortest first."""
    count: int | None = None
    """Maximum number of results in that order."""
    but: frozenset[str] = frozenset()
    """Excluded types and labels."""
    time_words: str = ""
    """The time as understood."""
    unknown: tuple[str, ...] = field(default=())
    """Words without a meaning."""
