"""An owner's `detect()` that does its worst, one after another while it runs: recording goes on untouched, and each is
told of.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import pytest

from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.model.messages import EventChanged, Message, PartDied
from tawny.model.segments import GapReason
from tawny.model.times import SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.index.opening import index_to_read
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.waiting import until
from tests.app.rig import EVER, looked_at
from tests.faults.child import CAMERA, Film
from tests.faults.figures import note

CLOCK = SystemClock()
DEADLINE_S = 0.5
PART_S, PARTS = 20.0, 12
"""The film: the same again and again, long enough for a busy machine."""
AT_MOST_S = 60.0
"""As long as a busy machine takes; how long it takes where nothing else runs is noted."""
WORST = {
    "loops": ("def detect(frame):\n    while True: pass\n", f"line 2: it took longer than {DEADLINE_S:g} s."),
    "raises": ("def detect(frame):\n    return 1 / 0\n", "line 2: ZeroDivisionError: division by zero."),
    "leaks": (
        "kept = []\ndef detect(frame):\n    kept.append(bytearray(30_000_000))\n",
        "line 3: MemoryError.",
    ),
    "exits": ("import os\ndef detect(frame):\n    os._exit(3)\n", "its process ended with exit code 3."),
    "crashes": ("import os\ndef detect(frame):\n    os.abort()\n", "its process ended with signal 6."),
    "answers nonsense": (
        "import os\ndef detect(frame):\n    for fd in os.listdir('/proc/self/fd'):\n"
        "        try: int(fd) > 2 and os.write(int(fd), b'{\\n')\n"
        "        except OSError: pass\n    return False\n",
        "it wrote where it answers",
    ),
    "does not load": ("def detect(frame:\n", "line 1: SyntaxError"),
    "prints": ("def detect(frame):\n    print('x' * 500_000)\n    return False\n", ""),
}
"""What it is, and what is said of it; nothing where it does no harm."""


class Porch:
    """A camera that is recorded while an owner's file looks."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "detect.py"
        self.heard: list[Message] = []
        self.replace("def detect(frame):\n    return False\n")
        text = (
            f'[cameras.{CAMERA}]\nsource = "film:"\n[cameras.{CAMERA}.detection]\ndetector = "own"\n'
            f'own = {{ file = "{self.file}", deadline = {DEADLINE_S}, memory = "300 MB" }}\n'
        )
        chosen, problems = parse_settings(text, {})
        assert chosen is not None, problems
        part = made_clip(ClipSpec(seconds=PART_S)).packets
        again = [
            replace(packet, pts=packet.pts + round(n * PART_S * packet.format.rate))
            for n in range(PARTS)
            for packet in part
        ]
        film = Film(again, PART_S * PARTS)
        self.running = RecorderRuntime.open(
            chosen, folder / "data", CLOCK, PluginRegistry({"film": film}, PluginRegistry.opened().detectors)
        )
        self.running.bus.subscribe_all(self.heard.append)

    def replace(self, text: str) -> None:
        """As an editor saves: a new file takes the old one's place."""
        saved = self.file.with_suffix(".new")
        saved.write_text(text, encoding="utf-8")
        saved.replace(self.file)

    @property
    def said(self) -> str:
        return next(one.status.detail for one in self.running.cameras())

    def says(self, text: str) -> bool:
        """Of the detector; empty: that nothing is wrong with it."""
        return text in self.said if text else "detect.py" not in self.said

    def has_recorded(self, after_ms: int = 0) -> bool:
        return any(one.end_ms > after_ms for one in self.running.open_segments(CAMERA))


@pytest.fixture
def porch(tmp_path: Path) -> Iterator[Porch]:
    made = Porch(tmp_path)
    made.running.begin()
    made.running.begin_housekeeping()
    yield made
    made.running.close("person")


@pytest.mark.shows("PK16")
def test_whatever_it_does_it_is_told_and_recording_goes_on(porch: Porch, tmp_path: Path) -> None:
    until(porch.has_recorded, AT_MOST_S, "recording")
    told_s: dict[str, float] = {}
    for name, (text, says) in WORST.items():
        begun_s = CLOCK.mono_s()
        porch.replace(text)
        until(partial(porch.says, says), AT_MOST_S, name)
        told_s[name] = CLOCK.mono_s() - begun_s
        until(partial(porch.has_recorded, CLOCK.now_ms()), AT_MOST_S, f"recorded while it {name}")
    porch.replace("def detect(frame):\n    return 0.9\n")
    until(lambda: any(isinstance(one, EventChanged) for one in porch.heard), AT_MOST_S, "an event of a good one")
    until(partial(porch.says, ""), AT_MOST_S, "nothing wrong with it any more")
    porch.running.close("person")
    assert not [one for one in porch.heard if isinstance(one, PartDied)]
    assert looked_at(tmp_path / "data").ok
    with index_to_read(tmp_path / "data") as index:
        assert [gap for gap in index.gaps(CAMERA, EVER) if gap.reason is not GapReason.RECORDER_OFF] == []
        assert len(index.spans(CAMERA, None, EVER)) == 1
    one_call = [took_s for name, took_s in told_s.items() if name != "leaks"]  # which fills its memory call by call
    note("own-detector", lost_s=0.0, limit_s=0.0, told_s=median(one_call), slowest_s=max(one_call))
