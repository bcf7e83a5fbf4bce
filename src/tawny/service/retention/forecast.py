"""Storage outlook: how far back recordings will go, whether that suffices, and the sentence that says so.

It is computed here alone; the page, the commands, the API and the warnings show it.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tawny.config.settings import Settings
from tawny.config.units import duration_text, size_text
from tawny.engine import Engine
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import BY_CHOICE, GapReason
from tawny.model.times import Clock, Span, merge_spans, utc_text
from tawny.service.recorder import DiskInfo, RecorderWarning
from tawny.service.retention.promises import Rates, contract, contradictions, limit_conflicts, needed_bytes
from tawny.storage.disk.disk import DiskCapacity, FilesUsedUp
from tawny.storage.disk.secondary_volumes import spaces
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.planning import LATER_MS, RemovalPlan, newest_ms

HOUR_S, DAY_S = 3600.0, 86_400.0
_WEEK_H: Final = 7 * 24
ENOUGH_S = 3600.0
"""Minimum recorded time, s, of a stream before its rate is a figure and no guess."""
UNKNOWN = "It isn't known yet how far back recordings will go. An estimate appears after 1 hour of recording."
IDLE = "Nothing is being recorded, so nothing more will be stored."
ARCHIVED = "Older recordings move to the archive, which has room for all of them."
_NO_LIMIT_BYTES = 1 << 60
_LONGEST_S: Final = 100 * 365 * DAY_S
MOST_LOCKED: Final = 1000
_NOT_RECORDED: Final = BY_CHOICE - {GapReason.REMOVED, GapReason.ENDED, GapReason.FILLED, GapReason.NOT_COPIED}
"""Of times that are a part of the average: their like comes again."""


@dataclass(slots=True)
class _Average:
    """Of one stream.

    bytes_a_second: while it is recorded, over `lasting_s`, at most a day. keyframes: share 0..1 of them at present.
    before: what was recorded before the start and how long that took, s.
    """

    bytes_a_second: float = 0.0
    lasting_s: float = 0.0
    keyframes: float = 0.0
    before: tuple[float, float] = (0.0, 0.0)
    hours: deque[list[float]] = field(default_factory=lambda: deque(maxlen=_WEEK_H))
    """How much of each hour was recorded, and of how much of it that is known, s."""

    def add_recorded(self, recorded_s: float, step_s: float) -> None:
        if not self.hours or self.hours[-1][1] >= HOUR_S:
            self.hours.append([0.0, 0.0])
        self.hours[-1][0] += recorded_s
        self.hours[-1][1] += step_s

    @property
    def known_s(self) -> float:
        return self.before[1] + sum(known_s for _, known_s in self.hours)

    @property
    def recorded_share(self) -> float:
        """Share of the last week in which it was recorded: schedules differ by the day."""
        recorded_s, known_s = (sum(part) for part in zip(*self.hours, strict=True)) if self.hours else (0.0, 0.0)
        before_s, known_before_s = self.before
        if known_before_s:
            part = min(1.0, max(0.0, _WEEK_H * HOUR_S - known_s) / known_before_s)
            recorded_s, known_s = recorded_s + part * before_s, known_s + part * known_before_s
        return recorded_s / known_s if known_s else 0.0


class RateMeter:
    """Average byte rates of the streams: over up to a day of recording, and how much of a week is recorded. One thread.

    A rate of some seconds is that of the moment: motion, rain and the night change it several times. After a start the
    average continues with what the index has of the stream.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._averages: dict[tuple[CameraId, StreamName], _Average] = {}
        self._rates: Rates = {}
        self.is_known = True
        """Whether all streams are known for long enough."""

    def add(self, momentary: Rates, step_s: float, kept: RetentionContract, now_ms: int) -> None:
        """Add the rates of the last step_s, s."""
        for which, (rate, keyframes) in momentary.items():
            average = self._averages.get(which)
            if average is None:
                average = self._averages[which] = self._stored(*which, kept, now_ms)
            average.add_recorded(step_s if rate else 0.0, step_s)
            if rate:
                average.lasting_s = min(average.lasting_s + step_s, DAY_S)
                average.bytes_a_second += (rate - average.bytes_a_second) * step_s / average.lasting_s
                average.keyframes = keyframes / rate
        found = {which: self._averages[which] for which in momentary}
        rates = {which: one.bytes_a_second * one.recorded_share for which, one in found.items()}
        self._rates = {which: (rate, rate * found[which].keyframes) for which, rate in rates.items() if rate}
        self.is_known = all(one.known_s >= ENOUGH_S for one in found.values())

    def rates(self) -> Rates:
        """Return the averages of the streams that are recorded now and then. Call from any thread."""
        return self._rates

    def _stored(self, camera: CameraId, stream: StreamName, kept: RetentionContract, now_ms: int) -> _Average:
        """Return the average of what is stored of a stream, also over the time in which it was not recorded by choice.

        What was reduced to keyframes says nothing about it.
        """
        spans = self._index.spans(camera, stream, Span(0, now_ms))
        if not spans or kept.of(camera, stream).thin_s is not None:
            return _Average()
        begins_ms, recorded_s = spans[0].begin_ms, sum(span.seconds for span in spans)
        gaps = self._index.gaps(camera, Span(begins_ms, max(begins_ms + 1, now_ms)))
        chosen = (gap.span(now_ms) for gap in gaps if gap.reason in _NOT_RECORDED)
        chosen_s = sum(max(0, span.end_ms - max(span.begin_ms, begins_ms)) for span in chosen) / 1000
        if recorded_s + chosen_s < ENOUGH_S:
            return _Average()
        rate = self._index.size_bytes(camera, stream) / recorded_s
        return _Average(rate, min(recorded_s, DAY_S), before=(recorded_s, recorded_s + chosen_s))


@dataclass(frozen=True, slots=True)
class StorageOutlook:
    """sentence: for people. fits: whether all minimum times fit. keeps_s: predicted reach, s.

    full_at_ms: when no space is left and the oldest recordings are deleted, ms UTC; None if it never comes or has come.
    All but the sentence are None while not known.
    """

    sentence: str
    fits: bool | None = None
    keeps_s: float | None = None
    full_at_ms: int | None = None


def storage_outlook(
    kept: RetentionContract, space: DiskCapacity, used_bytes: int, meter: RateMeter, now_ms: int, locked_bytes: int = 0
) -> StorageOutlook:
    """Return the outlook at the average rates of the streams that are recorded now.

    locked_bytes: of recordings of kept events, which make no room.
    """
    rates, rule = meter.rates(), kept.everyone
    if not meter.is_known:
        return StorageOutlook(UNKNOWN)
    if not rates:
        return StorageOutlook(IDLE)
    room_bytes = used_bytes + max(0.0, space.free_bytes - rule.free_share * space.total_bytes)
    if rule.size_bytes is not None:
        room_bytes = min(room_bytes, rule.size_bytes)
    room_bytes, used_bytes = max(0.0, room_bytes - locked_bytes), max(0, used_bytes - locked_bytes)
    rate, need_bytes = sum(each for each, _ in rates.values()), needed_bytes(kept, rates)
    reach_s = _reach_s(kept, rates, room_bytes)
    full_at_ms = now_ms + round((room_bytes - used_bytes) / rate * 1000) if used_bytes < 0.98 * room_bytes else None
    if need_bytes > room_bytes:
        reach_s = room_bytes / rate if reach_s is None else reach_s
        sentence = (
            f"Recordings will go back {reach_text(reach_s)}, less than the minimum retention: it needs "
            f"{size_text(need_bytes)}, and {size_text(room_bytes)} are available."
        )
        return StorageOutlook(sentence, fits=False, keeps_s=reach_s, full_at_ms=full_at_ms)
    if reach_s is None:
        return _limited_outlook(kept, rates)
    if full_at_ms is None:
        sentence = f"Recordings go back {reach_text(reach_s)}. The oldest are deleted to make room."
    else:
        sentence = f"Recordings will go back {reach_text(reach_s)}. Then the oldest are deleted to make room."
    return StorageOutlook(sentence, fits=True, keeps_s=reach_s, full_at_ms=full_at_ms)


def _limited_outlook(kept: RetentionContract, rates: Rates) -> StorageOutlook:
    """Return the outlook where the limits of the cameras keep the disk from filling up."""
    amounts = _amounts(kept, rates, _LONGEST_S)
    shown = {
        (camera, stream)
        for camera, stream in rates
        if stream is StreamName.MAIN or (camera, StreamName.MAIN) not in rates
    }
    reaches = [round(amounts[one] / rates[one][0]) for one in shown]
    longest_s = float(max(reaches))
    if {*reaches, *(round(kept.of(*one).max_s or 0.0) for one in shown)} == {longest_s}:
        sentence = f"Recordings are kept {duration_text(longest_s)}, the maximum retention. The disk will not fill up."
    else:
        reach = reach_text(longest_s)
        sentence = f"Recordings will go back {reach}, as far as the cameras' limits allow. The disk will not fill up."
    return StorageOutlook(sentence, fits=True, keeps_s=longest_s)


def _reach_s(kept: RetentionContract, rates: Rates, room_bytes: float) -> float | None:
    """Return how far back recordings go that fill the room, s. None: the limits of the cameras don't let them."""
    own = [keep.size_bytes for camera, stream, keep in kept.limits() if (camera, stream) != (None, None)]
    if not any(own) and all(kept.of(*one).max_s is None for one in rates):
        return room_bytes / sum(rate for rate, _ in rates.values())
    if sum(_amounts(kept, rates, _LONGEST_S).values()) <= room_bytes:
        return None
    low_s, high_s = 0.0, _LONGEST_S
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) / 2
        if sum(_amounts(kept, rates, middle_s).values()) > room_bytes:
            high_s = middle_s
        else:
            low_s = middle_s
    return low_s


def _amounts(kept: RetentionContract, rates: Rates, reach_s: float) -> dict[tuple[CameraId, StreamName], float]:
    """Return the bytes of each stream if recordings go back that far, or as far as the camera's own limits allow."""
    limits = {one: kept.of(*one).max_s for one in rates}
    found = {one: rate * min(reach_s, limits[one] or reach_s) for one, (rate, _) in rates.items()}
    for camera, stream, keep in kept.limits():
        if keep.size_bytes is None or (camera, stream) == (None, None):  # the latter: the room for all
            continue
        mine = [one for one in found if camera in (None, one[0]) and stream in (None, one[1])]
        share = keep.size_bytes / max(1.0, sum(found[one] for one in mine))
        found |= {one: found[one] * min(1.0, share) for one in mine}
    return found


def archived_outlook(
    kept: RetentionContract, used_bytes: int, meter: RateMeter, now_ms: int, locked_bytes: int = 0
) -> StorageOutlook:
    """Return the outlook with an archive, which has room for everything: only the rules limit how far it goes back."""
    rule = kept.everyone
    if rule.max_s is None and rule.size_bytes is None:
        return StorageOutlook(ARCHIVED, fits=True)
    return storage_outlook(kept, DiskCapacity(_NO_LIMIT_BYTES, 0), used_bytes, meter, now_ms, locked_bytes)


def locked_recordings(index: Index, now_ms: int) -> tuple[int, int]:
    """Return the number of kept events, at most MOST_LOCKED, and the bytes of their recordings."""
    page = index.events(Span(0, now_ms + 1), only="kept", limit=MOST_LOCKED)
    of_each: dict[CameraId, list[Span]] = {}
    for event in page.events:
        end_ms = max(event.start_ms + 1, event.end_ms or now_ms)
        of_each.setdefault(event.camera, []).append(Span(event.start_ms, end_ms))
    rows = {
        row.id: row.size_bytes
        for camera, spans in of_each.items()
        for span in merge_spans(spans)
        for row in index.segments(camera, None, span)
    }
    return len(page.events), sum(rows.values())


def reach_text(seconds: float) -> str:
    """Return `about 11 days`, `about 5 hours` or `about 90 minutes`: rounded down, so that it promises no more."""
    if seconds >= 2 * DAY_S:
        return f"about {seconds // DAY_S:.0f} days"
    if seconds >= 2 * 3600:
        return f"about {seconds // 3600:.0f} hours"
    return f"about {max(10, seconds // 600 * 10):.0f} minutes"


# Free space: usage and forecast of the disks, measured periodically and served from memory.

LOOK_S = 20.0
_LOCKED_S: Final = 600.0
NEARLY_FULL = 0.02
"""Free share of the disk below which the user must act if nothing more can be removed."""
MORE_ROOM = (
    "Lower `storage.retention.min`, record less, reduce to keyframes earlier (`keyframes_after`), or add a larger disk."
)

LATER_ADVICE = (
    "Set the clock. If it is right, delete them with `tawny delete --from TIME --to TIME`. Until then, they count as "
    "made when this run of the recorder began, or when the clock was set back."
)

UPLOAD_SOONER = (
    "See Settings > Notifications and uploads for what keeps the uploads from being sent, or add a larger disk."
)


class FreeSpace:
    """Measures free space as an actor. Read `figures` and `warnings` from any thread.

    momentary: returns the present bytes per second by stream. unsent: how many recordings retention removed before
    their upload within the last day.
    """

    name = "room"

    def __init__(
        self,
        volume: Volume,
        index: Index,
        clock: Clock,
        settings: Callable[[], Settings],
        last_plan: Callable[[], RemovalPlan | None],
        momentary: Callable[[], Rates],
        unsent: Callable[[], int] = lambda: 0,
    ) -> None:
        self._unsent = unsent
        self._volume, self._index, self._clock = volume, index, clock
        self._settings, self._last_plan, self._momentary = settings, last_plan, momentary
        self._meter = RateMeter(index)
        self._locked = -math.inf, 0
        """When to measure what is kept again, s monotonic, and its bytes."""
        self.figures: DiskInfo | None = None
        self.warnings: tuple[RecorderWarning, ...] = ()

    def start(self, engine: Engine) -> None:
        engine.start(self.name, lambda: self)

    def rates(self) -> Rates:
        """Return the average bytes per second of the streams that are recorded now."""
        return self._meter.rates()

    def step(self) -> float:
        stored_bytes, settings = self._index.size_bytes(), self._settings()
        archived = [one.archive.objects.size_bytes for one in self._volume.others if one.archive is not None]
        used_bytes = max(0, stored_bytes - sum(archived))
        space = _space(self._volume)
        kept, now_ms = contract(settings), self._clock.now_ms()
        self._meter.add(self._momentary(), LOOK_S, kept, now_ms)
        if archived:
            outlook = archived_outlook(kept, stored_bytes, self._meter, now_ms, self._locked_bytes(now_ms))
        else:
            outlook = storage_outlook(kept, space, used_bytes, self._meter, now_ms, self._locked_bytes(now_ms))
        days = None if outlook.keeps_s is None else outlook.keeps_s / DAY_S
        self.figures = DiskInfo(
            space.free_bytes, space.total_bytes, used_bytes, outlook.full_at_ms, days, outlook.fits, outlook.sentence
        )
        self.warnings = tuple(self._warnings(settings, outlook))
        return LOOK_S

    def _locked_bytes(self, now_ms: int) -> int:
        if self._clock.mono_s() >= self._locked[0]:
            self._locked = self._clock.mono_s() + _LOCKED_S, locked_recordings(self._index, now_ms)[1]
        return self._locked[1]

    def close(self) -> None:
        """No resources to release."""

    def _warnings(self, settings: Settings, outlook: StorageOutlook) -> Iterator[RecorderWarning]:
        yield from contradictions(settings)
        latest_ms = newest_ms(self._index, map(CameraId, [*settings.cameras, *settings.removed_names]))
        if latest_ms > self._clock.now_ms() + LATER_MS:
            day = utc_text(latest_ms)[:10]
            yield RecorderWarning(
                f"There are recordings of later than now, up to {day}: the clock is wrong, or was when they were made.",
                LATER_ADVICE,
            )
        plan = self._last_plan()
        space = self._volume.space()
        if space.has_few_files and not _is_nearly_full(space):
            yield RecorderWarning("Hardly any more files fit on the disk: few inodes are left.", FilesUsedUp.advice)
        if plan is not None and plan.breaks_promise and not settings.storage.retention.min:
            do = "Lower the minimum retention, record less, or add a larger disk."
            yield RecorderWarning("There isn't enough space to keep recordings as long as the settings say.", do)
        elif plan is not None and plan.breaks_promise:
            promised = duration_text(settings.storage.retention.min)
            yield RecorderWarning(f"There isn't enough space to keep everything for {promised}.", MORE_ROOM)
        elif outlook.fits is False:
            yield RecorderWarning(outlook.sentence, MORE_ROOM)
        if unsent := self._unsent():
            many = "1 recording was" if unsent == 1 else f"{unsent} recordings were"
            yield RecorderWarning(
                f"Within the last day, {many} deleted for lack of space before being uploaded.", UPLOAD_SOONER
            )
        if outlook.fits is not None:
            yield from limit_conflicts(contract(settings), self._meter.rates())
        if plan is not None and plan.missing_bytes and _is_nearly_full(space):
            do = "Delete other files on it. Most of the space isn't used by tawny."
            yield RecorderWarning("The disk is almost full, and tawny can't delete anything else.", do)


def _is_nearly_full(disk: DiskCapacity) -> bool:
    return disk.free_bytes < NEARLY_FULL * disk.total_bytes


def _space(volume: Volume) -> DiskCapacity:
    """Return the space for recordings: without spares, which are used only while the main disk can't be written.

    Folders on one disk share its space. Raises StorageError for the main volume only.
    """
    found = [(one, space) for one, space in spaces(volume) if one not in volume.spares]
    disks = {_device(one): space for one, space in reversed(found)}
    return DiskCapacity(sum(one.free_bytes for one in disks.values()), sum(one.total_bytes for one in disks.values()))


def _device(volume: Volume) -> object:
    try:
        return volume.root.stat().st_dev
    except OSError:
        return volume
