"""Fills gaps from what cameras have recorded on their own cards (ONVIF Profile G). One actor, one camera at a time.

Everything is found again after a restart: a gap that is not filled is in the index, and so is what was stored of it. It
works only while all is well: live recording and the camera come first.
"""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import quote

from tawny.config.settings import CameraSettings, Settings
from tawny.engine import Bus, Engine, Handle
from tawny.engine.backoff import Backoff
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.errors import NotDone, SourceError, StorageError
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.messages import GapChanged
from tawny.model.packets import Packet, SourcePacket
from tawny.model.segments import BY_CHOICE, FILL_SLACK_MS, Gap, GapReason, gap_words, is_from_card
from tawny.model.states import ON_WATCH, CameraState, CameraStatus
from tawny.model.times import Clock, Span, merge_spans, missing_spans
from tawny.protocols.login_history import LoginHistory
from tawny.recorder.card_footage import CardClock, CardWriter, FrameMark, UnfitFootage, frame_digest, offset_ms
from tawny.recorder.recorder import SegmentRecorder
from tawny.recorder.stream_writer import SegmentCloser, StreamWriter
from tawny.sources.onvif import OnvifCamera, OnvifService
from tawny.sources.onvif_recordings import CameraCard, CardRecording, replay_place
from tawny.sources.rtsp.address import RtspAddress, parse_rtsp
from tawny.sources.rtsp.client.replay import ReplayConnection, ReplayRequest
from tawny.sources.rtsp.client.session import StreamMemory
from tawny.sources.rtsp.source import DEFAULTS
from tawny.sources.source import IdleUntil
from tawny.storage.disk.layout import is_sealed
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.protocol import Index
from tawny.storage.sealing.epoch_keys import EpochKeys
from tawny.stream.hub import Hub

log = logging.getLogger(__name__)

BYTES_PER_S: Final = 2_000_000
"""Most that is fetched from all cameras together: 16 Mbit/s."""
LEAST_MS: Final = 500
"""Shorter gaps are left: a restart of a connection."""
BACK_MS: Final = 7 * 86_400_000
"""Older gaps are left, unless they are asked for by hand."""
SETTLES_S: Final = 8.0
"""Time after a gap's end, s, until it is filled: the card and the own files must have what follows."""
_LOOK_S: Final = 5.0
_CALM_S: Final = 2.0
_CHECK_S: Final = 1.0
_MOST_TRIES: Final = 6
"""Number of times that a gap is looked for on a card that should have it, and sends nothing of it."""
_EDGE_MS: Final = 12_000
"""Recorded time at each edge of a gap that is compared with the card."""
_WIDTHS_MS: Final = (6_000, 150_000)
"""How wrong the camera's clock may have been, tried in this order."""
_LEAD_MS: Final = 12_000
"""Footage asked for before a gap if no keyframe is known there: its first frame needs one."""
_WAIT_S: Final = 0.02
_REMEMBERED, _MOST_MARKS = 400, 3_000
_RING_S: Final = 60.0
_DECIDED: Final = "stopped by a user"
"""A recorder that a user stopped was not to record."""

FillState = Literal["filling", "waiting", "gone", "unable"]

STATE_TEXTS: Final[dict[FillState, str]] = {
    "filling": "Filling a gap from the camera's card.",
    "waiting": "A gap will be filled from the camera's card when all is well.",
    "gone": "The camera's card doesn't have what is missing.",
    "unable": "This camera doesn't offer what is on its card, so gaps can't be filled. Turn off `fill_gaps`.",
}


@dataclass(frozen=True, slots=True)
class FillProgress:
    """State of one camera. left_s: missing time that may still be filled. why: what is wrong; empty if nothing."""

    camera: CameraId
    state: FillState
    left_s: float
    filled_s: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class FillServices:
    """What filling needs.

    hub: returns the live packets of a camera's main stream; None without one. show: shows people a camera's progress;
    empty if there is none.
    """

    settings: Callable[[], Settings]
    statuses: Callable[[], Sequence[CameraStatus]]
    hub: Callable[[CameraId], Hub | None]
    show: Callable[[CameraId, str], None]
    recorder: SegmentRecorder
    volume: Volume
    index: Index
    ledger: HistoryLedger
    bus: Bus
    clock: Clock
    logins: LoginHistory
    seals: EpochKeys | None


class _Postponed(Exception):
    """Filling stops for now. The message says why."""


Waits = Generator[float, None, None]
"""Yields how long to wait, s, before it goes on."""


@dataclass(slots=True)
class _Known:
    """State of one camera's gaps."""

    backoff: Backoff
    due_s: float = 0.0
    state: FillState | None = None
    why: str = ""
    asked: Span | None = None
    """Time asked for by hand."""
    filled_ms: int = 0
    left_ms: int = 0


@dataclass(slots=True)
class _Edges:
    """Frames of an encrypted camera next to its gaps. number: of the newest packet looked at."""

    marks: Sequence[FrameMark] = ()
    number: int = -1
    was_on: bool | None = None
    is_begun: bool = False


class GapFiller:
    """An actor that may block for seconds. Its public methods are thread-safe."""

    name = "gap filler"

    def __init__(self, services: FillServices, bytes_per_s: float = BYTES_PER_S) -> None:
        self._of, self._bytes_per_s = services, bytes_per_s
        seals = services.seals
        self._closing = SegmentCloser(services.index, services.bus, seals.history if seals is not None else None)
        self._known: dict[CameraId, _Known] = {}
        self._gone: set[tuple[CameraId, int]] = set()
        self._work: Waits | None = None
        self._at: CameraId | None = None
        self._onvif: OnvifCamera | None = None
        self._handle: Handle | None = None
        self._is_over = False
        self._checked_s = float("-inf")
        self._edges: dict[CameraId, _Edges] = {}
        self._tries: Counter[tuple[CameraId, int]] = Counter()

    def start(self, engine: Engine) -> None:
        self._handle = engine.start(self.name, lambda: self)

    def ask(self, camera: CameraId, within: Span) -> float:
        """Fill the gaps of a camera in this time soon, asked for by hand. Return the missing time, s.

        Raises NotDone if that is not possible.
        """
        settings = self._of.settings().cameras.get(camera)
        if settings is None:
            raise NotDone(f"No camera named {camera}.", f"Known: {', '.join(self._of.settings().cameras)}.")
        if not settings.onvif:
            raise NotDone(f"{camera} has no ONVIF address.", f"Set `onvif` under `[cameras.{camera}]`.")
        known = self._of_camera(camera)
        known.asked, known.due_s, known.state = within, 0.0, "waiting"
        self._gone = {one for one in self._gone if one[0] != camera}
        if self._handle is not None:
            self._handle.wake()
        return sum(hole.seconds for _, hole in self._holes(camera, within, is_asked=True, settles_s=0.0))

    def progress(self) -> list[FillProgress]:
        """Return the state of every camera with something to fill."""
        return [
            FillProgress(camera, one.state, one.left_ms / 1000, one.filled_ms / 1000, one.why)
            for camera, one in list(self._known.items())
            if one.state is not None
        ]

    def cancel(self) -> None:
        """End soon. Call from any thread, before the actor is stopped."""
        self._is_over = True
        onvif = self._onvif
        if onvif is not None:
            onvif.client.is_cancelled = True

    def step(self) -> float:
        if self._is_over:
            return _LOOK_S
        if self._work is None:
            if self._closing.left:
                self._closing.retry()
            self._at = self._next_camera()
            if self._at is None:
                return _LOOK_S
            self._work = self._fill(self._at)
        assert self._at is not None
        known = self._of_camera(self._at)
        before_ms = known.filled_ms
        try:
            pause_s = next(self._work)
            self._of.show(self._at, STATE_TEXTS["filling"])
            return pause_s
        except StopIteration:
            known.why, known.due_s = "", self._of.clock.mono_s() + _LOOK_S
            known.backoff.reset()
        except NotDone as error:
            known.state, known.why = "unable", error.message
            known.due_s = self._of.clock.mono_s() + 3600.0
        except (SourceError, StorageError, UnfitFootage, _Postponed) as error:
            known.state, known.why = "waiting", getattr(error, "message", "") or str(error)
            known.due_s = self._of.clock.mono_s() + known.backoff.next_s(60.0 if known.filled_ms > before_ms else 0.0)
            log.info("%s: filling from its card pauses: %s", self._at, known.why)
        self._of.show(self._at, STATE_TEXTS[known.state] if known.state in ("waiting", "unable") else "")
        self._work = self._onvif = None
        return _CALM_S

    def close(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.close()

    # --- which gaps

    def _of_camera(self, camera: CameraId) -> _Known:
        return self._known.setdefault(camera, _Known(Backoff(first_s=15.0, most_s=3600.0)))

    def _next_camera(self) -> CameraId | None:
        """Return the next camera with a gap to fill that is due, and well enough."""
        now_s, settings = self._of.clock.mono_s(), self._of.settings()
        for status in self._of.statuses():
            camera, known = settings.cameras.get(status.id), self._known.get(status.id)
            asked = known.asked if known is not None else None
            if camera is None or not camera.onvif or not (camera.fill_gaps or asked):
                continue
            if settings.is_sealed(status.id):
                self._remember(status)
            if (known is not None and now_s < known.due_s) or self._trouble(status.id):
                continue
            holes = self._holes(status.id, self._within(asked), is_asked=asked is not None)
            known = self._of_camera(status.id)
            known.left_ms = _sum(hole for _, hole in holes)
            if holes and (asked or camera.record == "continuous"):
                known.filled_ms = 0
                return status.id
            if asked is not None and self._of.clock.now_ms() - asked.end_ms < (SETTLES_S + _LOOK_S) * 1000:
                continue  # a gap that has just ended
            known.asked = None
            if known.state != "gone":
                known.state = None
        return None

    def _remember(self, status: CameraStatus) -> None:
        """Remember frames at the edges of an encrypted camera's gaps: its files can't be read."""
        hub = self._of.hub(status.id)
        newest = hub.newest if hub is not None else None
        if hub is None or newest is None:
            return
        edges = self._edges.setdefault(status.id, _Edges())
        is_on = status.state in ON_WATCH
        is_due = edges.was_on != is_on or (is_on and edges.is_begun)
        if not is_due or newest.number == edges.number:
            return
        edges.is_begun = is_on and edges.was_on != is_on  # once more when some seconds of it are there
        edges.was_on, edges.number = is_on, newest.number
        edges.marks = merged_marks(edges.marks, hub.recent(_RING_S))

    def edges(self, camera: CameraId) -> Sequence[FrameMark]:
        """Return frames recorded live, as far as they are in memory."""
        hub, edges = self._of.hub(camera), self._edges.get(camera)
        return merged_marks(edges.marks if edges is not None else (), hub.recent(_RING_S) if hub is not None else ())

    def _within(self, asked: Span | None) -> Span:
        now_ms = self._of.clock.now_ms()
        return asked or Span(max(0, now_ms - BACK_MS), now_ms)

    def _holes(
        self, camera: CameraId, within: Span, *, is_asked: bool, settles_s: float = SETTLES_S
    ) -> list[tuple[Gap, Span]]:
        """Return the missing time that may be filled, with its gap, oldest first."""
        index, now_ms = self._of.index, self._of.clock.now_ms()
        gaps = index.gaps(camera, within)
        chosen = [gap.span(now_ms) for gap in gaps if gap.reason in BY_CHOICE - {GapReason.FILLED}]
        found = []
        for gap in gaps:
            if gap.end_ms is None or gap.reason in BY_CHOICE or now_ms - gap.end_ms < settles_s * 1000:
                continue
            is_chosen = gap.reason is GapReason.RECORDER_OFF and _DECIDED.split(" by ")[0] in gap.detail
            if (is_chosen and not is_asked) or (camera, gap.begin_ms) in self._gone or gap.is_start:
                continue
            span = gap.span(now_ms)
            holes = missing_spans([*chosen, *index.spans(camera, None, span)], span)
            found += [(gap, hole) for hole in holes if hole.end_ms - hole.begin_ms >= LEAST_MS]
        return sorted(found, key=lambda one: one[1])

    def _trouble(self, camera: CameraId) -> str:
        """Return why nothing may be fetched now; empty if all is well."""
        from tawny.service.cameras.camera import loss_warning  # its module needs this one's neighbors

        recorder, hub = self._of.recorder, self._of.hub(camera)
        for status in self._of.statuses():
            if status.id == camera and status.state not in ON_WATCH:
                return "the camera isn't recorded right now"
            if status.state is CameraState.BLOCKED:
                return "the disk has problems"
        if hub is None or loss_warning(hub):
            return "video is being lost on the network"
        if recorder.at_risk_s or recorder.on_spare is not None or self._of.ledger.problem is not None:
            return "the disk is too slow"
        return ""

    # --- filling

    def _fill(self, camera: CameraId) -> Waits:
        """Fill one gap of a camera, and note what became of it."""
        known, settings = self._of_camera(camera), self._of.settings().cameras[camera]
        holes = self._holes(camera, self._within(known.asked), is_asked=known.asked is not None)
        gap, hole = holes[0]
        known.state, known.why = "filling", ""
        yield 0.0
        place = OnvifService.of(settings.onvif)
        record = self._of.logins.record(camera, place.host, place.port_used)
        onvif = self._onvif = OnvifCamera(settings.onvif, self._of.clock, record)
        card = CameraCard(onvif)
        recordings = card.recordings()
        yield 0.0
        session = _Session(self, camera, settings, card, onvif.ahead_ms)
        offered = [one for one in recordings if session.may_have(one, hole)]
        if not offered:
            self._gone.add((camera, gap.begin_ms))
            known.state, known.why = "gone", ""
            return
        known_ms = _sum(self._of.index.spans(camera, None, hole))
        try:
            yield from session.fetch(offered, hole)
        finally:
            self._closing.retry()
            self._note(camera, gap)
            stored_ms = _sum(self._of.index.spans(camera, None, hole)) - known_ms
            known.filled_ms += stored_ms
            known.left_ms = max(0, known.left_ms - stored_ms)
        if not session.stored:
            self._tries[camera, gap.begin_ms] += 1
            if self._tries[camera, gap.begin_ms] < _MOST_TRIES:
                raise _Postponed(session.why or "the card sent nothing of the missing time")
            self._gone.add((camera, gap.begin_ms))
            known.state, known.why = "gone", session.why

    def _note(self, camera: CameraId, gap: Gap) -> None:
        """Replace a gap by what was filled and what is still missing."""
        index, span = self._of.index, gap.span(self._of.clock.now_ms())
        if not any(is_from_card(one.run) for one in index.segments(camera, None, span)):
            return
        found = merge_spans(index.spans(camera, None, span), join_ms=FILL_SLACK_MS)
        if found[0].begin_ms - span.begin_ms <= FILL_SLACK_MS:
            found[0] = Span(span.begin_ms, found[0].end_ms)
        if span.end_ms - found[-1].end_ms <= FILL_SLACK_MS:
            found[-1] = Span(found[-1].begin_ms, span.end_ms)
        made = [Gap(camera, one.begin_ms, one.end_ms, GapReason.FILLED, gap_words(gap)) for one in found]
        made += [replace(gap, begin_ms=one.begin_ms, end_ms=one.end_ms) for one in missing_spans(found, span)]
        with self._of.ledger.together():
            for one in made:
                self._of.ledger.put_gap(one)
        for one in made:
            self._of.bus.publish(GapChanged(one))

    # --- for sessions

    @property
    def services(self) -> FillServices:
        return self._of

    def check(self, camera: CameraId) -> None:
        """Raises _Postponed if nothing may be fetched now."""
        if self._is_over:
            raise _Postponed("tawny stops")
        now_s = self._of.clock.mono_s()
        if now_s - self._checked_s < _CHECK_S:
            return
        self._checked_s = now_s
        if why := self._trouble(camera):
            raise _Postponed(why)

    def pause_s(self, came_bytes: int) -> float:
        """Return the time that so much data takes at the most that may be fetched."""
        return max(_WAIT_S, came_bytes / self._bytes_per_s)

    def writer(self, camera: CameraId) -> StreamWriter:
        of = self._of
        return StreamWriter(of.volume, of.index, self._closing, camera, StreamName.MAIN, of.seals)


class _Session:
    """Replays of one camera's card. stored: whether anything was."""

    def __init__(
        self, filler: GapFiller, camera: CameraId, settings: CameraSettings, card: CameraCard, ahead_ms: int
    ) -> None:
        self._filler, self._camera, self._settings, self._card = filler, camera, settings, card
        self._of = filler.services
        hub = self._of.hub(camera)
        offset_s = hub.clock_offset_s if hub is not None else None
        self._guess_ms = ahead_ms if offset_s is None else round(offset_s * 1000)
        self.stored, self.why = False, ""

    def may_have(self, recording: CardRecording, hole: Span) -> bool:
        """Return whether a recording may have some of this time, whatever the camera's clock was then."""
        wide = _WIDTHS_MS[-1]
        on_card = Span(hole.begin_ms + self._guess_ms - wide, hole.end_ms + self._guess_ms + wide)
        return recording.span.overlaps(on_card)

    def fetch(self, recordings: Sequence[CardRecording], hole: Span) -> Waits:
        """Find the recording of this camera's main stream, and store what it has of the gap."""
        before, after = self._marks(hole)
        best: tuple[CardRecording, CardClock, int | None] | None = None
        for recording in recordings:
            address = self._address(recording)
            found: list[tuple[CardClock, int | None]] = []
            yield from self._find_clock(address, hole, before, after, found)
            if found and (best is None or found[0][0].is_matched):
                best = recording, *found[0]
            if best is not None and best[1].is_matched:
                break
        if best is None or (not best[1].is_matched and len(recordings) > 1):
            self.why = "what is recorded can't be found on the card"
            return
        recording, clock, first_ms = best
        yield from self._store(self._address(recording), hole, clock, first_ms, [*before, *after])

    def _address(self, recording: CardRecording) -> RtspAddress:
        """Return the address of a replay, at the camera's own host and with its own sign-in."""
        said = self._card.replay_address(recording.token)
        place = OnvifService.of(self._settings.onvif)
        try:
            port, path = replay_place(said)
            host = f"[{place.host}]" if ":" in place.host else place.host
            login = f"{quote(place.user, safe='')}:{quote(place.password, safe='')}@" if place.user else ""
            return parse_rtsp(f"rtsp://{login}{host}:{port}{path}")
        except ValueError:
            raise SourceError(place.public, "it names no usable address for the replay of its recordings") from None

    # --- the clock of the card

    def _marks(self, hole: Span) -> tuple[list[FrameMark], list[FrameMark]]:
        """Return the frames recorded live just before and just after the gap."""
        before = Span(max(0, hole.begin_ms - _EDGE_MS), hole.begin_ms)
        after = Span(hole.end_ms, hole.end_ms + _EDGE_MS)
        return self._recorded(before)[-_REMEMBERED:], self._recorded(after)[:_REMEMBERED]

    def _recorded(self, within: Span) -> list[FrameMark]:
        """Return what the files have of a span, and what is in memory: of sealed files no more can be read."""
        marks: dict[float, FrameMark] = {}
        for segment in self._of.index.segments(self._camera, StreamName.MAIN, within):
            if is_sealed(segment.path) or (holding := self._of.volume.holding(segment.path)) is None:
                continue
            read = read_segment(holding.path(segment.path))
            wanted = [
                one
                for one in read.fragments
                if segment.start_ms + one.start_ticks // 90 < within.end_ms
                and segment.start_ms + one.end_ticks // 90 > within.begin_ms
            ]
            for sample in samples(read, wanted):
                at_ms = segment.start_ms + sample.pts / 90
                if sample.is_video and within.begin_ms - LEAST_MS <= at_ms < within.end_ms:
                    packet = Packet(RunId(""), 0, read.video, sample.data, sample.pts, round(at_ms), sample.is_keyframe)
                    marks[at_ms] = FrameMark(at_ms, frame_digest(packet), sample.is_keyframe)
        for mark in self._filler.edges(self._camera) if not marks else ():
            if within.begin_ms <= mark.at_ms < within.end_ms:
                marks[mark.at_ms] = mark
        return [marks[at_ms] for at_ms in sorted(marks)]

    def _find_clock(
        self,
        address: RtspAddress,
        hole: Span,
        before: Sequence[FrameMark],
        after: Sequence[FrameMark],
        found: list[tuple[CardClock, int | None]],
    ) -> Waits:
        """Append the card's clock at this gap, and the time on the card of a keyframe before it if one is known."""
        edges: list[tuple[float, float]] = []
        first_ms: int | None = None
        for marks, at_ms in ((before, hole.begin_ms), (after, hole.end_ms)):
            for width_ms in _WIDTHS_MS if marks and not edges else _WIDTHS_MS[:1] if marks else ():
                guess_ms = round(edges[-1][1]) if edges else self._guess_ms
                on_card = at_ms + guess_ms
                reach_ms = width_ms + _EDGE_MS // 2
                asked = ReplayRequest(on_card - reach_ms, on_card + reach_ms, keyframes_only=True)
                seen: list[FrameMark] = []
                yield from self._look(address, asked, seen)
                offset = offset_ms(marks, seen)
                if offset is None:
                    continue
                edges.append((at_ms + offset, offset))
                if marks is before:
                    keys = [one.at_ms for one in seen if one.at_ms <= at_ms + offset]
                    first_ms = round(max(keys)) if keys else None
                break
        if edges:
            found.append((CardClock(tuple(edges), is_matched=True), first_ms))
        elif not before and not after:
            found.append((CardClock(((float(hole.begin_ms), float(self._guess_ms)),), is_matched=False), None))

    def _look(self, address: RtspAddress, asked: ReplayRequest, seen: list[FrameMark]) -> Waits:
        """Append the keyframes of a part of the recording."""
        with closing(self._open(address, asked)) as replay:
            packets: list[SourcePacket] = []
            is_over = False
            while not is_over:
                is_over, wait_s = self._read(replay, packets)
                seen += [
                    FrameMark(one.pts * 1000 / one.format.rate, frame_digest(one), is_keyframe=True)
                    for one in packets
                    if one.is_video and one.is_keyframe and not one.is_damaged
                ]
                packets.clear()
                yield wait_s

    # --- fetching

    def _store(
        self,
        address: RtspAddress,
        hole: Span,
        clock: CardClock,
        first_ms: int | None,
        known: Sequence[FrameMark],
    ) -> Waits:
        begin_ms = clock.card_ms(hole.begin_ms) - _LEAD_MS if first_ms is None else first_ms
        asked = ReplayRequest(round(begin_ms), round(clock.card_ms(hole.end_ms)) + 2_000)
        orientation = self._settings.orientation
        writer = CardWriter(self._filler.writer(self._camera), clock, hole, known, orientation)
        try:
            with closing(self._open(address, asked)) as replay:
                packets: list[SourcePacket] = []
                is_over = False
                while not (is_over or writer.is_over):
                    is_over, wait_s = self._read(replay, packets)
                    if packets and not replay.was_timed:
                        raise UnfitFootage("its replay doesn't say when frames were recorded")
                    for one in packets:
                        writer.add(one)
                    packets.clear()
                    yield wait_s
        finally:
            writer.finish()
            self.stored = writer.written > 0
            self.why = writer.refused

    def _open(self, address: RtspAddress, asked: ReplayRequest) -> ReplayConnection:
        options: Mapping[str, object] = DEFAULTS | {"client": "own"}
        memory = StreamMemory(self._of.logins.record(self._camera, address.host, address.port))
        return ReplayConnection(address, options, self._of.clock, memory, asked)

    def _read(self, replay: ReplayConnection, packets: list[SourcePacket]) -> tuple[bool, float]:
        """Append what has arrived. Return whether the replay is over, and how long to wait.

        Raises SourceError if it ended before it began, _Postponed if nothing may be fetched now.
        """
        self._filler.check(self._camera)
        before = replay.received_bytes
        try:
            while not isinstance(one := replay.read(), IdleUntil):
                packets.append(one)
        except SourceError:
            if not replay.is_playing:
                raise
            return True, 0.0
        return False, self._filler.pause_s(replay.received_bytes - before)


def merged_marks(known: Sequence[FrameMark], packets: Iterable[Packet]) -> list[FrameMark]:
    """Return the frames known already and those of packets, in order; the newest if there are many."""
    found = {one.at_ms: one for one in known}
    for one in packets:
        if one.is_video and one.at_ms not in found:
            found[one.at_ms] = FrameMark(one.at_ms, frame_digest(one), one.is_keyframe)
    return [found[at_ms] for at_ms in sorted(found)][-_MOST_MARKS:]


def _sum(spans: Iterable[Span]) -> int:
    return sum(one.end_ms - one.begin_ms for one in merge_spans(list(spans)))
