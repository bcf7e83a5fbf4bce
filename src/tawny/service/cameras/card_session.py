"""Replays of one camera's card: finds the clock of the card at a gap, and stores what it has of it."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tawny.config.settings import CameraSettings, Settings
from tawny.engine import Bus
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.errors import SourceError
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import Packet, SourcePacket
from tawny.model.segments import Segment
from tawny.model.states import CameraStatus
from tawny.model.times import Clock, Span
from tawny.protocols.login_history import LoginHistory
from tawny.recorder.card_footage import CardClock, CardWriter, FrameMark, UnfitFootage, frame_digest, offset_ms
from tawny.recorder.recorder import SegmentRecorder
from tawny.recorder.stream_writer import StreamWriter
from tawny.service.cameras.duty import CameraDuty
from tawny.service.cameras.fillable_gaps import LEAST_MS
from tawny.sources.network_address import NetworkAddress, parse_rtsp
from tawny.sources.onvif import OnvifService
from tawny.sources.onvif_recordings import CameraCard, CardRecording, replay_place
from tawny.sources.rtsp.client.replay import ReplayConnection, ReplayRequest
from tawny.sources.rtsp.client.session import StreamMemory
from tawny.sources.rtsp.source import DEFAULTS
from tawny.sources.source import IdleUntil
from tawny.storage.disk.layout import is_sealed
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import skipping_unreadable
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.protocol import Index
from tawny.storage.sealing.epoch_keys import EpochKeys
from tawny.stream.hub import Hub

_EDGE_MS: Final = 12_000
"""Recorded time at each edge of a gap that is compared with the card."""
_WIDTHS_MS: Final = (6_000, 150_000)
"""How wrong the camera's clock may have been, tried in this order."""
_LEAD_MS: Final = 12_000
"""Footage asked for before a gap if no keyframe is known there: its first frame needs one."""
_MOST_BYTES, _MOST_BYTES_PER_S = 32_000_000, 8_000_000
"""Most that a replay may send: in any case, and for each second asked for."""
_MOST_S, _MOST_S_PER_S = 60.0, 4.0
"""Longest that a replay may take, s: likewise."""
_UNTIMED: Final = "its replay doesn't say when frames were recorded"
_REMEMBERED: Final = 400


@dataclass(frozen=True, slots=True)
class FillServices:
    """What filling needs.

    duty: returns what a camera must do now. hub: returns the live packets of a camera's main stream; None without one.
    show: shows people a camera's progress; empty if there is none.
    """

    settings: Callable[[], Settings]
    statuses: Callable[[], Sequence[CameraStatus]]
    duty: Callable[[CameraId, CameraSettings], CameraDuty]
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


class Postponed(Exception):
    """Filling stops for now. The message says why."""


Waits = Generator[float, None, None]
"""Yields how long to wait, s, before it goes on."""


@dataclass(frozen=True, slots=True)
class SessionHooks:
    """What a session needs of the filler.

    check: raises Postponed if nothing may be fetched now. pause_s: returns how long to wait after so much data. edges:
    returns frames recorded live, as far as they are in memory.
    """

    camera: CameraId
    check: Callable[[], None]
    pause_s: Callable[[int], float]
    writer: Callable[[], StreamWriter]
    edges: Callable[[], Sequence[FrameMark]]


class CardSession:
    """Replays of one camera's card. stored: whether anything was."""

    def __init__(
        self, services: FillServices, hooks: SessionHooks, settings: CameraSettings, card: CameraCard, ahead_ms: int
    ) -> None:
        self._of, self._hooks, self._settings, self._card = services, hooks, settings, card
        self._camera = hooks.camera
        hub = services.hub(hooks.camera)
        offset_s = hub.clock_offset_s if hub is not None else None
        self._guess_ms = ahead_ms if offset_s is None else round(offset_s * 1000)
        self._begun_s = 0.0
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
            found: list[tuple[CardClock, int | None]] = []
            yield from self._find_clock(recording, hole, before, after, found)
            if found and (best is None or found[0][0].is_matched):
                best = recording, *found[0]
            if best is not None and best[1].is_matched:
                break
        if best is None or (not best[1].is_matched and len(recordings) > 1):
            self.why = "what is recorded can't be found on the card"
            return
        recording, clock, first_ms = best
        yield from self._store(self._address(recording), hole, clock, first_ms, [*before, *after])

    def _address(self, recording: CardRecording) -> NetworkAddress:
        """Return the address of a replay, at the camera's own host and with its own sign-in."""
        address = self._card.replay_address(recording.token)
        place = OnvifService.of(self._settings.onvif)
        try:
            port, path = replay_place(address)
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
        found = recorded_marks(self._of.volume, self._of.index, self._camera, within)
        return found or [mark for mark in self._hooks.edges() if within.begin_ms <= mark.at_ms < within.end_ms]

    def _find_clock(
        self,
        recording: CardRecording,
        hole: Span,
        before: Sequence[FrameMark],
        after: Sequence[FrameMark],
        found: list[tuple[CardClock, int | None]],
    ) -> Waits:
        """Append the card's clock at this gap, and the time on the card of a keyframe before it if one is known."""
        address, edges, first_ms = self._address(recording), list[tuple[float, float]](), None
        unmatched: list[Sequence[FrameMark]] = []
        for marks, at_ms in ((before, hole.begin_ms), (after, hole.end_ms)):
            for width_ms in _WIDTHS_MS if marks and not edges else _WIDTHS_MS[:1] if marks else ():
                guess_ms = round(edges[-1][1]) if edges else self._guess_ms
                on_card = at_ms + guess_ms
                reach_ms = width_ms + _EDGE_MS // 2
                request = ReplayRequest(on_card - reach_ms, on_card + reach_ms, keyframes_only=True)
                seen: list[FrameMark] = []
                yield from self._look(address, request, seen)
                offset = offset_ms(marks, seen)
                if offset is None:
                    continue
                edges.append((at_ms + offset, offset))
                if marks is before:
                    keys = [one.at_ms for one in seen if one.at_ms <= at_ms + offset]
                    first_ms = round(max(keys)) if keys else None
                break
            else:
                unmatched += [marks] if marks else []
        if edges:
            ahead_ms = round(edges[0][1])
            there = [Span(round(one[0].at_ms) + ahead_ms, round(one[-1].at_ms) + ahead_ms + 1) for one in unmatched]
            if any(recording.span.overlaps(one) for one in there):
                return  # the card should have it: its clock was set meanwhile, or this is another place
            found.append((CardClock(tuple(edges), is_matched=True), first_ms))
        elif not before and not after and not self._borders(hole):
            found.append((CardClock(((float(hole.begin_ms), float(self._guess_ms)),), is_matched=False), None))

    def _borders(self, hole: Span) -> bool:
        """Return whether something is recorded next to the gap, though it can't be read."""
        edges = Span(max(0, hole.begin_ms - _EDGE_MS), hole.begin_ms), Span(hole.end_ms, hole.end_ms + _EDGE_MS)
        return any(self._of.index.spans(self._camera, StreamName.MAIN, edge) for edge in edges)

    def _look(self, address: NetworkAddress, request: ReplayRequest, seen: list[FrameMark]) -> Waits:
        """Append the keyframes of a part of the recording."""
        with closing(self._open(address, request)) as replay:
            packets: list[SourcePacket] = []
            is_over = False
            while not is_over:
                is_over, wait_s = self._read(replay, packets, request)
                seen += [
                    FrameMark(one.pts * 1000 / one.format.rate, frame_digest(one), is_keyframe=True)
                    for one in packets
                    if one.is_video and one.is_keyframe and not one.is_damaged and not _is_after(one, request)
                ]
                is_over = is_over or any(_is_after(one, request) for one in packets)
                packets.clear()
                yield wait_s

    # --- fetching

    def _store(
        self,
        address: NetworkAddress,
        hole: Span,
        clock: CardClock,
        first_ms: int | None,
        known: Sequence[FrameMark],
    ) -> Waits:
        begin_ms = clock.card_ms(hole.begin_ms) - _LEAD_MS if first_ms is None else first_ms
        request = ReplayRequest(round(begin_ms), round(clock.card_ms(hole.end_ms)) + 2_000)
        orientation = self._settings.orientation
        writer = CardWriter(self._hooks.writer(), clock, hole, known, orientation)
        try:
            with closing(self._open(address, request)) as replay:
                packets: list[SourcePacket] = []
                is_over = False
                while not (is_over or writer.is_over):
                    is_over, wait_s = self._read(replay, packets, request)
                    for one in packets:
                        writer.add(one)
                    is_over = is_over or any(_is_after(one, request) for one in packets)
                    packets.clear()
                    yield wait_s
        finally:
            writer.finish()
            self.stored = writer.written > 0
            self.why = writer.refused

    def _open(self, address: NetworkAddress, request: ReplayRequest) -> ReplayConnection:
        self._begun_s = self._of.clock.mono_s()
        options: Mapping[str, object] = DEFAULTS | {"client": "own"}
        memory = StreamMemory(self._of.logins.record(self._camera, address.host, address.port))
        return ReplayConnection(address, options, self._of.clock, memory, request)

    def _read(
        self, replay: ReplayConnection, packets: list[SourcePacket], request: ReplayRequest
    ) -> tuple[bool, float]:
        """Append what has arrived. Return whether the replay is over, and how long to wait.

        Raises SourceError if it ended before it began, Postponed if nothing may be fetched now, UnfitFootage for what
        is not the part asked for.
        """
        self._hooks.check()
        asked_s = (request.end_ms - request.begin_ms) / 1000
        took_s = self._of.clock.mono_s() - self._begun_s
        if (
            replay.received_bytes > _MOST_BYTES + asked_s * _MOST_BYTES_PER_S
            or took_s > _MOST_S + asked_s * _MOST_S_PER_S
        ):
            raise UnfitFootage("its replay doesn't end")
        before = replay.received_bytes
        try:
            while not isinstance(one := replay.read(), IdleUntil):
                packets.append(one)
        except SourceError:
            if not replay.is_playing:
                raise
            if packets and not replay.was_timed:
                raise UnfitFootage(_UNTIMED) from None
            return True, 0.0
        if packets and not replay.was_timed:
            raise UnfitFootage(_UNTIMED)
        return False, self._hooks.pause_s(replay.received_bytes - before)


def recorded_marks(volume: Volume, index: Index, camera: CameraId, within: Span) -> list[FrameMark]:
    """Return the frames of a camera that its files have of a span, except sealed ones and those that can't be read."""
    marks: dict[float, FrameMark] = {}
    for segment in index.segments(camera, StreamName.MAIN, within):
        if is_sealed(segment.path) or (holding := volume.holding(segment.path)) is None:
            continue
        with skipping_unreadable(segment.path):
            for mark in _marks_of(segment, holding.path(segment.path), within):
                marks[mark.at_ms] = mark
    return [marks[at_ms] for at_ms in sorted(marks)]


def _marks_of(segment: Segment, path: Path, within: Span) -> Iterator[FrameMark]:
    read = read_segment(path)
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
            with suppress(ValueError):  # a damaged frame
                yield FrameMark(at_ms, frame_digest(packet), sample.is_keyframe)


def _is_after(packet: SourcePacket, request: ReplayRequest) -> bool:
    return packet.is_video and packet.pts * 1000 > request.end_ms * packet.format.rate
