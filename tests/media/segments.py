"""Segments made of clips, as the recorder makes them."""

from collections.abc import Mapping, Sequence

from tawny.media.mp4.decode_times import FileDecodeTimes
from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.model.packets import AudioFormat, VideoFormat
from tests.media.clips import Unit

ULAW = AudioFormat("pcmu", 8000, 1)
ALAW = AudioFormat("pcma", 8000, 1)
AAC = AudioFormat("aac", 16_000, 1, bytes.fromhex("1408"))
ABOUT = {"camera": "porch", "start_ms": 1_700_000_000_000}


def written(
    video: VideoFormat,
    units: Sequence[Unit],
    *,
    audio: AudioFormat | None = None,
    sound: Sequence[Unit] = (),
    per_fragment: int = 15,
    about: Mapping[str, object] | None = ABOUT,
    end: Mapping[str, object] | None = None,
) -> bytes:
    """One file; sound goes into the fragment in which it begins."""
    first = units[0].pts if units else 0
    times, sound_times = FileDecodeTimes(first, 6000), FileDecodeTimes(0, 160)
    data = [init_segment(video, audio, about)]
    left = list(sound)
    for at in range(0, len(units), per_fragment):
        part, following = units[at : at + per_fragment], units[at + per_fragment : at + per_fragment + 1]
        base, samples = times.samples(part, following[0].pts if following else None)
        until = (following[0].pts - first) / 90_000 if following else 1e9
        heard = [unit for unit in left if audio and unit.pts / audio.rate < until]
        left = left[len(heard) :]
        sound_base, sound_samples = sound_times.samples(heard, left[0].pts if left else None)
        data += map(bytes, fragment(at // per_fragment + 1, samples, sound_samples, base, sound_base))
    if end is not None:
        data.append(end_box(end))
    return b"".join(data)


def g711(seconds: float) -> list[Unit]:
    """Sound in packets of 20 ms, each of another loudness."""
    return [Unit(bytes([200 + k % 50]) * 160, k * 160, False) for k in range(round(seconds * 50))]


def as_samples(units: Sequence[Unit], duration: int) -> list[Sample]:
    return [Sample(unit.data, unit.pts, duration, unit.is_keyframe) for unit in units]
