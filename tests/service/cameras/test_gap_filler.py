"""The lead of filling: what fails is up to one gap, and no replay lasts forever. The camera is a fake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tawny.engine import Bus
from tawny.model.errors import SourceError
from tawny.model.ids import CameraId, RunId
from tawny.model.messages import GapChanged
from tawny.model.packets import VIDEO_RATE, Packet, SourcePacket
from tawny.model.segments import Gap, GapReason
from tawny.model.states import CameraState, CameraStatus
from tawny.model.times import Span, missing_spans
from tawny.protocols.login_history import LoginHistory
from tawny.recorder.recorder import SegmentRecorder
from tawny.service.cameras.card_session import FillServices
from tawny.service.cameras.duty import CameraDuty
from tawny.service.cameras.gap_filler import GapFiller
from tawny.service.retention.recording_deletion import DeletionScope, RecordingDeletion
from tawny.service.retention.retention_service import StoredRecordings
from tawny.sources.onvif_recordings import CardRecording
from tawny.sources.rtsp.client.replay import ReplayRequest
from tawny.sources.source import IdleUntil
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.runner import Retention
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tests.app.rig import settings
from tests.storage.bench import Site

DOOR = CameraId("door")
CONTRACT = RetentionContract(RetentionRule(free_share=0.0), {})
CLIP = made_clip(ClipSpec(width=64, height=64, fps=10, seconds=12.0, gop_s=1.0, detail=20))
SETTINGS = (
    '[cameras.door]\nsource = "rtsp://127.0.0.1/1"\nonvif = "http://127.0.0.1/onvif"\nfill_gaps = true\n'
    'detection.detector = "off"\n'
)


@dataclass
class Card:
    """What the camera answers. sends: its replay of a part."""

    recordings: list[CardRecording]
    sends: Callable[[ReplayRequest], Iterator[SourcePacket]]
    was_timed: bool = True
    error: SourceError | None = None
    read: int = 0
    asked: list[ReplayRequest] = field(default_factory=list)

    def replay(self, *about: Any) -> "Replay":
        self.asked.append(about[-1])
        if self.error is not None:
            raise self.error
        return Replay(self, self.sends(about[-1]))


class Replay:
    is_playing = True

    def __init__(self, card: Card, packets: Iterator[SourcePacket]) -> None:
        self._card, self._packets, self._is_idle = card, packets, False
        self.received_bytes, self.was_timed = 0, card.was_timed

    def read(self) -> SourcePacket | IdleUntil:
        self._is_idle = not self._is_idle
        if not self._is_idle:
            return IdleUntil(0.0)
        packet = next(self._packets, None)
        if packet is None:
            raise SourceError("the card", "it has sent all")
        self._card.read += 1
        self.received_bytes += len(packet.data)
        return packet

    def close(self) -> None:
        self._packets = iter(())


def footage(asked: ReplayRequest) -> Iterator[SourcePacket]:
    """Without an end, from the begin of the part."""
    at_ms = asked.begin_ms
    while True:
        for packet in CLIP.packets:
            if packet.is_video:
                yield replace(packet, pts=at_ms * VIDEO_RATE // 1000 + packet.pts)
        at_ms += 12_000


def recorded(first: int, begin_ms: int) -> list[Packet]:
    """Live packets: ten seconds of the clip, as the camera sends them then. first: number of the first one."""
    return [
        Packet(RunId("live"), first + at, one.format, one.data, one.pts, begin_ms + one.pts // 90, one.is_keyframe)
        for at, one in enumerate(one for one in CLIP.packets if one.is_video and one.pts < 10 * VIDEO_RATE)
    ]


def same_time(asked: ReplayRequest) -> Iterator[SourcePacket]:
    """Without an end, and without a later frame."""
    while True:
        yield replace(CLIP.packets[0], pts=asked.begin_ms * VIDEO_RATE // 1000, data=bytes(1_000_000))


class Bench:
    def __init__(self, folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site, self.card, self.bus = Site(folder), card, Bus()
        self.state, self.duty, self.queries = CameraState.RECORDING, CameraDuty("continuous"), 0
        onvif = SimpleNamespace(client=SimpleNamespace(is_cancelled=False), ahead_ms=0)
        answers = SimpleNamespace(recordings=lambda: card.recordings, replay_address=lambda _: "rtsp://x/card")
        where = "tawny.service.cameras.gap_filler"
        monkeypatch.setattr(f"{where}.OnvifCamera", lambda *_: onvif)
        monkeypatch.setattr(f"{where}.CameraCard", lambda _: answers)
        monkeypatch.setattr("tawny.service.cameras.card_session.ReplayConnection", card.replay)
        chosen, hub = settings(SETTINGS), Hub(keep_s=120.0)
        self.hub = hub
        recorder = cast(SegmentRecorder, SimpleNamespace(at_risk_s=0.0, on_spare=None))
        self.filler = GapFiller(
            FillServices(
                lambda: chosen, lambda: [CameraStatus(DOOR, "Door", self.state, 0)], lambda *_: self.duty,
                lambda _: hub, lambda *_: None, recorder, self.site.volume, self.site.index, self.site.ledger,
                self.bus, self.site.clock, LoginHistory(), None,
            )
        )  # fmt: skip

    def put(self, minutes_ago: float, seconds: float = 20) -> Gap:
        begin_ms = self.site.clock.now_ms() - round(minutes_ago * 60_000)
        gap = Gap(DOOR, begin_ms, begin_ms + round(seconds * 1000), GapReason.UNREACHABLE)
        self.site.ledger.put_gap(gap)
        self.bus.publish(GapChanged(gap))
        return gap

    def run(self, seconds: float) -> None:
        clock = self.site.clock
        until_s = clock.mono_s() + seconds
        while clock.mono_s() < until_s:
            clock.advance(max(0.01, self.filler.step()))

    def filled(self) -> list[int]:
        found = self.site.index.gaps(DOOR, Span(0, 1 << 45))
        return [one.begin_ms for one in found if one.reason is GapReason.FILLED]

    def shown(self) -> tuple[str, str]:
        (one,) = self.filler.progress()
        return one.state, one.why


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, Card([CardRecording("1", Span(0, 1 << 45), "")], footage), monkeypatch)


def test_a_replay_that_goes_on_after_the_gap_is_ended(bench: Bench) -> None:
    gap = bench.put(10)
    bench.run(30)
    assert bench.filled() == [gap.begin_ms]
    assert bench.filler.progress() == []
    assert bench.card.read < 600


def test_what_is_deleted_during_a_fill_is_not_fetched(bench: Bench) -> None:
    """The rest of the gap is, later."""
    gap = bench.put(10, seconds=60)
    span, deleted = gap.span(0), Span(gap.begin_ms + 40_000, gap.begin_ms + 50_000)

    def sent(asked: ReplayRequest) -> Iterator[SourcePacket]:
        for number, packet in enumerate(footage(asked)):
            if number == 100:
                bench.site.ledger.put_gap(Gap(DOOR, deleted.begin_ms, deleted.end_ms, GapReason.REMOVED))
            yield packet

    bench.card.sends = sent
    bench.run(600)
    there = bench.site.index.spans(DOOR, None, span)
    assert not [one for one in there if one.overlaps(Span(deleted.begin_ms + 1_000, deleted.end_ms - 1_000))]
    assert there[0].begin_ms <= gap.begin_ms + 100
    assert there[-1].end_ms >= deleted.end_ms + 5_000


@pytest.mark.parametrize("is_late", [False, True], ids=["in-the-open-file", "in-a-closed-one"])
def test_what_is_being_stored_goes_if_its_time_is_deleted(bench: Bench, is_late: bool) -> None:
    """Whole files, as of any deletion; what the gap lacks besides is fetched, and nothing is left without a reason."""
    site = bench.site
    gap = bench.put(10, seconds=150)
    span, deleted = gap.span(0), Span(gap.begin_ms + 10_000, gap.begin_ms + 15_000)
    retention = Retention(site.volume, site.index, site.ledger, site.clock, CONTRACT)
    parts: Any = None
    stored = StoredRecordings(site.volume, site.index, retention, parts, parts, None)
    deleting = RecordingDeletion(
        stored, site.clock, lambda: settings(SETTINGS), lambda _: None, bench.filler.is_storing
    )
    deleting.delete(DeletionScope([DOOR], deleted), "Anna", undo_s=0)

    def sent(asked: ReplayRequest) -> Iterator[SourcePacket]:
        for number, packet in enumerate(footage(asked)):
            if number == (1000 if is_late else 400):
                deleting.step()
                assert not site.index.segments(DOOR, None, span), "the file isn't listed yet"
            yield packet

    bench.card.sends = sent
    bench.run(30)
    assert site.index.spans(DOOR, None, deleted)
    deleting.step()
    assert not site.index.spans(DOOR, None, deleted)
    bench.run(1200)
    deleting.step()
    there = site.index.spans(DOOR, None, span)
    assert not [one for one in there if one.overlaps(deleted)]
    assert there[-1].end_ms >= span.end_ms - 500
    gaps = site.index.gaps(DOOR, span)
    assert {one.reason for one in gaps} == {GapReason.REMOVED, GapReason.FILLED}
    assert not missing_spans([one.span(0) for one in gaps], span)


def test_a_replay_without_an_end_blocks_no_other_gap(bench: Bench) -> None:
    bad, good = bench.put(20), bench.put(10)
    bench.card.sends = lambda asked: (same_time if asked.begin_ms < bad.begin_ms + 60_000 else footage)(asked)
    bench.run(600)
    assert bench.filled() == [good.begin_ms]
    assert len(bench.card.asked) > 2, "it was tried again"


def test_a_live_stream_in_place_of_a_replay_is_ended_at_its_first_frame(bench: Bench) -> None:
    bench.card.was_timed = False
    bench.put(10)
    bench.run(10)
    assert bench.card.read == 1
    assert bench.shown() == ("waiting", "its replay doesn't say when frames were recorded")


def test_a_frame_that_cannot_be_read_ends_one_try_and_not_the_filler(bench: Bench) -> None:
    def sends(asked: ReplayRequest) -> Iterator[SourcePacket]:
        yield from islice(footage(asked), 3)
        raise ValueError("the length of a NAL unit does not fit")

    bad, good = bench.put(20), bench.put(10)
    bench.card.sends = lambda asked: (sends if asked.begin_ms < bad.begin_ms + 60_000 else footage)(asked)
    bench.run(60)
    assert bench.filled() == [good.begin_ms]


def test_a_connection_that_fails_is_tried_again_later(bench: Bench) -> None:
    gap = bench.put(10)
    bench.card.error = SourceError("the card", "it is busy")
    bench.run(600)
    assert 3 < len(bench.card.asked) < 12
    assert bench.shown()[0] == "waiting"
    bench.card.error = None
    bench.run(3600)
    assert bench.filled() == [gap.begin_ms]


def test_a_replay_that_never_begins_is_given_up_after_a_day_until_asked(bench: Bench) -> None:
    gap = bench.put(10)
    bench.card.error = SourceError("the card", "it is busy")
    bench.run(20 * 3600)
    assert bench.shown() == ("failed", "Camera error at the card: it is busy.")
    asked = len(bench.card.asked)
    assert 24 <= asked <= 72, "each try may ask for two parts"
    bench.run(4 * 3600)
    assert len(bench.card.asked) == asked
    bench.card.error = None
    bench.filler.ask(DOOR, Span(gap.begin_ms, gap.begin_ms + 1))
    bench.run(60)
    assert bench.filled() == [gap.begin_ms]


def test_a_card_that_lists_the_time_later_is_asked_again(bench: Bench) -> None:
    gap = bench.put(10)
    there, bench.card.recordings = bench.card.recordings, []
    bench.run(60)
    assert bench.shown() == ("waiting", "the card doesn't list the missing time")
    bench.card.recordings = there
    bench.run(300)
    assert bench.filled() == [gap.begin_ms]


def test_a_card_that_never_lists_it_is_given_up_until_asked(bench: Bench) -> None:
    gap = bench.put(10)
    there, bench.card.recordings = bench.card.recordings, []
    bench.run(3600)
    assert bench.shown()[0] == "gone"
    bench.card.recordings = there
    bench.run(600)
    assert bench.filled() == []
    assert bench.filler.ask(DOOR, Span(gap.begin_ms, gap.begin_ms + 1)) == 20.0
    assert bench.shown()[0] == "waiting", "before the filler's next step, too"
    bench.run(60)
    assert bench.filled() == [gap.begin_ms]


@pytest.mark.parametrize("state", list(CameraState))
def test_cameras_that_are_recorded_are_filled(bench: Bench, state: CameraState) -> None:
    """Also those whose view is unusable now."""
    bench.state = state
    bench.put(10)
    bench.run(30)
    recorded = {"recording", "waiting", "frozen", "covered", "defocused", "moved"}
    assert bool(bench.filled()) == (state.value in recorded)


def test_a_mode_that_records_events_alone_fills_nothing(bench: Bench) -> None:
    bench.duty = CameraDuty("events")
    gap = bench.put(10)
    bench.run(30)
    assert bench.filled() == []
    bench.filler.ask(DOOR, gap.span(0))
    bench.run(30)
    assert bench.filled() == [gap.begin_ms]


def test_the_index_is_left_alone_while_nothing_changes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[float] = []
    gaps = bench.site.index.gaps

    def counted(camera: CameraId, within: Span) -> list[Gap]:
        looked.append(bench.site.clock.mono_s())
        return gaps(camera, within)

    monkeypatch.setattr(bench.site.index, "gaps", counted)
    bench.run(600)
    assert len(looked) <= 11
    gap = bench.put(10)
    bench.run(15)
    assert bench.filled() == [gap.begin_ms]


def test_a_recording_next_to_the_gap_that_cannot_be_read_refuses_the_cameras_clock(bench: Bench) -> None:
    bench.site.put(10, camera=DOOR, size_bytes=300)
    bench.put(9)
    bench.run(60)
    assert bench.filled() == []
    assert bench.shown()[1] == "what is recorded can't be found on the card"


def test_a_recording_that_cannot_be_read_keeps_no_other_gap_from_being_filled(bench: Bench) -> None:
    torn = bench.site.folder / bench.site.put(21, camera=DOOR, minutes=1).path
    torn.write_bytes(bytes(torn.stat().st_size))
    bench.put(20)
    other = bench.put(10)
    bench.run(3600)
    assert bench.filled() == [other.begin_ms]


@pytest.mark.parametrize("is_same", [True, False])
def test_a_card_that_matches_on_one_side_alone_fills_nothing(bench: Bench, *, is_same: bool) -> None:
    """Both sides are recorded: the camera's clock was set meanwhile, or nothing is missing."""
    gap = bench.put(0.5, 10)
    begin_ms, end_ms = gap.begin_ms - 12_000, gap.span(0).end_ms
    for packet in (*recorded(0, begin_ms), *recorded(100, end_ms)):
        bench.hub.append(packet)
    others = [replace(one, data=one.data[:-1] + b"?") for one in CLIP.packets]

    def sends(asked: ReplayRequest) -> Iterator[SourcePacket]:
        for at_ms, clip in ((begin_ms, CLIP.packets), (end_ms, CLIP.packets if is_same else others)):
            for one in clip:
                card_ms = at_ms + one.pts // 90
                if one.is_video and asked.begin_ms <= card_ms < asked.end_ms:
                    yield replace(one, pts=card_ms * VIDEO_RATE // 1000)

    bench.card.sends = sends
    bench.run(15)
    assert bench.shown()[1] == (
        "the card sent nothing of the missing time" if is_same else "what is recorded can't be found on the card"
    )


def test_what_is_asked_for_while_another_time_is_filled_is_not_lost(bench: Bench) -> None:
    bench.duty = CameraDuty("events")
    first, second = bench.put(20), bench.put(10)
    bench.filler.ask(DOOR, first.span(0))
    bench.site.clock.advance(bench.filler.step())
    assert bench.shown()[0] == "filling"
    bench.filler.ask(DOOR, second.span(0))
    bench.run(60)
    assert bench.filled() == [first.begin_ms, second.begin_ms]
    assert bench.filler.progress() == []
