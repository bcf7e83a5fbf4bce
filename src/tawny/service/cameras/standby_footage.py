"""Places what the standby recorded into this recorder's gaps, and says in the gaps who was part of it.

Both recorders recorded the camera for a while after this one was back. Frames that both have show how far the standby's
clock is ahead, as with a camera's card; without such frames, what the line says of its clock counts.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tawny.config.settings import Settings
from tawny.engine import Bus
from tawny.events.modes import BY_PRESENCE, BY_SCHEDULE, ModeSnapshot
from tawny.fleet.standby_member import NotNow
from tawny.fleet.standby_store import Takeover
from tawny.media.mp4.segment_reader import SegmentReader, read_segment, samples
from tawny.model.errors import FileDamaged, NotDone
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import GapChanged
from tawny.model.packets import SourcePacket
from tawny.model.segments import BY_CHOICE, STANDBY_RUN, Gap, GapReason
from tawny.model.times import Clock, Span
from tawny.recorder.card_footage import CardClock, CardWriter, FrameMark, UnfitFootage, frame_digest, offset_ms
from tawny.recorder.stream_writer import SegmentCloser, StreamWriter
from tawny.service.cameras.card_session import recorded_marks
from tawny.service.cameras.duty import by_mode
from tawny.service.cameras.fillable_gaps import choices_beside, fillable_by_standby, pieces_of
from tawny.service.cameras.gap_filler import GapFiller, is_masked
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.protocol import Index
from tawny.storage.sealing.epoch_keys import EpochKeys
from tawny.storage.segments.metadata import about_of

PART_MS: Final = 120_000
"""Most that is fetched and placed at once."""
_EDGE_MS: Final = 12_000
_SLACK_MS: Final = 3_000
"""Time around a takeover in which gaps belong to it: both clocks may differ."""
_KNOWN_MS: Final = 5_000
"""A choice not to record that began longer before the recorder fell silent was in its plan at the standby."""
_MOST_OFF_MS: Final = 1_000
"""How much frames that both have may differ from what the line says of the standby's clock: others only look alike."""
_MARK: Final = "; the standby "


@dataclass(frozen=True, slots=True)
class PlacingServices:
    """What placing needs. own_name: of this recorder. modes: latest states with their begin, newest first."""

    settings: Callable[[], Settings]
    own_name: Callable[[], str]
    volume: Volume
    index: Index
    ledger: HistoryLedger
    bus: Bus
    clock: Clock
    seals: EpochKeys | None
    filler: GapFiller
    modes: Callable[[], Sequence[tuple[int, ModeSnapshot]]]


class StandbyFootage:
    """Implements `FootagePlacer`."""

    def __init__(self, services: PlacingServices) -> None:
        self._of = services
        history = services.seals.history if services.seals is not None else None
        self._closing = SegmentCloser(services.index, services.bus, history)

    def explain(self, takeover: Takeover, standby: str) -> None:
        """See `FootagePlacer.explain`."""
        settings = self._of.settings()
        camera = settings.cameras.get(takeover.camera)
        sealed = ", encrypted" if settings.is_sealed(takeover.camera) else ""
        if camera is not None and is_masked(camera):
            sealed = ", with areas burned in"
        also = f"{_MARK}{standby} recorded for {self._of.own_name()}{sealed}"
        for gap in self._gaps(takeover):
            if _MARK not in gap.detail:
                self._put([replace(gap, detail=f"{gap.detail or gap.reason.value}{also}")])

    def missing(self, takeover: Takeover) -> Sequence[Span]:
        """See `FootagePlacer.missing`. Nothing of encrypted cameras: only people with a key can open it.

        Nor of those whose privacy masks are burned in: the standby may have recorded by masks that were others.
        """
        settings = self._of.settings()
        camera = settings.cameras.get(takeover.camera)
        if camera is None or settings.is_sealed(takeover.camera) or is_masked(camera):
            return []
        within = Span(takeover.begin_ms, max(takeover.begin_ms, takeover.end_ms or 0))
        gaps = self._of.index.gaps(CameraId(takeover.camera), within)
        if any(gap.end_ms is None and gap.reason not in BY_CHOICE and not gap.is_start for gap in gaps):
            raise NotNow(f"A gap of {takeover.camera} still lasts.", "Try again later.")
        return [part for _, hole in self._holes(takeover) for part in _parts(hole)]

    def place(self, camera: str, hole: Span, files: Sequence[Path], ahead_ms: int, standby: str) -> None:
        """See `FootagePlacer.place`."""
        name, settings = CameraId(camera), self._of.settings().cameras.get(camera)
        if settings is None or is_masked(settings):  # changed meanwhile
            raise NotDone("What the standby recorded can't be used: its masks may be others.", "It stays there.")
        gaps = [gap for gap in self._of.index.gaps(name, hole) if gap.reason not in BY_CHOICE]
        reading = [one for path in files if (one := _Footage.read(path)) is not None]
        theirs = [mark for one in reading for mark in one.marks()]
        with self._of.filler.leave_to_standby(name, hole):
            known = self._known(name, hole)
            writer, is_there = self._writer(name, hole, theirs, known, ahead_ms)
            try:
                for one in reading:
                    for packet in one.packets():
                        writer.add(packet)
            except (UnfitFootage, FileDamaged) as error:
                raise NotDone(f"What the standby recorded can't be used: {error}.", "It stays there.") from error
            finally:
                writer.finish()
                self._closing.retry()
                for gap in gaps:
                    self._note(gap, standby, is_there=is_there)
        if is_there and not writer.written:
            why = writer.refused or "its frames don't fit"
            raise NotDone(f"What the standby recorded can't be used: {why}.", "It stays there.")

    # --- internal

    def _holes(self, takeover: Takeover) -> list[tuple[Gap, Span]]:
        now_ms = self._of.clock.now_ms()
        within, name = _within(takeover, now_ms), CameraId(takeover.camera)
        begin_ms = takeover.begin_ms - _SLACK_MS  # nothing is there before
        found = []
        for gap, hole in fillable_by_standby(self._of.index, name, within, now_ms):
            choices = choices_beside(self._of.index, gap)
            if not all(_was_known(choice, gap, takeover) for choice in choices):
                continue
            if any(self._may_be_by_person(choice, gap) for choice in choices):
                continue
            whole = Span(min(begin_ms, within.end_ms), within.end_ms)
            part = _chosen_time(takeover, now_ms) if choices else whole
            if (cut := hole.cut_to(part)) is not None:
                found.append((gap, cut))
        return found

    def _may_be_by_person(self, choice: Gap, gap: Gap) -> bool:
        """Return whether a person may have moved the end of a choice next to a gap, which leaves no trace in it."""
        begin_ms = min(gap.begin_ms, choice.begin_ms if choice.end_ms is None else choice.end_ms)
        end_ms = max(gap.begin_ms if gap.end_ms is None else gap.end_ms, choice.begin_ms)
        states = self._of.modes()
        before = next((at_ms for at_ms, _ in states if at_ms <= begin_ms), None)
        if before is None:  # forgotten
            return True
        meanwhile = [was for at_ms, was in states if before <= at_ms <= end_ms]
        if any(was.by not in (BY_SCHEDULE, BY_PRESENCE) for was in meanwhile):
            return True
        if choice.reason is GapReason.PRIVACY:  # else a pause
            return choice.detail not in {by_mode(was.mode) for was in meanwhile}
        return choice.reason is GapReason.OFF and bool(choice.detail)  # who stopped all recording for a while

    def _gaps(self, takeover: Takeover) -> list[Gap]:
        found = self._of.index.gaps(CameraId(takeover.camera), _within(takeover, self._of.clock.now_ms()))
        return [one for one in found if one.reason not in BY_CHOICE and not one.is_start]

    def _known(self, camera: CameraId, hole: Span) -> list[FrameMark]:
        around = Span(max(0, hole.begin_ms - _EDGE_MS), hole.begin_ms), Span(hole.end_ms, hole.end_ms + _EDGE_MS)
        return [mark for span in around for mark in recorded_marks(self._of.volume, self._of.index, camera, span)]

    def _writer(
        self, camera: CameraId, hole: Span, theirs: Sequence[FrameMark], known: Sequence[FrameMark], ahead_ms: int
    ) -> tuple[CardWriter, bool]:
        """Return what writes the footage, and whether there is any of this part."""
        offset = offset_ms(known, theirs)
        if offset is not None and abs(offset - ahead_ms) > _MOST_OFF_MS:
            offset = None
        ahead = float(ahead_ms) if offset is None else offset
        clock = CardClock(((hole.begin_ms + ahead, ahead),), is_matched=offset is not None)
        of, settings = self._of, self._of.settings()
        stream = StreamWriter(of.volume, of.index, self._closing, camera, StreamName.MAIN, of.seals)
        made = CardWriter(stream, clock, hole, known, settings.cameras[camera].orientation, STANDBY_RUN)
        return made, any(hole.begin_ms <= clock.wall_ms(one.at_ms) < hole.end_ms for one in theirs)

    def _note(self, gap: Gap, standby: str, *, is_there: bool) -> None:
        """Replace a gap by what the standby had and what is lost for good. is_there: it had frames of this part."""
        was, own = gap.detail.partition(_MARK)[0], self._of.own_name()
        made = []
        for one in pieces_of(self._of.index, replace(gap, detail=was), self._of.clock.now_ms()):
            detail = f"{was}{_MARK}{standby} took over from {own}"
            if one.reason is GapReason.FILLED:
                detail = f"recorded by the standby {standby} for {own}; before: {one.detail}"
            made.append(replace(one, detail=detail))
        if not made and not is_there:
            made = [replace(gap, detail=f"{was}{_MARK}{standby} has no recording of it")]
        self._put(made)

    def _put(self, gaps: Sequence[Gap]) -> None:
        with self._of.ledger.together():
            for one in gaps:
                self._of.ledger.put_gap(one)
        for one in gaps:
            self._of.bus.publish(GapChanged(one))


@dataclass(frozen=True, slots=True)
class _Footage:
    """A file of the standby. start_ms: its begin by the standby's clock."""

    segment: SegmentReader
    start_ms: int

    @classmethod
    def read(cls, path: Path) -> "_Footage | None":
        """Return None for a file that can't be used."""
        try:
            segment = read_segment(path)
        except FileDamaged:
            return None
        about = about_of(segment.about)
        return None if about is None else cls(segment, about.start_ms)

    def packets(self) -> Iterator[SourcePacket]:
        """Yield packets whose times are UTC by the standby's clock. Raises FileDamaged."""
        for sample in samples(self.segment, self.segment.fragments):
            format_ = self.segment.video if sample.is_video else self.segment.audio
            if format_ is not None:
                pts = self.start_ms * format_.rate // 1000 + sample.pts
                yield SourcePacket(format_, sample.data, pts, sample.is_keyframe)

    def marks(self) -> Iterator[FrameMark]:
        for one in self.packets():
            if one.is_video:
                with suppress(ValueError):  # a damaged frame
                    yield FrameMark(one.pts * 1000 / one.format.rate, frame_digest(one), one.is_keyframe)


def _within(takeover: Takeover, now_ms: int) -> Span:
    """Return the time in which gaps belong to a takeover. This recorder's clock may be behind its begin."""
    begin_ms = max(0, takeover.silent_ms - _SLACK_MS)
    return Span(begin_ms, max(begin_ms, (takeover.end_ms or now_ms) + _SLACK_MS))


def _was_known(choice: Gap, gap: Gap, takeover: Takeover) -> bool:
    """Return whether the standby knew of a choice not to record next to a gap; else it has recorded all the same."""
    if choice.begin_ms < gap.begin_ms:
        return choice.begin_ms + _KNOWN_MS < takeover.silent_ms
    return takeover.is_by_plan and takeover.end_ms is not None and takeover.end_ms + _SLACK_MS < choice.begin_ms


def _chosen_time(takeover: Takeover, now_ms: int) -> Span:
    """Return the time in which a camera was to be recorded, without slack: the rest is private.

    By both clocks if the standby may have gone by its own.
    """
    ahead_ms = 0 if takeover.is_by_recorder else takeover.ahead_ms or 0
    begin_ms = takeover.begin_ms + max(0, ahead_ms)
    return Span(begin_ms, max(begin_ms, (takeover.end_ms or now_ms) + min(0, ahead_ms)))


def _parts(hole: Span) -> Iterator[Span]:
    for begin_ms in range(hole.begin_ms, hole.end_ms, PART_MS):
        yield Span(begin_ms, min(begin_ms + PART_MS, hole.end_ms))
