import itertools
import math
from dataclasses import replace

import av
import numpy as np
import pytest

from tawny.media.audio import (
    AAC_FRAME_SAMPLES,
    OPUS_FRAME_SAMPLES,
    OPUS_RATE,
    CodedSound,
    Soundtrack,
    ToAac,
    ToOpus,
    soundtrack,
)
from tawny.model.packets import AudioCodec, AudioFormat

RATE = 8000
CODECS: list[tuple[AudioCodec, str]] = [("pcmu", "pcm_mulaw"), ("pcma", "pcm_alaw")]


def linear(decoder: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """What FFmpeg makes of each of the 256 bytes."""
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = RATE, "mono"
    (frame,) = context.decode(av.Packet(bytes(range(256))))
    return np.asarray(frame.to_ndarray()[0] / 32768, np.float32)


def tone(decoder: str, seconds: float = 2.0) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], bytes]:
    wave = np.sin(np.arange(round(seconds * RATE)) * 2 * math.pi * 440 / RATE) / 2
    return wave, np.abs(wave[:, None] - linear(decoder)[None]).argmin(1).astype(np.uint8).tobytes()


def encoded(to_aac: ToAac, data: bytes, first_pts: int = 0, step: int = 160) -> list[CodedSound]:
    made: list[CodedSound] = []
    for at in range(0, len(data), step):
        made += to_aac.encode(data[at : at + step], first_pts + at)
    return made + to_aac.finish()


def decoded(made: AudioFormat, sounds: list[CodedSound]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    context = av.CodecContext.create("aac", "r")
    context.extradata = made.config
    assert isinstance(context, av.AudioCodecContext)
    return np.concatenate([f.to_ndarray()[0] for sound in sounds for f in context.decode(av.Packet(sound.data))])


@pytest.mark.parametrize(("codec", "decoder"), CODECS)
def test_the_sound_is_the_same_and_at_its_time(codec: AudioCodec, decoder: str) -> None:
    wave, data = tone(decoder)
    to_aac = ToAac(AudioFormat(codec, RATE, 1))
    sounds = encoded(to_aac, data, first_pts=5000)
    heard = decoded(to_aac.format, sounds)[5000 - sounds[0].pts :][: len(wave)]
    steady = slice(2000, -2000)
    assert np.abs(heard[steady] - wave[steady]).max() < 0.03


def test_frames_follow_one_another_without_a_hole() -> None:
    _, data = tone("pcm_mulaw")
    times = [sound.pts for sound in encoded(ToAac(AudioFormat("pcmu", RATE, 1)), data)]
    assert [b - a for a, b in itertools.pairwise(times)] == [AAC_FRAME_SAMPLES] * (len(times) - 1)


def test_stereo_stays_stereo() -> None:
    to_aac = ToAac(AudioFormat("pcma", RATE, 2))
    sounds = to_aac.encode(bytes(4 * 2 * AAC_FRAME_SAMPLES + 1), 0) + to_aac.finish()
    assert to_aac.format.channels == 2
    assert sounds


def test_after_a_hole_the_times_go_on_behind_it() -> None:
    to_aac = ToAac(AudioFormat("pcmu", RATE, 1))
    before = to_aac.encode(bytes(2 * AAC_FRAME_SAMPLES), 0)
    after = to_aac.encode(bytes(2 * AAC_FRAME_SAMPLES), 10 * RATE)
    assert before[-1].pts <= 2 * AAC_FRAME_SAMPLES
    assert after[-1].pts >= 10 * RATE - AAC_FRAME_SAMPLES
    times = [sound.pts for sound in before + after]
    assert times == sorted(set(times))


def test_jitter_of_the_times_is_no_hole() -> None:
    to_aac = ToAac(AudioFormat("pcmu", RATE, 1))
    sounds = [s for n in range(100) for s in to_aac.encode(bytes(160), n * 160 + n % 3 * 40)]
    times = [sound.pts for sound in sounds]
    assert [b - a for a, b in itertools.pairwise(times)] == [AAC_FRAME_SAMPLES] * (len(times) - 1)


@pytest.mark.parametrize(
    "source", [AudioFormat("aac", 48000, 2), AudioFormat("pcmu", 7999, 1), AudioFormat("pcma", 8000, 6)]
)
def test_what_cannot_become_aac_is_refused(source: AudioFormat) -> None:
    with pytest.raises(ValueError, match="cannot become AAC"):
        ToAac(source)


def test_a_frame_of_a_soundtrack_lasts_until_the_next_one() -> None:
    track = Soundtrack(AudioFormat("aac", 16000, 1), zero=1000)
    for pts in (0, 1000, 2024, 9000):
        track.add(b"x", pts)
    track.finish()
    assert [(sample.pts, sample.duration) for sample in track.take()] == [(0, 1024), (1024, 6976), (8000, 1024)]


def test_a_soundtrack_gives_each_frame_once() -> None:
    track = Soundtrack(AudioFormat("aac", 16000, 1))
    track.add(b"x", 0)
    track.add(b"y", 1024)
    assert [sample.data for sample in track.take()] == [b"x"]
    assert track.take() == []


def test_there_is_no_soundtrack_of_what_browsers_cannot_play() -> None:
    assert soundtrack(None) is None
    assert soundtrack(AudioFormat("pcmu", 7999, 1)) is None


def source_of(codec: AudioCodec, rate: int, seconds: float) -> tuple[AudioFormat, list[bytes], int]:
    """Return the format of some silence, its packets, and the samples of each."""
    silence, g711 = b"\xff" * round(seconds * rate), AudioFormat("pcmu", rate, 1)
    if codec == "pcmu":
        return g711, [silence[at : at + 320] for at in range(0, len(silence), 320)], 320
    to_aac = ToAac(g711)
    return to_aac.format, [sound.data for sound in to_aac.encode(silence, 0)], AAC_FRAME_SAMPLES


@pytest.mark.parametrize("codec", ["pcmu", "aac"])
@pytest.mark.parametrize(("pace", "lost"), [(1.0, 0), (1.0, 10), (1.01, 0), (0.99, 0), (0.99, 10)])
def test_opus_stays_with_its_source_over_lost_packets_and_drift(codec: AudioCodec, pace: float, lost: int) -> None:
    source, packets, samples = source_of(codec, 16_000, 40)
    to_opus, times = ToOpus(source), [-OPUS_FRAME_SAMPLES]
    for number, data in enumerate(packets):
        if lost and number % lost == lost - 1:
            continue
        pts = round(number * samples * pace)
        for sound in to_opus.encode(data, pts):
            assert abs(sound.pts / OPUS_RATE - pts / source.rate) < 0.15
            times.append(sound.pts)
    assert min(later - time for time, later in itertools.pairwise(times)) >= OPUS_FRAME_SAMPLES
    assert len(times) > 40 * 50 * (0.85 if lost else 0.97)


def test_opus_goes_on_where_its_source_begins_again() -> None:
    source, packets, samples = source_of("pcmu", 16_000, 4)
    to_opus = ToOpus(source)
    counts = [
        sum(len(to_opus.encode(data, (begin + number) * samples)) for number, data in enumerate(packets))
        for begin in (3_000, 0)
    ]
    assert counts[0] == counts[1] > 180


@pytest.mark.parametrize(("rate", "clock"), [(8_000, 48_000), (8_000, 90_000), (48_000, 8_000)])
def test_timestamps_at_another_rate_than_the_samples_are_no_hole(rate: int, clock: int) -> None:
    source, packets, samples = source_of("aac", rate, 10)
    to_opus = ToOpus(replace(source, rate=clock))
    sounds = [s for n, data in enumerate(packets) for s in to_opus.encode(data, n * samples * clock // rate)]
    assert [sound.pts for sound in sounds] == [n * OPUS_FRAME_SAMPLES for n in range(len(sounds))]
    assert len(sounds) > 480
