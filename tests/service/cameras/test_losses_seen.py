"""What gets lost on the way from a camera is seen everywhere: in the index, by `check`, on the timeline, in the status.

A camera on loopback that throws packets away, as real ones do when their link takes less than they send.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tawny.api.past.recording_routes import lane_info
from tawny.cli import status
from tawny.cli.output import Output
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.damage import DamagedSpan
from tawny.model.ids import StreamName
from tawny.model.messages import DamageFound
from tawny.model.times import Span
from tawny.playback import timeline
from tawny.protocols.rtp import RtpPacket
from tawny.service import json_format
from tawny.service.cameras.stream_figures import TOO_FAST
from tawny.service.health.camera_health import HealthReader
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index.opening import index_to_read, rebuild_index
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tawny.testing.waiting import until
from tests.app.rig import DOOR, EVER, Rig, looked_at, one_camera, rig, segments

OFF_MS = 250


class Dropping:
    """Throws away the last packet of some pictures: `some` more, keyframes or others."""

    def __init__(self, *, keyframes: bool) -> None:
        self.some = self.dropped = 0
        self._keyframes = keyframes

    def __call__(self, packets: list[RtpPacket]) -> Sequence[RtpPacket]:
        is_key = len(packets) > 1 and any(packet.payload[0] & 31 == 7 for packet in packets)
        if not self.some or is_key is not self._keyframes:
            return packets
        self.some -= 1
        self.dropped += 1
        return packets[:-1]


@pytest.fixture
def camera() -> RtspCamera:
    return RtspCamera(made_clip(ClipSpec(seconds=6)), CameraSetup(sender_reports=False))  # its clock is another matter


def more(bench: Rig, seconds: float) -> None:
    """Until so much more is recorded, however busy the machine is."""

    def recorded_ms() -> int:
        newest = bench.running.hub(DOOR, StreamName.MAIN)
        packet = newest.newest if newest is not None else None
        return packet.at_ms if packet is not None else 0

    until(lambda: recorded_ms() > 0, 60, "the first picture")
    begin_ms = recorded_ms()
    until(lambda: recorded_ms() >= begin_ms + seconds * 1000, 60, f"{seconds} s more")


def lose(bench: Rig, dropping: Dropping, some: int = 1) -> None:
    """Until it is lost, noticed, and over."""
    before = found(bench)
    dropping.some = some
    until(lambda: len(found(bench)) > len(before), 60, "damage is found")
    more(bench, 1.5)  # longer than a second from keyframe to keyframe


def found(bench: Rig) -> list[DamagedSpan]:
    newest = {one.damage.begin_ms: one.damage for one in list(bench.heard) if isinstance(one, DamageFound)}
    return list(newest.values())


def test_damage_is_in_the_index_on_the_timeline_in_the_check_and_in_the_status(
    camera: RtspCamera, tmp_path: Path
) -> None:
    dropping = Dropping(keyframes=False)
    camera.faults.packets = dropping
    with camera, rig(one_camera(camera.address), tmp_path) as bench:
        more(bench, 2)
        assert bench.running.cameras()[0].status.detail == ""
        for _ in range(3):
            lose(bench, dropping)
        seen = found(bench)
        assert len(seen) == 3
        until(lambda: len(bench.running.index.damage(DOOR, EVER)) == 3, 60, "it is in the index")
        within = Span(seen[0].begin_ms - 1000, bench.clock.now_ms())
        lane = timeline.timeline_lane(bench.running, DOOR, within, points=10, now_ms=bench.clock.now_ms())
        assert lane.damage == seen
        assert [one.words for one in lane_info(lane, bench.running).damage] == ["Video damaged"] * 3
        assert bench.running.cameras()[0].status.detail == TOO_FAST
        (today,) = HealthReader(bench.running).cameras()
        assert (today.today.damage.spans, today.today.damage.packets) == (3, 3)
        text = status.text(_status(bench), Output(as_json=False))
        assert f"{today.today.damage.seconds:.1f} s" in text
        assert "the bitrate is too high for the connection" in text
    report = looked_at(tmp_path)
    assert report.ok, report.findings
    whole = report.damage[DOOR]
    assert (whole.spans, whole.packets) == (3, dropping.dropped)
    assert whole.seconds == pytest.approx(sum(one.span.seconds for one in seen))
    volume = Volume.at(tmp_path)
    rebuild_index(volume, HistoryJournal(volume.disk))
    with index_to_read(tmp_path) as index:
        assert index.damage(None, EVER) == seen


def test_damage_ends_at_the_next_whole_keyframe_and_damaged_ones_are_none(camera: RtspCamera, tmp_path: Path) -> None:
    dropping = Dropping(keyframes=True)
    camera.faults.packets = dropping
    with camera, rig(one_camera(camera.address), tmp_path) as bench:
        more(bench, 2)
        lose(bench, dropping, 2)
        more(bench, 2)
        (seen,) = found(bench)
    keyframes_ms = _keyframes_ms(tmp_path)
    # in the file distances are the camera's own, while UTC follows drift
    assert not [at_ms for at_ms in keyframes_ms if seen.begin_ms <= at_ms < seen.end_ms - OFF_MS]
    assert [at_ms for at_ms in keyframes_ms if abs(at_ms - seen.end_ms) <= OFF_MS]
    assert seen.units >= 2
    assert seen.packets == 2
    assert seen.span.seconds > 1.5 * _usual_gop_s(keyframes_ms)  # two keyframes were lost


def _status(bench: Rig) -> dict[str, object]:
    """As the control socket answers."""
    return json_format.status(HealthReader(bench.running).now()) | {"self_test": ""}


def _keyframes_ms(folder: Path) -> list[int]:
    volume, at_ms = Volume.at(folder), []
    for segment in segments(folder, DOOR, StreamName.MAIN):
        file = read_segment(volume.path(segment.path))
        found = [one for one in samples(file, file.fragments) if one.is_video and one.is_keyframe]
        at_ms += [segment.start_ms + round(one.pts / 90) for one in found]
    return at_ms


def _usual_gop_s(keyframes_ms: list[int]) -> float:
    steps = sorted(after - before for before, after in pairwise(keyframes_ms))
    return steps[len(steps) // 2] / 1000
