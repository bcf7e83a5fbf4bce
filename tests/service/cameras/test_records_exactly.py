"""What an independent server sent is what lies on the disk: the same bytes, in order, none missing, none twice."""

import os
from pathlib import Path

import pytest

from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.packets import VideoCodec
from tawny.model.states import CameraState
from tawny.storage.disk.volume import Volume
from tawny.testing.clips import ClipSpec, clip_file, read_clip
from tawny.testing.waiting import until
from tests.app.rig import one_camera, rig, segments
from tests.sources.test_gstreamer import essence, launch, pytestmark, serving, truth

__all__ = ["pytestmark"]

FOOTAGE = Path(os.environ.get("TAWNY_FOOTAGE", Path(__file__).parents[4] / "shared" / "footage"))
REAL: list[tuple[str, VideoCodec, str]] = [
    ("burrow-night-ir.mp4", "h264", ""),
    ("garden-brightness.mp4", "h264", ""),
    ("burrow-night-ir-hevc-4k.mp4", "h265", "aac"),
]


def recorded_once(source: Path, codec: VideoCodec, sound: str, folder: Path) -> None:
    """Serve a file, record it until the server hangs up, and hold the disk against the file."""
    clip = read_clip(source)
    with serving(launch(source, codec, sound)) as server, rig(one_camera(f"rtsp://{server}/0"), folder) as bench:
        bench.wait_for(CameraState.RECORDING, 15)
        until(lambda: bench.state() is not CameraState.RECORDING or len(segments(folder)) > 0, clip.length_s + 15)
        until(lambda: len(segments(folder)) > 0, 60, "the first run's file is closed")
    first = segments(folder)[0]
    file = read_segment(Volume.at(folder).path(first.path))
    found = list(samples(file, file.fragments))
    pictures = [essence(codec, bytes(one.data)) for one in found if one.is_video]
    assert pictures == truth(clip)
    heard = b"".join(bytes(one.data) for one in found if not one.is_video)
    tone = b"".join(packet.data for packet in clip.packets if not packet.is_video)
    assert tone.endswith(
        heard
    )  # without a hole and to its end; some servers leave out what is before the first picture
    assert len(heard) >= 0.9 * len(tone) if sound else heard == b""


@pytest.mark.shows("RC3")
@pytest.mark.parametrize(
    "spec",
    [
        ClipSpec("h264", seconds=3),
        ClipSpec("h265", seconds=3, sound="aac"),
        ClipSpec("h264", seconds=3, slices=3, b_frames=2, sound="pcmu"),
    ],
    ids=["h264", "h265-aac", "h264-slices-b-pcmu"],
)
def test_made_clips(spec: ClipSpec, tmp_path: Path) -> None:
    recorded_once(clip_file(spec), spec.codec, spec.sound, tmp_path)


@pytest.mark.parametrize(("name", "codec", "sound"), [one for one in REAL if (FOOTAGE / one[0]).exists()])
def test_real_footage(name: str, codec: VideoCodec, sound: str, tmp_path: Path) -> None:
    recorded_once(FOOTAGE / name, codec, sound, tmp_path)
