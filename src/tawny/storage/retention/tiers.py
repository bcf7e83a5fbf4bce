"""Tiers: move segments to another volume at a given age, or when the main disk lacks space.

A file is copied, synced and renamed, or stored in an archive and verified there, before the original is removed, so one
volume always has it complete. Readers check both volumes. Rows do not change, because they do not name a volume.
Nothing moves to a disk that would have to delete it, or something else within its minimum retention, to have space:
retention's order decides, in which main stream goes before sub stream, and time without events before events.
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from typing import Final, NamedTuple

from tawny.engine import Engine
from tawny.model.errors import DiskFull, StorageError, StorageUnavailable
from tawny.model.ids import StreamName
from tawny.model.segments import Segment
from tawny.model.times import Clock
from tawny.sealed.sealer import read_ring
from tawny.storage.disk.disk import DiskCapacity, parent_of
from tawny.storage.disk.layout import is_sealed, keys_path
from tawny.storage.disk.secondary_volumes import check_present
from tawny.storage.disk.volume import FileUnreadable, Volume, copy, read_source
from tawny.storage.index.protocol import Index
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.planning import LATER_MS, RemovalConditions, RemovalPlanner, ended_at
from tawny.storage.retention.removal import events_at, tidy

log = logging.getLogger(__name__)

_EVERY_S: Final = 15.0
_SOON_S: Final = 0.5
_AGAIN_S: Final = 3600.0
"""Retry interval of files that could not be read."""
_AT_ONCE: Final = 20
_ROWS_AT_ONCE: Final = 500
_HANGS_S: Final = 30.0
"""A copy of one file that takes longer means that the disk does not respond; an archive has timeouts of its own."""
_SPARE_SHARE: Final = 0.02
"""Share of the main disk: margin by which moving starts before retention would have to remove."""
_PLAN_AGAIN_S: Final = 600.0
"""After which it is planned again whether a full disk has space: of a large one, each plan takes many seconds."""
_REFUSED_SHARE: Final = 20
"""At most one part in this many of a disk that refuses a copy is deleted at once, unless one file is larger."""
_LEAST_MS: Final = 120_000
"""Minimum age: the writer may still access younger files."""


@dataclass(eq=False)
class TierFull(StorageError):
    """What would move there would be deleted there at once, or in place of what the rules still keep."""

    says = "The archive disk {where} has no space for older recordings."
    advice = "They stay where they are. Delete other files there, lower `storage.retention.min`, or use a larger disk."


class _GoesFirst(Exception):
    """The recording may be deleted, and would go before those that are there: it stays while its disk has space."""


class _Awaited(Exception):
    """The disk refused a copy, and retention deletes something there first."""


_Kind = tuple[StreamName, bool, bool, float]
"""What retention's order depends on but for age: stream, whether it has events, kept ones, and its minimum, s."""


class _Full(NamedTuple):
    """A plan that found no space for a kind of recordings. It holds for these rules, and until more space is free."""

    free_bytes: int
    rules: RetentionContract
    is_pressed: bool
    until_s: float
    is_in_order: bool
    """Whether others there may be deleted too, but only after it."""


class TierMover:
    """Actor that moves segments to a tier.

    sources: returns the volumes before the tier that respond, the main volume first. after_s: age at which segments
    move. contract: returns the rules of retention. wake: runs it soon.
    """

    name = "mover"

    def __init__(
        self,
        sources: Callable[[], Sequence[Volume]],
        tier: Volume,
        index: Index,
        clock: Clock,
        after_s: float,
        contract: Callable[[], RetentionContract],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._wake = wake
        self._sources, self._tier, self._index, self._clock = sources, tier, index, clock
        self._after_s, self._contract = after_s, contract
        self._replaceable_bytes: dict[_Kind, int] = {}
        self._full: dict[_Kind, _Full] = {}
        self._looked: Segment | None = None
        self._looked_later: Segment | None = None
        self._looked_on: Sequence[Volume] | None = None
        self._moving_s: float | None = None
        self._problem: StorageError | None = None
        self._unreadable: FileUnreadable | None = None
        self._again_s = 0.0
        self._passed_s: float | None = None
        self._refused_until_s, self._has_asked = -math.inf, False
        """Until when the disk counts as full, and whether retention was to make room there since the last copy."""
        self._refusal: DiskFull | None = None

    @property
    def tier_name(self) -> str:
        """The tier's folder, or the address of an archive."""
        return self._tier.name

    @property
    def problem(self) -> StorageError | None:
        """The error that prevents moving now, or kept one file from it, or None. Call from any thread."""
        since_s = self._moving_s
        if since_s is not None and self._tier.archive is None and self._clock.mono_s() - since_s > _HANGS_S:
            return StorageError(self._tier.name, "it isn't responding")
        return self._problem

    def start(self, engine: Engine) -> None:
        engine.start(f"{self.name} {self._tier.name}", lambda: self)

    def step(self) -> float:
        try:
            moved = self.move()
        except StorageError as error:
            if self._problem is None or isinstance(self._problem, FileUnreadable):
                log.warning("cannot move segments to %s: %s", self._tier.name, error)
            self._problem = error
            return _EVERY_S
        finally:
            self._moving_s = None
        self._problem = self._unreadable
        return _SOON_S if moved == _AT_ONCE else _EVERY_S

    def look_again(self) -> None:
        """Start from the oldest recording again: some were listed late. Call from any thread."""
        self._looked_on = None

    def close(self) -> None:
        """No effect."""

    def move(self) -> int:
        """Move some segments. Return their number. Raises StorageError; the current segment then stays in place.

        One that can't be read stays too, without an error, and is tried again an hour later.
        """
        self._moving_s = self._clock.mono_s()
        check_present(self._tier)
        if self._tier.refused_bytes:  # retention hasn't run yet
            return 0
        self._replaceable_bytes.clear()
        if self._unreadable is not None and self._moving_s >= self._again_s:
            self._unreadable, self._looked, self._looked_later = None, None, None
        if self._passed_s is not None and self._moving_s >= self._passed_s + _PLAN_AGAIN_S:
            self._passed_s, self._looked, self._looked_later = None, None, None
        count = 0
        for segment, source in self._due():
            try:
                self._move(segment, source)
            except FileUnreadable as error:
                self._go_past(error)
                continue
            except _Awaited:
                break
            except _GoesFirst:
                self._moving_s = self._clock.mono_s()
                self._passed_s = self._moving_s if self._passed_s is None else self._passed_s
                continue
            self._moving_s = self._clock.mono_s()
            if segment.end_ms <= self._clock.now_ms():
                self._looked = segment
            count += 1
            if count == _AT_ONCE:
                break
        return count

    def _due(self) -> Iterator[tuple[Segment, Volume]]:
        now_ms, need_bytes, sources = self._clock.now_ms(), self._need_bytes(), tuple(self._sources())
        is_set_back = self._looked is not None and self._looked.end_ms > now_ms
        if is_set_back or sources != self._looked_on:  # one that is back, or joined, has segments that were passed over
            self._looked, self._looked_later, self._looked_on = None, None, sources
        has_folder = lru_cache(maxsize=64)(_has_folder)
        while page := self._index.oldest_segments(_ROWS_AT_ONCE, after=self._looked):
            for segment in page:
                is_due = segment.end_ms <= now_ms - self._after_s * 1000
                if not is_due and (need_bytes <= 0 or segment.end_ms > now_ms - _LEAST_MS):
                    yield from self._later(now_ms, need_bytes, sources[0], has_folder)
                    return
                for source in sources:
                    if has_folder(source, parent_of(segment.path)) and source.disk.entry(segment.path) is not None:
                        need_bytes -= segment.size_bytes if source is sources[0] else 0
                        yield segment, source
                self._looked = segment

    def _later(
        self, now_ms: int, need_bytes: int, source: Volume, has_folder: Callable[[Volume, str], bool]
    ) -> Iterator[tuple[Segment, Volume]]:
        """Yield what is later than the clock where the main disk lacks space: of their age, nothing is known."""
        after, looked = ended_at(now_ms + LATER_MS), self._looked_later
        if looked is not None and looked.end_ms > after.end_ms:
            after = looked
        while page := self._index.oldest_segments(_ROWS_AT_ONCE, after=after):
            for segment in page:
                if need_bytes <= 0:
                    return
                if has_folder(source, parent_of(segment.path)) and source.disk.entry(segment.path) is not None:
                    need_bytes -= segment.size_bytes
                    yield segment, source
                self._looked_later = after = segment

    def _need_bytes(self) -> int:
        space = self._sources()[0].space()
        return round(space.total_bytes * (self._contract().everyone.free_share + _SPARE_SHARE)) - space.free_bytes

    def _check_space(self, segment: Segment) -> int:
        """Return the bytes on the tier that go before `segment`; 0: it has space. Raise TierFull if they are too few.

        _GoesFirst: if that is no more than retention's order. If the main disk lacks space too, something must go: the
        first in this order, though it is promised.
        """
        rules, space = self._contract(), self._tier.space()
        kept_free_bytes = round(space.total_bytes * rules.everyone.free_share)
        if self._is_refused:  # as at a quota, which the disk doesn't say
            space = space._replace(free_bytes=min(space.free_bytes, kept_free_bytes))
        lacking_bytes = kept_free_bytes + segment.size_bytes - space.free_bytes
        if lacking_bytes <= 0:
            return 0
        kind, is_pressed, now_s = self._kind(segment, rules), self._need_bytes() > 0, self._clock.mono_s()
        if lacking_bytes <= self._replaceable_bytes.get(kind, 0):
            return self._replaceable_bytes[kind]
        full = self._full.get(kind)
        is_known = full is not None and (full.rules, full.is_pressed) == (rules, is_pressed)
        if full is None or not is_known or space.free_bytes > full.free_bytes or now_s >= full.until_s:
            removals = self._replaceable(segment, space, rules, is_pressed=is_pressed)
            before = [*takewhile(lambda one: one.id != segment.id, removals)]
            self._replaceable_bytes[kind] = sum(one.size_bytes for one in before)
            if lacking_bytes <= self._replaceable_bytes[kind]:
                return self._replaceable_bytes[kind]
            is_in_order = len(before) + 1 < len(removals)
            full = _Full(space.free_bytes, rules, is_pressed, now_s + _PLAN_AGAIN_S, is_in_order)
            self._full[kind] = full
        raise _GoesFirst if full.is_in_order else TierFull(self._tier.name)

    def _kind(self, segment: Segment, rules: RetentionContract) -> _Kind:
        keep = rules.of(segment.camera, segment.stream)
        events = events_at(self._index, segment.camera, segment.span)
        promised_s = max(keep.min_s, *(keep.event_s(one.kind) for one in events), 0.0)
        return segment.stream, bool(events), any(one.kept for one in events), promised_s

    def _replaceable(
        self, segment: Segment, space: DiskCapacity, rules: RetentionContract, *, is_pressed: bool
    ) -> list[Segment]:
        """Return what retention would delete on the tier, in its order, if this segment were there too."""
        age_s = (self._clock.now_ms() - segment.end_ms) / 1000
        least_s = age_s if is_pressed else max(age_s, min(keep.min_s for keep in rules.each()))
        later_bytes = (_AT_ONCE + 1) * segment.size_bytes  # one plan for all of a kind that move at once
        wanted = space._replace(free_bytes=space.free_bytes - later_bytes)
        own = {camera: _without_limits(keep) for camera, keep in rules.cameras.items()}
        plan = RemovalPlanner(
            RetentionContract(_without_limits(rules.everyone), own),
            self._index,
            [(wanted, lambda one: one.id == segment.id or self._holds(one))],
            self._clock.now_ms(),
            RemovalConditions(least_s=least_s),
        ).plan()
        return [one.segment for one in takewhile(lambda one: is_pressed or not one.breaks_promise, plan.removals)]

    def _holds(self, segment: Segment) -> bool:
        return self._tier.disk.entry(segment.path) is not None

    def _go_past(self, error: FileUnreadable) -> None:
        log.warning("cannot move a file to %s: %s", self._tier.name, error)
        self._moving_s = self._clock.mono_s()
        if self._unreadable is None:
            self._unreadable, self._again_s = error, self._moving_s + _AGAIN_S

    def _move(self, segment: Segment, source: Volume) -> None:
        path, archive = segment.path, self._tier.archive
        folder = parent_of(path)
        there, here = self._tier.disk.entry(path), source.disk.entry(path)
        if here is None:
            return
        if archive is not None:
            self._store(path, source)
        elif there is None or there.size_bytes != here.size_bytes:
            self._copy(segment, source)
        else:
            self._copy_keys(segment, source)
        source.disk.unlink(path)
        source.disk.sync_folder(folder)
        tidy(source, self._clock, [folder], kept_days={parent_of(folder)})

    @property
    def _is_refused(self) -> bool:
        return self._clock.mono_s() < self._refused_until_s

    def _copy(self, segment: Segment, source: Volume) -> None:
        """Raises _Awaited if retention is to make room there first; DiskFull if it had, in vain.

        It is asked once until a copy succeeds: a disk that refuses everything would lose all it has.
        """
        if self._is_refused and self._refusal is not None:
            raise self._refusal.with_traceback(None)
        replaceable_bytes = self._check_space(segment)
        if not self._is_refused:
            try:
                self._copy_whole(segment, source)
            except DiskFull as error:
                self._refused_until_s = self._clock.mono_s() + _PLAN_AGAIN_S
                if self._has_asked:
                    self._refusal = error
                    raise
                replaceable_bytes = self._check_space(segment)
            else:
                self._refusal, self._has_asked = None, False
                return
        self._ask_for_room(segment, replaceable_bytes)
        raise _Awaited

    def _copy_whole(self, segment: Segment, source: Volume) -> None:
        folders, folder = self._tier.open_folders, parent_of(segment.path)
        folders.enter(folder)  # a start then finds an incomplete copy
        try:
            self._copy_keys(segment, source)
            copy(source, self._tier, segment.path)
        except (FileUnreadable, DiskFull):
            folders.leave(folder)
            raise
        folders.leave(folder)
        folders.save()

    def _copy_keys(self, segment: Segment, source: Volume) -> None:
        if is_sealed(segment.path):  # readers look for them on the file's own volume
            copy_keys(keys_path(segment.camera, segment.start_ms), source, self._tier)

    def _ask_for_room(self, segment: Segment, replaceable_bytes: int) -> None:
        self._refused_until_s, self._has_asked = -math.inf, True  # the next copy shows it
        most_bytes = max(segment.size_bytes, self._tier.space().total_bytes // _REFUSED_SHARE)
        self._tier.refused_bytes = min(replaceable_bytes, most_bytes)
        self._wake()

    def _store(self, path: str, source: Volume) -> None:
        archive = self._tier.archive
        assert archive is not None
        try:
            archive.store(path, source.own_path(path))
        except StorageUnavailable:
            raise
        except StorageError as error:
            if error.where == str(source.root / path):
                raise FileUnreadable(error.where, error.detail) from error
            raise


def _without_limits(keep: RetentionRule) -> RetentionRule:
    """Return the rule for free space alone: what goes for others does so wherever it is."""
    sub = None if keep.sub is None else _without_limits(keep.sub)
    return replace(keep, max_s=None, size_bytes=None, count=None, sub=sub)


def copy_keys(path: str, source: Volume, target: Volume) -> None:
    """Copy the key ring of a day. Keys that only the target's ring has stay in it. Raises StorageError."""
    if source.disk.entry(path) is None:
        return
    ring, there = read_source(source, path), b""
    if target.disk.entry(path) is not None:
        there = target.disk.read(path)
    known = read_ring(ring)
    ending = b"\n" if ring and not ring.endswith(b"\n") else b""
    more = (line.text() for commit, line in read_ring(there).items() if commit not in known)
    merged = ring + ending + b"".join(more)
    if merged != there:
        target.write_whole(path, merged)


def _has_folder(volume: Volume, folder: str) -> bool:
    return volume.disk.entry(folder) is not None
