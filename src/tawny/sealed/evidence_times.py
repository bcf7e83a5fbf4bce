"""Times of recordings as signed statements bound them: when each was signed, and what was signed before."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from tawny.model.times import utc_text
from tawny.sealed.header import SealedHeader
from tawny.sealed.statements import Item, Statement

EARLY_MS, LATE_MS = 5_000, 1_200_000
"""Maximum time a statement may precede or follow a file's stated end.

Otherwise today's key could sign yesterday's data.
"""
CLOSING_MS, _LONGEST_MS = 60_000, 660_000
"""Maximum time from a file's end to the statement that lists it, if another is made between; maximum length of a file.
"""
_SEGMENT_MS, _SHORT_MS = 60_000, 45_000
"""Usual length of a file, and what few are shorter than."""
Place = tuple[str, int, int, int]
OVERLAPS: Final = "it was not signed in time, and recordings that were signed before it are of its time"


def place_of(header: SealedHeader) -> Place:
    return header.camera.hex(), header.kind, header.stream, header.number


@dataclass(slots=True)
class EvidenceChain:
    """The statements of a folder, and what they list."""

    statements: dict[int, Statement] = field(default_factory=dict)
    files: defaultdict[Place, list[tuple[str, Statement]]] = field(default_factory=lambda: defaultdict(list))
    others: list[tuple[Statement, Item]] = field(default_factory=list)
    order: list[Statement] = field(default_factory=list)
    """The statements as they follow each other, whatever numbers they have."""
    doubtful: set[Place] = field(default_factory=set)
    """Recordings that were not signed in time, but for a time that had not been signed before."""
    left_out: set[str] = field(default_factory=set)
    """Days of the chain whose statements are not in the folder."""
    doubts: list[str] = field(default_factory=list)
    """What to know about the times of recordings that are otherwise proven."""
    late_ms: list[int] = field(default_factory=list)
    """For each recording that was signed late, but by the first statement after it: how long after its end."""

    @property
    def keys(self) -> dict[int, str]:
        after = {n + 1: one.next for n, one in self.statements.items()}
        return after | {n: one.key for n, one in self.statements.items()}

    def all_doubts(self) -> Iterator[tuple[str, int]]:
        """Yield each doubt about recordings, and how many it concerns."""
        yield from Counter(self.doubts).items()
        if self.late_ms:
            by = _text_of(max(self.late_ms))
            late = (
                f"recordings were signed {by} after they ended, with nothing signed between, as when the recorder is "
                "off: their order is proven, their time is only claimed, within the outage or the minutes before it"
            )
            yield late, len(self.late_ms)

    def clocks_of(self, statement: Statement) -> tuple[int, int]:
        """Return a statement's time by the recorder's clock, and by its clock before the changes that it lists."""
        changes = [item for one, item in self.others if one is statement and item[0] == "clock" and len(item) == 3]
        clock_ms = statement.clock_ms
        return clock_ms, clock_ms - sum(after_ms - before_ms for _, before_ms, after_ms in changes)

    def passed(self, statement: Statement, since_ms: int, at_ms: int) -> bool:
        """Return whether an earlier statement was made then, or soon after.

        So a clock was set back to that time, or that statement should have listed what ended before it.

        The earlier ones in question are in the day files from the first time to that of the statement.
        """
        earlier = self.order[: self.order.index(statement)]
        return any(since_ms < one.clock_ms <= at_ms + LATE_MS for one in earlier)

    def was_full(self, statement: Statement, header: SealedHeader, since_ms: int) -> bool:
        """Return whether the recordings that an earlier statement lists leave no room before a recording's start.

        Those of any stream of the camera count: all record the same scene. All but the first of a stream began after
        the statement before, without gaps. Where there are more than fit between two statements, some are of an earlier
        time, such as those that were filled in.
        """
        start_ms, camera = header.start_ms, place_of(header)[:2]
        for before, one in pairwise(self.order[: self.order.index(statement)]):
            if not start_ms < one.clock_ms <= since_ms:
                continue
            rows = (
                place[2] for place, found in self.files.items() for _, by in found if by is one and place[:2] == camera
            )
            has_gap = any(stated is one and item[:2] == ["gap", camera[0]] for stated, item in self.others)
            for whole in (count - 1 for count in Counter(rows).values()):
                is_usual = 0 < whole * _SEGMENT_MS <= one.clock_ms - before.clock_ms and not has_gap
                if is_usual and start_ms < before.clock_ms + whole * _SHORT_MS:
                    return True
        return False


def timely(statement: Statement, header: SealedHeader, end_ms: int, chain: EvidenceChain) -> Iterator[str]:
    """Yield the error if a file was not signed when it ended.

    Where the recorder's clock was changed, or nothing was signed for a while, its own word for the time is a doubt, and
    none for a time that it had signed before: the keys of today and a clock that says yesterday can sign yesterday.
    While the clock is behind, statements lie in the day file of the latest time, so what contradicts it can be in any
    from that time to the statement.
    """
    start_ms = header.start_ms
    if end_ms - start_ms > _LONGEST_MS:  # only its end is timed: it could begin on any day
        yield f"it lasts {(end_ms - start_ms) / 60_000:.0f} min, longer than any that tawny records"
        return
    if _is_timely(statement.at_ms, end_ms):
        return
    fitting = [at_ms for at_ms in chain.clocks_of(statement) if at_ms >= end_ms - EARLY_MS]
    since = {at_ms: min(at_ms, end_ms + CLOSING_MS, start_ms + _LONGEST_MS) for at_ms in fitting}
    new = [at_ms for at_ms in fitting if not chain.passed(statement, since[at_ms], at_ms)]
    if not new and any(_is_timely(at_ms, end_ms) for at_ms in fitting):
        yield "its time can't be proven: the clock was set back to a time that had been signed before"
    elif not new:
        yield f"it was signed {(statement.at_ms - end_ms) / 60_000:.0f} min after its stated end"
    elif chain.was_full(statement, header, since[min(new)]):
        yield OVERLAPS
    elif missing := {day for day in chain.left_out if utc_text(since[min(new)])[:10] <= day <= statement.time[:10]}:
        yield f"the statements of {min(missing)} are missing"
    else:
        chain.doubtful.add(place_of(header))
        if not _is_timely(min(new), end_ms):
            chain.late_ms.append(min(new) - end_ms)
            return
        by = _text_of(abs(statement.at_ms - min(new)))
        chain.doubts.append(
            f"recordings were signed around a change of the recorder's clock, by {by}: their order is proven, their "
            "time only if that clock was right"
        )


def _is_timely(at_ms: int, end_ms: int) -> bool:
    return -EARLY_MS <= at_ms - end_ms <= LATE_MS


def _text_of(ms: int) -> str:
    hours = ms / 3_600_000
    return f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
