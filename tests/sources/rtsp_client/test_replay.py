"""Replay of a camera's own recordings: the header extension, the request, and a whole replay over loopback."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.errors import SourceError
from tawny.model.packets import VIDEO_RATE, SourcePacket
from tawny.model.times import SystemClock
from tawny.protocols.rtp import ReplayMark, read_replay_mark, replay_extension
from tawny.sources.network_address import parse_rtsp
from tawny.sources.rtsp.client.replay import ReplayConnection, ReplayRequest
from tawny.sources.rtsp.client.session import StreamMemory
from tawny.sources.rtsp.client.timestamp_aligner import ReplayTimes
from tawny.sources.rtsp.source import DEFAULTS
from tawny.sources.source import read_packets
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_card import MemoryCard
from tawny.testing.rtsp_viewer import CameraSetup

CLOCK = SystemClock()
TICKS = st.integers(1_600_000_000 * VIDEO_RATE, 1_900_000_000 * VIDEO_RATE)


@given(TICKS, st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 1000))
def test_marks_are_read_as_written(ticks: int, clean: bool, ends: bool, broken: bool, last: bool, cseq: int) -> None:
    mark = ReplayMark(ticks, clean, ends, broken, last)
    data = replay_extension(mark, cseq)
    assert read_replay_mark(memoryview(data), 0, len(data)) == mark


@given(st.binary(max_size=40), st.integers(0, 10))
def test_anything_else_is_no_mark(data: bytes, begin: int) -> None:
    """It may be another extension, or a clock that was never set."""
    begin = min(begin, len(data))
    found = read_replay_mark(memoryview(data), begin, len(data))
    assert found is None or found.ticks >= 1_577_836_800 * VIDEO_RATE


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, (1 << 32) - 1), st.binary(max_size=20)), max_size=60))
def test_times_of_a_replay_take_anything(came: list[tuple[int, int, bytes]]) -> None:
    times = ReplayTimes()
    for track, time, data in came:
        times.mark(track, time, memoryview(data), 0, len(data))
        assert isinstance(times.picture_at(0, time, 0.0, is_anew=False), int)
        times.sound_at(0, time, 160, 0.0, is_anew=False)


def test_the_request_names_the_time_of_the_camera() -> None:
    asked = ReplayRequest(1_795_397_408_650, 1_795_397_416_452, keyframes_only=True)
    assert asked.headers == (
        ("Range", "clock=20261123T013008.650Z-20261123T013016.452Z"), ("Rate-Control", "no"), ("Frames", "intra"),
    )  # fmt: skip


def replayed(camera: RtspCamera, asked: ReplayRequest) -> tuple[list[SourcePacket], ReplayConnection, str]:
    connection = ReplayConnection(parse_rtsp(camera.address), DEFAULTS, CLOCK, StreamMemory(), asked)
    packets: list[SourcePacket] = []
    try:
        packets.extend(read_packets(connection, CLOCK, CLOCK.mono_s() + 20))
    except SourceError as error:
        return packets, connection, error.detail
    finally:
        connection.close()
    raise AssertionError("it did not end")


@pytest.fixture
def camera() -> RtspCamera:
    """It has encoded for an hour, with sound, and its clock is 90 s wrong."""
    made = RtspCamera(
        made_clip(ClipSpec(width=64, height=64, seconds=4, sound="pcmu")), CameraSetup(login="md5", password="p")
    )
    made.card = MemoryCard(ahead_s=90)
    return made


@pytest.mark.parametrize("keyframes_only", [False, True])
def test_a_replay_has_all_frames_at_their_times(camera: RtspCamera, keyframes_only: bool) -> None:
    with camera:
        card = camera.card
        assert card is not None
        card.begun_s -= 3600
        card.begun_ms -= 3_600_000
        begin_ms = card.begun_ms + 1_000_500
        asked = ReplayRequest(round(begin_ms + 90_000), round(begin_ms + 100_000), keyframes_only)
        packets, connection, _ = replayed(camera, asked)
        assert connection.was_timed
        assert not any(one.is_damaged for one in packets)
        wanted = [
            one
            for one in card.recorded(camera.clip)
            if begin_ms - 1000 <= one.at_ms < begin_ms + 10_000 and (one.packet.is_keyframe or not keyframes_only)
        ]
        pictures = [one for one in wanted if one.packet.is_video][-len([one for one in packets if one.is_video]) :]
        found = [one for one in packets if one.is_video]
        assert [one.data for one in found] == [one.packet.data for one in pictures]
        assert len(found) >= (10 if keyframes_only else 150)
        off_ms = [one.pts * 1000 / VIDEO_RATE - 90_000 - sent.at_ms for one, sent in zip(found, pictures, strict=True)]
        assert max(map(abs, off_ms)) < 0.1
        sounds = [one for one in packets if not one.is_video]
        assert bool(sounds) != keyframes_only
        assert all(abs(one.pts / 8000 - 90 - begin_ms / 1000) < 12 for one in sounds)


def test_a_camera_without_replay_refuses_it(camera: RtspCamera) -> None:
    camera.card = None
    with camera:
        packets, connection, detail = replayed(camera, ReplayRequest(1_700_000_000_000, 1_700_000_010_000))
        assert not packets
        assert not connection.is_playing
        assert "551" in detail
