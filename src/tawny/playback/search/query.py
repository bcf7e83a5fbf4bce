"""What somebody asked, once it is understood."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.times import Span


@dataclass(frozen=True, slots=True)
class SearchableIdentity:
    """Who can be asked for by name. words: of an event, what it may be found by because it was read, small and without
    gaps: names, plates, the recogniser's name, `known` or `unknown`."""

    names: Iterable[str] = ()
    words: Callable[[Event], frozenset[str]] = lambda _event: frozenset()


NOBODY = SearchableIdentity()


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is empty asks for anything. spans: in order, without overlaps; the newest comes last."""

    spans: tuple[Span, ...]
    kinds: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    """Asked for by a name that is no kind: `dog`."""
    cameras: frozenset[CameraId] = frozenset()
    zones: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    """Names and texts that were read, such as plates, or parts of these; small, without gaps. Any one is enough."""
    read_so: frozenset[str] = frozenset()
    """How: by which recogniser, `known`, `unknown`. All of it."""
    least_s: float = 0.0
    most_s: float = float("inf")
    only: str = "all"
    """all, new or kept."""
    false_alarms: bool = False
    order: str = "newest"
    """newest, oldest, longest or shortest first."""
    count: int | None = None
    """Only so many of that order were asked for."""
    but: frozenset[str] = frozenset()
    """Kinds and labels that are not meant."""
    time_words: str = ""
    """The time, as it was understood."""
    unknown: tuple[str, ...] = field(default=())
    """Words that mean nothing here."""
