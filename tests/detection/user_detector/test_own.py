"""Somebody's own `detect()`, whatever it does: told with its line, and looking goes on."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tawny.detection.decode_pipeline import FrameSampler
from tawny.detection.user_detector import UserDetector
from tawny.model.ids import CameraId
from tawny.model.observations import Look
from tawny.testing.clock import FakeClock
from tests.support.scenes import PictureFrame

PORCH = CameraId("porch")
BEGUN_MS = 1_795_000_000_000


class Bench:
    def __init__(self, folder: Path) -> None:
        self.file, self.clock, self._n = folder / "detect.py", FakeClock(), 0
        self.troubles: list[str] = []
        self.own: UserDetector | None = None

    def writes(self, text: str) -> None:
        self.file.write_text(text, encoding="utf-8")

    def made(self, **settings: object) -> UserDetector:
        self.own = UserDetector({"file": str(self.file), "every": 0.02, **settings})
        self.own.on_trouble(self.troubles.append)
        return self.own

    def look(self, brightness: int = 100, shape: tuple[int, int] = (90, 160)) -> Look:
        assert self.own is not None
        self._n += 1
        picture = np.full(shape, brightness, np.uint8)
        return self.own.look(PictureFrame(picture, BEGUN_MS + self._n * 100, PORCH))

    def until(self, done: Callable[[Look], object], most: int = 400) -> Look:
        """Looks until it is so: the first ones come before its file is loaded."""
        for _ in range(most):
            look = self.look()
            if done(look):
                return look
            time.sleep(0.01)  # its process is as slow as the machine is busy
        raise AssertionError(f"never so; trouble: {self.own.trouble if self.own else None}")

    def trouble(self) -> str:
        assert self.own is not None
        self.until(lambda _: self.own is not None and self.own.trouble)
        return self.own.trouble


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    if made.own is not None:
        made.own.close()


@pytest.mark.shows("PK14")
def test_a_bool_is_an_event(bench: Bench) -> None:
    bench.writes("def detect(frame):\n    return frame.rgb.mean() > 40\n")
    bench.made()
    look = bench.until(lambda one: one.score)
    assert look.score == 100
    assert [(thing.label, thing.box) for thing in look.seen] == [("motion", (0.0, 0.0, 1.0, 1.0))]
    assert bench.look(brightness=20) == Look(0)


@pytest.mark.shows("PK15")
def test_a_parameter_named_bytes_gets_the_pixels_row_by_row(bench: Bench) -> None:
    """As another recorder calls it; its files work unchanged."""
    bench.writes(
        "def detect(bytes):\n"
        "    assert type(bytes).__name__ == 'bytes' and len(bytes) == 224 * 224 * 3, len(bytes)\n"
        "    return bytes[0] == bytes[1] == bytes[2] == 100\n"
    )
    bench.made(width=224, height=224)
    assert bench.until(lambda one: one.score).score == 100
    assert bench.look(brightness=20) == Look(0)
    assert bench.troubles == []


@pytest.mark.shows("PK15")
@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ({"width": 0}, (90, 160)),
        ({"width": 80}, (45, 80)),
        ({"height": 64}, (64, 640)),
        ({"width": 0, "height": 9}, (90, 160)),
    ],
)
def test_the_size_of_the_image(bench: Bench, size: dict[str, int], shape: tuple[int, int]) -> None:
    bench.writes(f"def detect(frame):\n    return frame.rgb.shape == ({shape[0]}, {shape[1]}, 3)\n")
    bench.made(**size)
    assert bench.until(lambda one: one.score).score == 100


def test_a_score_and_a_list_of_things(bench: Bench) -> None:
    bench.writes(
        "def detect(frame):\n"
        "    fox = Observation((0.1, 0.2, 0.3, 0.4), 'fox', 0.9)\n"
        "    return [fox, ((0.5, 0.5, 0.6, 0.6), 'leaf', 0.2)] if frame.rgb.mean() > 40 else 0.3\n"
    )
    bench.made()
    look = bench.until(lambda one: one.score)
    assert [(one.label, one.score, one.sure, one.box) for one in look.seen] == [("fox", 0.9, 0.9, (0.1, 0.2, 0.3, 0.4))]
    assert [one.label for one in look.near] == ["leaf"]
    assert bench.look(brightness=20).score == 30


def test_it_is_shown_time_camera_and_the_picture_before(bench: Bench) -> None:
    bench.writes(
        "def detect(frame):\n"
        "    assert frame.rgb.shape == (45, 80, 3), frame.rgb.shape\n"
        "    assert frame.camera == 'porch' and frame.time > 1.7e9\n"
        "    if frame.previous is None:\n"
        "        return False\n"
        "    return abs(float(frame.rgb.mean()) - float(frame.previous.mean())) > 10\n"
    )
    bench.made(width=80)
    bench.until(lambda _: bench.own is not None and bench.own.script.is_ready)
    assert [bench.look(light).score for light in (100, 100, 150, 150, 90)] == [0, 0, 100, 0, 100]
    assert bench.own is not None
    assert bench.own.trouble == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "def detect(frame):\n    x = 1\n    return 1 / 0\n",
            "detect.py, line 3: ZeroDivisionError: division by zero.",
        ),
        ("def detect(frame):\n    while True: pass\n", "detect.py, line 2: it took longer than 2 s."),
        ("import os\ndef detect(frame):\n    os._exit(7)\n", "detect.py: its process ended with exit code 7."),
        ("import sys\ndef detect(frame):\n    sys.exit('no')\n", "detect.py, line 3: SystemExit: no."),
        ("def detect(frame:\n", "detect.py, line 1: SyntaxError"),
        ("detect = 3\n", "detect.py: AttributeError: detect.py has no function detect()."),
        ("import nothing_of_this_name\n", "detect.py, line 1: ModuleNotFoundError"),
        ("def detect(frame):\n    return 7\n", "detect.py: ValueError: a score was 7; allowed: 0 to 1"),
        ("def detect(frame):\n    return [((0, 0, 2, 1), 'x', 1)]\n", "an edge of a box was 2"),
        ("def detect(frame):\n    return 'yes'\n", "ValueError"),
        ("def detect(frame):\n    a = bytearray(1 << 33)\n    return len(a)\n", "detect.py, line 2: MemoryError."),
        ("def detect(frame):\n    frame.rgb[0] = 1\n", "detect.py, line 2: ValueError"),
        ("import os, signal\ndef detect(frame):\n    os.kill(os.getpid(), signal.SIGSEGV)\n", "signal 11"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(bench: Bench, text: str, says: str) -> None:
    bench.writes(text)
    bench.made(deadline=2.0)
    assert says in bench.trouble()
    assert bench.look() == Look(0)


def test_what_leaks_meets_its_limit(bench: Bench) -> None:
    bench.writes("kept = []\ndef detect(frame):\n    kept.append(bytearray(40_000_000))\n    return False\n")
    bench.made(memory="300 MB")
    assert "MemoryError" in bench.trouble()


@pytest.mark.shows("PK14")
def test_a_file_that_is_saved_again_is_loaded_again(bench: Bench) -> None:
    bench.writes("def detect(frame):\n    return 1 / 0\n")
    bench.made()
    assert "ZeroDivisionError" in bench.trouble()
    bench.writes("def detect(frame):\n    return 0.8\n")
    assert bench.until(lambda one: one.score).score == 80
    assert bench.troubles[-1] == ""
    bench.file.unlink()
    assert "it is not there" in bench.trouble()


def test_one_that_is_seldom_called_is_called_at_once_when_it_is_there_and_when_it_is_saved(bench: Bench) -> None:
    bench.writes("def detect(frame):\n    return 0.2\n")
    bench.made(every="1 h")
    bench.until(partial(_has_score, 20))
    bench.writes("def detect(frame):\n    return 1 / 0\n")
    assert "ZeroDivisionError" in bench.trouble()
    bench.writes("def detect(frame):\n    return 0.35\n")
    bench.until(partial(_has_score, 35))


def _has_score(score: int, look: Look) -> bool:
    return look.score == score


def test_one_that_is_saved_twice_in_a_second_is_loaded_twice(bench: Bench) -> None:
    """Of the same size, too: Python's own cache takes such a file for the one before."""
    saved_ns = 1_795_000_000_000_000_000
    for tenth, score in enumerate((0.1, 0.2, 0.3)):
        bench.writes(f"def detect(frame):\n    return {score}\n")
        os.utime(bench.file, ns=(saved_ns, saved_ns + tenth * 100_000_000))
        if bench.own is None:
            bench.made()
        bench.until(partial(_has_score, round(100 * score)))
    assert sorted(bench.file.parent.iterdir()) == [bench.file]


def test_what_it_prints_is_kept_and_does_no_harm(bench: Bench) -> None:
    bench.writes(
        "def detect(frame):\n    print('x' * 200_000)\n    print('bright', frame.rgb.mean())\n    return True\n"
    )
    own = bench.made()
    bench.until(lambda one: one.score)
    assert own.printed.endswith("bright 100.0\n")
    assert len(own.printed) <= 2000


def test_it_sees_nothing_of_the_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONT_DOOR", "secret")
    bench.writes("import os\ndef detect(frame):\n    return 'FRONT_DOOR' not in os.environ\n")
    bench.made()
    bench.until(lambda one: one.score == 100)


def test_between_two_calls_it_says_the_same(bench: Bench) -> None:
    bench.writes("n = 0\ndef detect(frame):\n    global n\n    n += 1\n    return min(1.0, n / 10)\n")
    bench.made(every=1.0)
    bench.until(lambda one: one.score)
    scores = [bench.look().score for _ in range(30)]
    assert scores == sorted(scores)
    assert 3 <= len(set(scores)) <= 4


@pytest.mark.parametrize(("every", "fps"), [(0.2, 12), (0.2, 15), (0.1, 30), (0.5, 25), (1.0, 12)])
def test_it_is_called_as_often_as_it_is_said(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, every: float, fps: int
) -> None:
    """Whatever the camera's rate: pictures come a little early or late."""
    bench.writes("def detect(frame):\n    return False\n")
    own, asked = bench.made(every=every), list[int]()
    own.script.load()

    def ask(at_ms: int, _camera: str, _rgb: object) -> Look:
        asked.append(at_ms)
        return Look(0)

    monkeypatch.setattr(own, "ask", ask)
    pace = FrameSampler(own.looks_a_second)
    for n in range(60 * fps):
        frame = PictureFrame(np.full((90, 160), 100, np.uint8), BEGUN_MS + round(n * 1000 / fps), PORCH)
        if pace.is_due(frame.at_ms):
            own.look(frame)
    assert len(asked) == pytest.approx(60 / every, rel=0.1)


def test_a_picture_of_another_size_does_no_harm(bench: Bench) -> None:
    bench.writes("def detect(frame):\n    return frame.previous is None and frame.rgb.shape[0] == 180\n")
    bench.made()
    bench.until(lambda _: bench.own is not None and bench.own.script.is_ready)
    assert bench.look().score == 0
    assert bench.look(shape=(180, 320)).score == 100
    assert bench.look(shape=(180, 320)).score == 0


@pytest.mark.parametrize("before", [1, 2, 3])
def test_the_picture_before_is_whole_after_the_size_grows(bench: Bench, before: int) -> None:
    """Each picture is brighter by one."""
    bench.writes(
        "def detect(frame):\n"
        "    if frame.previous is not None:\n"
        "        assert (frame.rgb - frame.previous == 1).all(), 'it shows another picture'\n"
        "    return frame.previous is not None\n"
    )
    bench.made().script.load()
    sizes = [(90, 160)] * before + [(120, 160)] * 4
    scores = [bench.look(100 + number, shape).score for number, shape in enumerate(sizes)]
    assert bench.troubles == []
    assert scores == [0, *[100] * (before - 1), 0, 100, 100, 100]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "file: found nothing"),
        ({"file": "detect.sh"}, "a Python file"),
        ({"file": "d.py", "speed": 3}, "speed: not a setting"),
        ({"file": "d.py", "memory": "much"}, "memory: found 'much'"),
        ({"file": "d.py", "allow_read": 7}, "allow_read: found 7; allowed: a list of paths"),
        ({"file": "d.py", "allow_read": [""]}, "allow_read: found"),
        ({"file": "d.py", "every": 0}, "every: found 0"),
        ({"file": "d.py", "every": "often"}, "every: found 'often'; allowed: a time, for example 5 s"),
        ({"file": "d.py", "deadline": "10 s"}, "deadline: found 10.0; allowed: a number from 0.01 to 2.5"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        UserDetector(settings)


def test_times_may_have_their_unit() -> None:
    assert UserDetector({"file": "d.py", "every": "500 ms", "deadline": "2 s"}).every_s == 0.5
