"""Gaps filled from the cameras' cards: the whole recorder against cameras with ONVIF Profile G on loopback."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tawny.media.codec.nal import split_lengths
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import GapReason, Segment, is_filled_in
from tawny.model.states import CameraState
from tawny.model.times import Span, missing_spans
from tawny.sealed.header import SealedFlag
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.disk import RealDisk
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.metadata import read_about, read_header
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_card import MemoryCard
from tawny.testing.waiting import until
from tests.app.rig import EVER, Rig, looked_at, rig, segments, settings
from tests.faults.figures import note
from tests.support.onvif_simulator import OnvifSimulator, simulated

CLIP = ClipSpec(width=160, height=120, fps=10, seconds=60.0, gop_s=1.0, detail=20)


@dataclass
class Cabled:
    """A camera with a card."""

    name: CameraId
    rtsp: RtspCamera
    onvif: OnvifSimulator
    card: MemoryCard

    @property
    def settings(self) -> str:
        return (
            f'[cameras.{self.name}]\nsource = "{self.rtsp.address}"\nonvif = "{self.onvif.url}"\nfill_gaps = true\n'
            'camera_events = "off"\ndetection.detector = "off"\n'
        )


@contextmanager
def cameras(*clocks: float, clip: ClipSpec = CLIP) -> Iterator[list[Cabled]]:
    """clocks: how far ahead that of each camera is, s."""
    with ExitStack() as stack:
        made = []
        for number, ahead_s in enumerate(clocks):
            rtsp = RtspCamera(made_clip(clip))
            card = rtsp.card = MemoryCard(ahead_s=ahead_s)
            stack.enter_context(rtsp)
            onvif = stack.enter_context(simulated(card=card, clip=rtsp.clip, ahead=timedelta(seconds=ahead_s)))
            onvif.replay = f"rtsp://192.0.2.1:{rtsp.port}/card"
            made.append(Cabled(CameraId(f"cam{number}"), rtsp, onvif, card))
        yield made


def outage(bench: Rig, there: list[Cabled], seconds: float) -> None:
    for one in there:
        one.rtsp.down()
    begun_s = bench.clock.mono_s()
    for one in there:
        bench.wait_for(CameraState.OFFLINE, 20, one.name)
    until(lambda: bench.clock.mono_s() - begun_s >= seconds, seconds + 10, "the outage")
    for one in there:
        one.rtsp.up()


def is_filled(bench: Rig, camera: CameraId) -> bool:
    found = [one for one in bench.running.index.gaps(camera, EVER) if not one.is_start]
    return bool(found) and all(one.reason is GapReason.FILLED for one in found)


def pictures(data: bytes) -> bytes:
    """The slices of a frame, as a digest: live, the camera sends parameter sets with its keyframes."""
    return hashlib.sha256(b"".join(nal for nal in split_lengths(data) if nal[0] & 31 in (1, 5))).digest()


def assert_continuous(folder: Path, one: Cabled) -> float:
    """Every frame that the camera encoded between the first and the last recorded one is there once, at its time.

    Return by how much a frame of the card is placed wrong at most, ms.
    """
    wanted = [
        (pictures(each.packet.data), each.at_ms) for each in one.card.encoded(one.rtsp.clip) if each.packet.is_video
    ]
    found: list[tuple[bytes, float, bool]] = []
    for segment in segments(folder, one.name):
        file = read_segment(Volume.at(folder).path(segment.path))
        frames = [each for each in samples(file, file.fragments) if each.is_video]
        lead = sum(each.pts < 90 for each in frames) - 1 if is_filled_in(segment.run) else 0
        of_card = is_filled_in(segment.run)
        found += [(pictures(each.data), segment.start_ms + each.pts / 90, of_card) for each in frames[max(0, lead) :]]
    assert [at for _, at, _ in found] == sorted(at for _, at, _ in found)
    first = next(number for number, (digest, _) in enumerate(wanted) if digest == found[0][0])
    assert [digest for digest, _, _ in found] == [digest for digest, _ in wanted[first : first + len(found)]]
    off_ms = [
        at_ms - taken_ms for (_, at_ms, of_card), (_, taken_ms) in zip(found, wanted[first:], strict=False) if of_card
    ]
    assert off_ms
    assert max(map(abs, off_ms)) < 250, (min(off_ms), max(off_ms))
    return max(map(abs, off_ms))


def missing_s(folder: Path, camera: CameraId) -> float:
    """Return the time without a recording between the first and the last one, s."""
    spans = [one.span for one in segments(folder, camera)]
    whole = Span(min(one.begin_ms for one in spans), max(one.end_ms for one in spans))
    return sum(one.seconds for one in missing_spans(spans, whole))


def assert_marked(folder: Path, segment: Segment) -> None:
    """The signed header says whether it was recorded live."""
    header = read_header(RealDisk(folder), segment.path)
    assert header is not None
    assert bool(header.flags & SealedFlag.FILLED_IN) == is_filled_in(segment.run)


def recorded(bench: Rig, there: list[Cabled], seconds: float) -> None:
    for one in there:
        bench.wait_for(CameraState.RECORDING, 30, one.name)
        bench.wait_for_seconds(seconds, one.name)


def assert_checked(folder: Path) -> None:
    report = looked_at(folder)
    assert report.ok, report.findings
    assert report.wall is not None
    assert report.wall.unexplained_s == 0


@pytest.mark.long
def test_an_outage_is_filled(tmp_path: Path) -> None:
    """A network that fails: all of it is there afterwards, and nothing twice; one camera's clock is 90 s wrong."""
    with cameras(90.0, 0.0) as there:
        with rig(settings("".join(one.settings for one in there)), tmp_path) as bench:
            recorded(bench, there, 4)
            outage(bench, there, 12)
            live = [len(one.rtsp.playing) for one in there]
            recorded(bench, there, 1)
            until(lambda: all(is_filled(bench, one.name) for one in there), 90, "both filled")
            recorded(bench, there, 1)
            missing = [bench.running.hub(one.name, StreamName.MAIN) for one in there]
            assert all(hub is not None and not any(each.is_damaged for each in hub.recent(60)) for hub in missing)
            assert [len(one.rtsp.playing) for one in there] == [count + 1 for count in live], "live video went on"
            assert not [one.filling for one in bench.running.parts.cameras.now.values() if one.filling]
        assert_checked(tmp_path)
        for one in there:
            assert_continuous(tmp_path, one)
            assert missing_s(tmp_path, one.name) <= 0.1
            for each in segments(tmp_path, one.name):
                assert_marked(tmp_path, each)


def test_a_recorder_that_was_killed_is_filled_encrypted(tmp_path: Path) -> None:
    """Of encrypted files nothing can be compared: what is in memory decides. The footage is encrypted as well."""
    with cameras(90.0) as there:
        (one,) = there
        keys = f'recipients = ["{Identity.new().recipient}"]\nrecovery = "{Identity.new().recipient}"\n'
        chosen = settings(f"{one.settings}encrypt = true\n[encryption]\n{keys}")
        with rig(chosen, tmp_path) as bench:
            recorded(bench, there, 3)
        dead_ms = bench.clock.now_ms()
        until(lambda: bench.clock.now_ms() - dead_ms > 4000, 60, "some seconds without a recorder")
        with rig(chosen, tmp_path) as bench:
            recorded(bench, there, 3)
            bench.running.parts.filler.ask(one.name, Span(1, bench.clock.now_ms()))
            until(lambda: is_filled(bench, one.name), 60, "filled")
            gap = next(each for each in bench.running.index.gaps(one.name, EVER) if each.reason is GapReason.FILLED)
            assert gap.detail == "tawny wasn't running: stopped by a user"
            (footage,) = [
                each for each in bench.running.index.segments(one.name, None, gap.span(0)) if is_filled_in(each.run)
            ]
            assert footage.path.endswith(".tws")
            assert_marked(tmp_path, footage)
            known = read_about(RealDisk(tmp_path), footage.path)
            assert known is not None
            assert is_filled_in(known.run), "readable without a key"
        assert_checked(tmp_path)


def test_what_the_card_lacks_stays_a_gap(tmp_path: Path) -> None:
    """And a camera's trouble ends the filling, which goes on afterwards."""
    with cameras(0.0) as there:
        (one,) = there
        with rig(settings(one.settings), tmp_path) as bench:
            recorded(bench, there, 3)
            one.card.since_ms = bench.clock.now_ms() + 3_000
            one.card.breaks_after = 10
            outage(bench, there, 8)
            recorded(bench, there, 1)
            index = bench.running.index
            until(lambda: GapReason.FILLED in {gap.reason for gap in index.gaps(one.name, EVER)}, 90, "some")
            (left,) = [
                gap for gap in index.gaps(one.name, EVER)
                if gap.reason is not GapReason.FILLED and not gap.is_start
            ]  # fmt: skip
            assert left.reason in (GapReason.CAMERA_RESTART, GapReason.UNREACHABLE)
            assert left.end_ms is not None
            assert abs(left.end_ms - one.card.since_ms) < 1_500
        assert_checked(tmp_path)


@pytest.mark.long
def test_sixteen_cameras_lose_five_minutes(tmp_path: Path) -> None:
    """All are filled one after another; the live video of none loses a packet meanwhile."""
    clip = ClipSpec(width=160, height=120, fps=10, seconds=700.0, gop_s=2.0, detail=20)
    with cameras(*(90.0 * (number % 2) for number in range(16)), clip=clip) as there:
        with rig(settings("".join(one.settings for one in there)), tmp_path) as bench:
            recorded(bench, there, 10)
            outage(bench, there, 300)
            recorded(bench, there, 1)
            begun_s = bench.clock.mono_s()
            until(lambda: all(is_filled(bench, one.name) for one in there), 1500, "all filled")
            filled_s = bench.clock.mono_s() - begun_s
            recorded(bench, there, 5)
            for one in there:
                assert len(one.rtsp.playing) == 2, "live video went on"
        assert_checked(tmp_path)
        off_ms = max(assert_continuous(tmp_path, one) for one in there)
        lost_s = max(missing_s(tmp_path, one.name) for one in there)
        note("card", cameras=len(there), outage_s=300, filled_s=filled_s, lost_s=lost_s, limit_s=0.1, off_ms=off_ms)
        assert lost_s <= 0.1
