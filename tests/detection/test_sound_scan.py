"""Sounds of files: the same events and names as live detection gives."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tawny.detection.audio import SoundRules
from tawny.detection.scan.sounds import scan_sounds
from tawny.detection.sound_classes import SoundNamer, SoundQueue, SoundSettings
from tawny.media.codec.video_file import FileVideo
from tawny.model.ids import CameraId
from tests.detection import films
from tests.detection.test_sound import RATE, alarm, among_noise, bark, listen

RULES = SoundRules(50, 1.0)
PICTURES = 5


class Shrill:
    """Calls what is loud and high an alarm, and anything else that is loud a bark."""

    length, trouble = 15_600, ""

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> Mapping[str, float]:
        del camera, at_ms
        if abs(samples).max() < 0.05:
            return {}
        crossings = float(np.mean(np.diff(np.sign(samples)) != 0))
        return {"Smoke alarm": 0.9} if crossings > 0.27 else {"Bark": 0.8}

    def close(self) -> None: ...


def namer() -> SoundNamer:
    return SoundNamer(CameraId("scan"), Shrill(), SoundQueue(is_inline=True), SoundSettings())


def filmed(path: Path, sound: Any, codec: str = "aac") -> Path:
    """A grey film with this sound, at RATE."""
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=PICTURES, options={"preset": "ultrafast", "g": "10"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio: Any = out.add_stream(codec, rate=RATE)
        audio.layout = "mono"
        for n in range(len(sound) * PICTURES // RATE):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 110, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, PICTURES)
            out.mux(video.encode(frame))
        pcm = (sound * 32767).clip(-32768, 32767).astype(np.int16)[None]
        resampler = av.AudioResampler(format=audio.codec_context.format, layout="mono", rate=RATE, frame_size=1024)
        heard = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        heard.sample_rate, heard.pts = RATE, 0
        for part in [*resampler.resample(heard), *resampler.resample(None)]:
            out.mux(audio.encode(part))
        out.mux(audio.encode(None))
        out.mux(video.encode(None))
    return path


@pytest.mark.parametrize(("codec", "suffix"), [("aac", ".mp4"), ("aac", ".mkv"), ("pcm_mulaw", ".mov")])
def test_a_file_has_the_events_of_live_detection(tmp_path: Path, codec: str, suffix: str) -> None:
    rng = np.random.default_rng(3)
    sound = among_noise(alarm(rng), np.zeros(4 * RATE), bark(rng))
    live = listen(sound, model=Shrill())
    starts = [what[1] for what in live.what if what[0] == "loud"]
    found = scan_sounds(FileVideo(filmed(tmp_path / f"sounds{suffix}", sound, codec)), RULES, namer())
    assert [one.start_s for one in found] == pytest.approx(starts, abs=1.0)
    assert [one.label for one in found] == ["alarm", "bark"]
    assert set(live.names) == {"alarm", "bark"}
    assert all(one.kind == "sound" and one.end_s > one.start_s and one.score >= 50 for one in found)


def test_without_a_model_loud_sounds_have_no_name(tmp_path: Path) -> None:
    sound = among_noise(alarm(np.random.default_rng(3)))
    (found,) = scan_sounds(FileVideo(filmed(tmp_path / "sounds.mp4", sound)), RULES, None)
    assert (found.kind, found.label) == ("sound", "")


def test_a_file_without_sound_has_none() -> None:
    assert scan_sounds(FileVideo(films.passes_by()), RULES, namer()) == []
