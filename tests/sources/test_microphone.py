"""Microphones of this computer. Their programs are stood in for by one that takes the same words and writes a tone."""

import json
import os
import sys
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.config.settings import CameraSettings
from tawny.media.audio import linear
from tawny.model.packets import VIDEO_RATE, AudioFormat, SourcePacket
from tawny.sources.microphone import AGAIN_S, FORMAT, MicrophoneConnection, recorder_words
from tawny.sources.source import IdleUntil
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until

_PROGRAM = """#!{python}
import json, math, struct, sys, time
from pathlib import Path
Path(__file__).with_suffix(".json").write_text(json.dumps(sys.argv[1:]))
if {fails}:
    sys.exit(1)
while not Path(__file__).with_suffix(".go").exists():
    time.sleep(0.01)
tone = [round(8000 * math.sin(2 * math.pi * 440 * at / 8000)) for at in range(8000)]
sys.stdout.buffer.write(struct.pack("<8000h", *tone))
sys.stdout.buffer.flush()
time.sleep(60)
"""


class Video:
    """A camera without sound that has one picture for each read, as its clock goes on."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.is_closed = clock, False
        self.packets = iter(made_clip(ClipSpec()).packets)

    def read(self) -> SourcePacket | IdleUntil:
        self.clock.advance(1 / 15)
        return next(self.packets, IdleUntil(1.0))

    def close(self) -> None:
        self.is_closed = True

    @property
    def notes(self) -> dict[str, Any]:
        return {"fps": 15.0, "hint": ""}


def program(folder: Path, *, fails: bool = False) -> Path:
    path = folder / "recorder"
    path.write_text(_PROGRAM.format(python=sys.executable, fails=fails))
    path.chmod(0o755)
    return path


def sounds(connection: MicrophoneConnection, samples: int) -> list[SourcePacket]:
    got: list[SourcePacket] = []

    def enough() -> bool:
        one = connection.read()
        if not isinstance(one, IdleUntil) and not one.is_video:
            got.append(one)
        return sum(len(one.data) for one in got) >= samples

    until(enough, 60, "it is heard")
    return got


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("alsa:plughw:1", "arecord -q -D plughw:1 -t raw -f S16_LE -r 8000 -c 1"),
        ("alsa:plughw:CARD=C920,DEV=0", "arecord -q -D plughw:CARD=C920,DEV=0 -t raw -f S16_LE -r 8000 -c 1"),
        ("pulse:default", "parec --raw --format=s16le --rate=8000 --channels=1 --latency-msec=50"),
        ("pulse:a.mono", "parec --device=a.mono --raw --format=s16le --rate=8000 --channels=1 --latency-msec=50"),
    ],
)
def test_the_programs_get_exactly_these_words(address: str, words: str) -> None:
    assert recorder_words(address) == words.split()


def test_sound_is_recorded_beside_the_video_at_its_time(tmp_path: Path) -> None:
    clock, path = FakeClock(), program(tmp_path)
    connection = MicrophoneConnection(Video(clock), "alsa:plughw:1", clock, lambda _: str(path))
    first = connection.read()
    assert isinstance(first, SourcePacket)
    assert first.is_video
    assert sum(isinstance(connection.read(), SourcePacket) for _ in range(30)) == 30
    path.with_suffix(".go").touch()
    got = sounds(connection, 7_000)
    connection.close()
    assert json.loads(path.with_suffix(".json").read_text()) == recorder_words("alsa:plughw:1")[1:]
    assert {one.format for one in got} == {FORMAT}
    steps = {after.pts - before.pts for before, after in pairwise(got)}
    assert steps == {320}
    heard = linear("pcmu", b"".join(one.data for one in got))
    spectrum = np.abs(np.fft.rfft(heard))
    assert abs(np.argmax(spectrum) * 8000 / len(heard) - 440) < 3


def test_sound_before_the_first_picture_is_left_out(tmp_path: Path) -> None:
    clock, path = FakeClock(), program(tmp_path)
    video = Video(clock)
    video.packets = iter(())
    connection = MicrophoneConnection(video, "alsa:plughw:1", clock, lambda _: str(path))
    path.with_suffix(".go").touch()
    until(path.with_suffix(".json").exists, 60, "it runs")
    assert all(isinstance(connection.read(), IdleUntil) for _ in range(50))
    connection.close()
    assert video.is_closed


def test_the_cameras_own_sound_is_left_out() -> None:
    clock = FakeClock()
    video, pictures = Video(clock), made_clip(ClipSpec()).packets[:20]
    own = [SourcePacket(AudioFormat("aac", 16_000, 1), b"own", at * 1_000) for at in range(20)]
    video.packets = chain.from_iterable(zip(pictures, own, strict=True))
    connection = MicrophoneConnection(video, "alsa:plughw:1", clock, lambda _: None)
    got = [one for one in (connection.read() for _ in range(60)) if not isinstance(one, IdleUntil)]
    connection.close()
    assert got == list(pictures)


@pytest.mark.parametrize(("fails", "says"), [(True, "isn't there, or another program uses it"), (None, "is missing")])
def test_without_its_microphone_a_camera_goes_on_and_says_why(tmp_path: Path, fails: bool | None, says: str) -> None:
    clock = FakeClock()
    path = program(tmp_path, fails=True) if fails else None
    tries: list[str] = []

    def find(name: str) -> str | None:
        tries.append(name)
        return str(path) if path else None

    video = Video(clock)
    connection = MicrophoneConnection(video, "alsa:plughw:1", clock, find)
    until(lambda: connection.read() is not None and says in connection.notes.get("hint", ""), 60, "it is said")
    clock.advance(AGAIN_S)
    connection.read()
    assert tries == ["arecord", "arecord"]
    connection.close()


class Recorder:
    """A program that records when it is told."""

    def __init__(self, *_: object, **__: object) -> None:
        out, self._into = os.pipe()
        self.stdout = os.fdopen(out, "rb")

    def record(self, samples: int) -> None:
        os.write(self._into, b"\1\0" * samples)

    def terminate(self) -> None: ...
    def wait(self, limit_s: float = 0.0) -> None: ...

    def kill(self) -> None:
        os.close(self._into)


class Pair:
    """A camera and a microphone whose clocks run at these speeds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, camera: float = 1.0, microphone: float = 1.0) -> None:
        self._speeds, self._clock, self._recorder = (camera, microphone), FakeClock(), Recorder()
        monkeypatch.setattr("tawny.sources.microphone.subprocess.Popen", lambda *_, **__: self._recorder)
        self._video, self._picture = Video(self._clock), made_clip(ClipSpec()).packets[0]
        self.connection = MicrophoneConnection(self._video, "alsa:plughw:1", self._clock, lambda _: "arecord")
        self._video.read = self._next  # type: ignore[method-assign]
        self.camera_s = self._recorded_s = 0.0
        self._shown = True
        self.sound: list[SourcePacket] = []

    def _next(self) -> SourcePacket | IdleUntil:
        self._shown = not self._shown
        return IdleUntil(1.0) if self._shown else replace(self._picture, pts=round(self.camera_s * VIDEO_RATE))

    def run(self, seconds: int) -> None:
        for _ in range(4 * seconds):
            self._clock.advance(0.25)
            self.camera_s += 0.25 * self._speeds[0]
            before, self._recorded_s = self._recorded_s, self._recorded_s + 0.25 * self._speeds[1]
            self._recorder.record(round(self._recorded_s * 8_000) - round(before * 8_000))
            while not isinstance(one := self.connection.read(), IdleUntil):
                if not one.is_video:
                    self.sound.append(one)

    @property
    def apart_s(self) -> float:
        """How far the newest sound is from the picture of its moment."""
        return abs((self.sound[-1].pts + 320) / 8_000 - self.camera_s)


@pytest.mark.parametrize(("camera", "microphone"), [(1.0, 1.001), (0.999, 1.0)])
def test_sound_stays_with_its_pictures_when_a_clock_is_off(
    monkeypatch: pytest.MonkeyPatch, camera: float, microphone: float
) -> None:
    pair = Pair(monkeypatch, camera, microphone)
    pair.run(600)
    pair.connection.close()
    assert pair.apart_s < 0.4
    assert all(after.pts - before.pts >= 320 for before, after in pairwise(pair.sound))


def test_sound_goes_back_with_the_clock_of_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(monkeypatch)
    pair.run(60)
    pair.camera_s -= 50
    pair.run(2)
    pair.connection.close()
    assert pair.apart_s < 0.3


@pytest.mark.parametrize("address", ["hw:1", "alsa:", "alsa:-x", "pulse:a b", "alsa:$(reboot)", "file:/etc/passwd"])
def test_only_names_of_microphones_are_allowed(address: str) -> None:
    with pytest.raises(ValueError, match="microphone"):
        CameraSettings(source="demo:", microphone=address)
    assert CameraSettings(source="demo:", microphone="alsa:plughw:1").microphone
    assert CameraSettings(source="demo:").microphone == ""
