"""Microphones of this computer. Their programs are stood in for by one that takes the same words and writes a tone."""

import json
import sys
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.config.settings import CameraSettings
from tawny.media.audio import linear
from tawny.model.packets import AudioFormat, SourcePacket
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


@pytest.mark.parametrize("address", ["hw:1", "alsa:", "alsa:-x", "pulse:a b", "alsa:$(reboot)", "file:/etc/passwd"])
def test_only_names_of_microphones_are_allowed(address: str) -> None:
    with pytest.raises(ValueError, match="microphone"):
        CameraSettings(source="demo:", microphone=address)
    assert CameraSettings(source="demo:", microphone="alsa:plughw:1").microphone
    assert CameraSettings(source="demo:").microphone == ""
