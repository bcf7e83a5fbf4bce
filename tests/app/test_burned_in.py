"""Privacy masks burned into recordings: the whole recorder with real cameras, by the pixels of the stored files."""

import os
import signal
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.config.settings import Settings
from tawny.media.codec.decoder import Decoder
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.errors import NotDone
from tawny.model.ids import StreamName
from tawny.model.messages import CameraTurned
from tawny.model.packets import SourcePacket
from tawny.model.segments import Gap, GapReason
from tawny.model.states import CameraState
from tawny.model.times import Span
from tawny.service.cameras.masking_cost import MaskingCost
from tawny.sources.rtsp.client.timestamp_aligner import TimestampAligner
from tawny.storage.disk.volume import Volume
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.app.rig import DOOR, EVER, Rig, hashed, looked_at, on_disk, one_camera, rig, segments

LEFT, RIGHT = "[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]", "[[0.5, 0], [1, 0], [1, 1], [0.5, 1]]"
CLIP = ClipSpec(width=160, height=120, fps=10, seconds=4.0, sound="aac")
DARK, LIGHT = 40, 100


def burned_in(camera: RtspCamera, masks: str = LEFT, more: str = "") -> Settings:
    return one_camera(camera.address, f"burn_in_masks = true\nprivacy_masks = [{masks}]\n{more}")


def halves(folder: Path, stream: StreamName = StreamName.MAIN) -> list[tuple[int, int]]:
    """Return the brightest pixels of the left and the right half of every stored frame, in order."""
    found = []
    for segment in segments(folder, stream=stream):
        file = read_segment(Volume.at(folder).path(segment.path))
        decoder = Decoder(file.video)
        frames = []
        for one in samples(file, file.fragments):
            if one.is_video:
                frames += decoder.decode(SourcePacket(file.video, bytes(one.data), one.pts, one.is_keyframe))
        for frame in [*frames, *decoder.drain()]:
            luma: Any = np.asarray(frame.luma)
            middle = luma.shape[1] // 2
            found.append((int(luma[:, : middle - 4].max()), int(luma[:, middle + 4 :].max())))
    return found


def process_of(bench: Rig) -> int:
    """Return the newest process that burns in masks, a child of this one."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    found = sorted({int(one) for path in children for one in path.read_text().split()})
    return [one for one in found if b"masking_process" in Path(f"/proc/{one}/cmdline").read_bytes()][-1]


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The frames of sound that were left out to keep it in time with the pictures, by their timestamps."""
    found: list[int] = []
    sound_at = TimestampAligner.sound_at

    def counted(self: TimestampAligner, ticks: int, *what: Any, **how: Any) -> int | None:
        at = sound_at(self, ticks, *what, **how)
        if at is None:
            found.append(ticks)
        return at

    monkeypatch.setattr(TimestampAligner, "sound_at", counted)
    return found


def assert_sound_is_whole(sound: list[bytes], sent: list[bytes], gaps: list[Gap], cuts: list[int]) -> None:
    """Without a break, but where a busy machine left out so many frames that there is a gap, or sound came early."""
    assert {one.reason for one in gaps} <= {GapReason.MASKING, GapReason.STALLED}
    assert sound
    in_order = set(pairwise(sent))
    assert sum(pair not in in_order for pair in pairwise(sound)) <= len(gaps) + len(cuts)


def measured_cost(bench: Rig) -> MaskingCost:
    """As soon as enough video has come since the last keyframe, which takes a busy machine longer."""
    found: list[MaskingCost] = []

    def is_measured() -> bool:
        with suppress(NotDone):
            found.append(bench.running.tuning.masking_cost(DOOR))
        return bool(found)

    until(is_measured, 40, "enough video to measure")
    return found[0]


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_stored_files_never_hold_what_is_under_the_mask(tmp_path: Path, codec: Any, cuts: list[int]) -> None:
    spec = ClipSpec(codec=codec, width=160, height=120, fps=10, seconds=4.0, sound="aac")
    with RtspCamera(made_clip(spec)) as camera, RtspCamera(made_clip(CLIP)) as small:
        with rig(burned_in(camera, LEFT, f'sub = "{small.address}"\n'), tmp_path) as bench:
            bench.wait_for_seconds(5)
            cost = measured_cost(bench)
        sent = camera.playing[0].sent
    for stream in (StreamName.MAIN, StreamName.SUB):
        found = halves(tmp_path, stream)
        assert len(found) > 30
        assert max(left for left, _ in found) < DARK
        assert min(right for _, right in found) > LIGHT
    sound = on_disk(tmp_path, DOOR, is_video=False)
    assert_sound_is_whole(sound, [unit.data for unit in sent if not unit.is_video], bench.gaps(), cuts)
    assert looked_at(tmp_path).ok
    assert 0 < cost.cores < 16
    assert cost.bytes_day > 0
    assert cost.bytes_day_before > cost.bytes_day / 10
    assert (cost.encoder, cost.is_hardware) == ("libx264", False)
    video = read_segment(Volume.at(tmp_path).path(segments(tmp_path)[0].path))
    steps = np.diff([one.pts for one in samples(video, video.fragments) if one.is_video])
    assert video.video.codec == "h264"
    assert not any(steps % 9_000), "the camera's own times, also where a busy machine left frames out"


def test_a_killed_process_costs_seconds_and_the_gap_says_why(tmp_path: Path) -> None:
    with RtspCamera(made_clip(CLIP)) as camera, rig(burned_in(camera), tmp_path) as bench:
        bench.wait_for_seconds(2)
        os.kill(process_of(bench), signal.SIGKILL)
        until(lambda: any(one.reason is GapReason.MASKING for one in bench.gaps()), 20, "the gap has its reason")
        bench.wait_for(CameraState.RECORDING, 20)
        bench.wait_for_seconds(2)
        gaps = bench.gaps()
    [gap] = gaps
    assert gap.detail == "the process that burns them in ended (code -9)"
    assert gap.end_ms is not None
    assert gap.end_ms - gap.begin_ms < 10_000
    assert max(left for left, _ in halves(tmp_path)) < DARK


def test_the_pre_roll_of_an_event_is_masked_as_well(tmp_path: Path) -> None:
    with RtspCamera(made_clip(CLIP)) as camera:
        chosen = burned_in(camera, LEFT, 'record = "events"\npre = "3 s"\npost = "2 s"\n')
        with rig(chosen, tmp_path) as bench:
            bench.wait_for(CameraState.WAITING, 20)
            hub = bench.running.hub(DOOR, StreamName.MAIN)
            assert hub is not None
            until(lambda: len(hub.recent(10.0)) > 40, 20, "a pre-roll")
            now_ms = bench.clock.now_ms()
            bench.running.bus.publish(CameraTurned(DOOR, now_ms, now_ms + 1_000))
            bench.wait_for_seconds(3)
    found = halves(tmp_path)
    assert len(found) > 30
    assert max(left for left, _ in found) < DARK


def test_the_pre_roll_of_an_event_has_a_mask_that_was_added_just_before(tmp_path: Path) -> None:
    events = 'record = "events"\npre = "3 s"\npost = "2 s"\n'
    with RtspCamera(made_clip(CLIP)) as camera, rig(burned_in(camera, LEFT, events), tmp_path) as bench:
        bench.wait_for(CameraState.WAITING, 20)
        before = bench.running.hub(DOOR, StreamName.MAIN)
        assert before is not None
        until(lambda: len(before.recent(10.0)) > 40, 20, "a pre-roll")
        bench.running.apply(burned_in(camera, RIGHT, events), "test")
        until(lambda: bench.running.hub(DOOR, StreamName.MAIN).newest is not None, 20, "video")  # type: ignore[union-attr]
        now_ms = bench.clock.now_ms()
        bench.running.bus.publish(CameraTurned(DOOR, now_ms, now_ms + 1_000))
        bench.wait_for_seconds(2)
    assert max(right for _, right in halves(tmp_path)) < DARK


def test_recording_goes_on_masked_after_a_restart(tmp_path: Path) -> None:
    with RtspCamera(made_clip(CLIP)) as camera:
        for _ in range(2):
            with rig(burned_in(camera), tmp_path) as bench:
                bench.wait_for_seconds(2)
    found = halves(tmp_path)
    assert len({one.run for one in segments(tmp_path)}) == 2
    assert max(left for left, _ in found) < DARK


def test_changed_masks_apply_without_a_gap_and_turning_it_off_leaves_the_files(tmp_path: Path) -> None:
    with RtspCamera(made_clip(CLIP)) as camera:
        first, second = burned_in(camera), burned_in(camera, RIGHT)
        plain = one_camera(camera.address)
        with rig(first, tmp_path) as bench:
            bench.wait_for_seconds(2)
            bench.running.apply(second, "test")
            bench.wait_for_seconds(3)
            assert bench.gaps() == []
            bench.running.apply(plain, "test")
            until(lambda: len(bench.running.index.segments(DOOR, StreamName.MAIN, EVER)) == 1, 20, "its file is closed")
            masked = {one.path: hashed(Volume.at(tmp_path).path(one.path).read_bytes()) for one in segments(tmp_path)}
            bench.wait_for_seconds(3)
    found = halves(tmp_path)
    is_left, is_right = [left < DARK for left, _ in found], [right < DARK for _, right in found]
    changed, ended = is_left.index(False), next(n for n in range(len(found)) if not is_left[n] and not is_right[n])
    assert all(is_left[:changed])
    assert all(is_right[changed:ended])
    assert not any(is_left[ended:]) and not any(is_right[ended:])
    assert 0 < changed < ended < len(found) - 10
    assert masked == {path: hashed(Volume.at(tmp_path).path(path).read_bytes()) for path in masked}


def test_the_cards_footage_is_not_used_because_it_is_not_masked(tmp_path: Path) -> None:
    with RtspCamera(made_clip(CLIP)) as camera:
        chosen = burned_in(camera, LEFT, 'onvif = "http://127.0.0.1:9/onvif/device_service"\ncamera_events = "off"\n')
        with rig(chosen, tmp_path) as bench:
            filler = bench.running.parts.filler
            with pytest.raises(NotDone, match="its card has the whole image"):
                filler.ask(DOOR, Span(1, 2))
