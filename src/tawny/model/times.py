"""Instants and spans. An instant is UTC in whole milliseconds since 1970 (`_ms`); a duration is seconds (`_s`)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_STAMP = re.compile(r"(\d{8}T\d{6})\.(\d{3})Z")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `begin_ms` to before `end_ms`. Invariant: `end_ms >= begin_ms`."""

    begin_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if self.end_ms < self.begin_ms:
            raise ValueError(f"a span cannot end before it begins: {self.begin_ms} to {self.end_ms}")

    @property
    def seconds(self) -> float:
        return (self.end_ms - self.begin_ms) / 1000

    def overlaps(self, other: "Span") -> bool:
        return self.begin_ms < other.end_ms and other.begin_ms < self.end_ms

    def cut_to(self, other: "Span") -> "Span | None":
        """Return the part inside `other`. None if empty."""
        begin, end = max(self.begin_ms, other.begin_ms), min(self.end_ms, other.end_ms)
        return Span(begin, end) if begin < end else None


def merge_spans(spans: list[Span], *, join_ms: int = 0) -> list[Span]:
    """Merge spans, in order. Spans at most `join_ms` apart become one."""
    whole: list[Span] = []
    for span in sorted(spans):
        if whole and span.begin_ms - whole[-1].end_ms <= join_ms:
            whole[-1] = Span(whole[-1].begin_ms, max(whole[-1].end_ms, span.end_ms))
        else:
            whole.append(span)
    return whole


def missing_spans(spans: list[Span], within: Span) -> list[Span]:
    """Return the parts of `within` that no span covers, in order."""
    holes: list[Span] = []
    at_ms = within.begin_ms
    for span in merge_spans(spans):
        if span.begin_ms > at_ms and at_ms < within.end_ms:
            holes.append(Span(at_ms, min(span.begin_ms, within.end_ms)))
        at_ms = max(at_ms, span.end_ms)
    if at_ms < within.end_ms:
        holes.append(Span(at_ms, within.end_ms))
    return holes


def utc_text(ms: int) -> str:
    """Return RFC 3339 with milliseconds and Z: `2026-11-20T05:58:12.345Z`."""
    whole = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def utc_from_text(text: str) -> int:
    """Parse an RFC 3339 time with offset to ms UTC. Raises ValueError for other texts, including local times."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text!r} is not a time like 2026-11-20T05:58:12Z")
    at = datetime.fromisoformat(text.upper().replace(" ", "T"))
    return round(at.timestamp() * 1000)


def stamp(ms: int) -> str:
    """Return the instant as in file names: `20261120T055812.345Z`."""
    return utc_text(ms).replace("-", "").replace(":", "")


def stamp_ms(text: str) -> int:
    """Parse a stamp from a file name. Raises ValueError if invalid."""
    found = _STAMP.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a stamp like 20261120T055812.345Z")
    whole = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return int(whole.timestamp()) * 1000 + int(found[2])
