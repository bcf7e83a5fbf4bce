"""How many number plates are found and read: drawn vehicles of five countries' layouts, by day, at night, blurred.

    python -m benchmarks.plates [--each 8] [--model FILE] [--alphabet LETTERS]

Each vehicle passes once: it is looked at three times, each time with its plate a little larger, and the looks are put
together as the recorder does it. Fails if fewer are found or read than the budgets say.
"""

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tawny.detection.plates import Plates
from tawny.detection.plates.plates import ALPHABET, PlateModel, Tesseract, plates_in
from tawny.detection.plates.text import plain_plate
from tawny.detection.recognition import ReadVotes, RecogniserInput
from tawny.model.ids import CameraId
from tawny.model.observations import RecognisedText
from tests.support.plates import LAYOUTS, LIGHTS, Layout, number, vehicle

WIDTHS = (80, 120, 160)
PASSES = (0.9, 1.0, 1.1)
"""Width of the plate in each look, of the nominal."""
SURE = 0.6
FOUND, READ, WRONG = 0.95, 0.75, 0.2
"""Budgets: at least found; by day and night at least read with forms, at most said wrongly with forms."""


@dataclass
class Tally:
    passes: int = 0
    found: int = 0
    right: int = 0
    wrong: int = 0
    cpu_s: float = 0.0
    looks: int = 0

    def line(self) -> str:
        n = max(1, self.passes)
        cpu = f"{1000 * self.cpu_s / max(1, self.looks):4.0f} ms of CPU a look"
        return f"found {self.found / n:4.0%}  read {self.right / n:4.0%}  wrongly {self.wrong / n:4.0%}  {cpu}"


class Once:
    """A reader that is asked of each picture once, however many ask."""

    def __init__(self, reader: Tesseract | PlateModel) -> None:
        self._reader, self._read, self._only = reader, dict[bytes, tuple[str, float]](), dict[tuple[bytes, str], str]()
        self.trouble = ""

    def read(self, grey: Any) -> tuple[str, float]:
        key = grey.tobytes()
        if key not in self._read:
            self._read[key] = self._reader.read(grey)
        return self._read[key]

    def only(self, grey: Any, letters: str) -> str:
        key = grey.tobytes(), letters
        if key not in self._only:
            self._only[key] = self._reader.only(grey, letters)
        return self._only[key]


def passing(readers: Sequence[Plates], layout: Layout, width: int, light: str, rng: Any, into: Sequence[Tally]) -> None:
    """One vehicle passes; each reader has its own tally."""
    text, votes, found = number(layout, rng), [ReadVotes(SURE) for _ in readers], False
    for share in PASSES:
        rgb, box = vehicle(layout, text, round(width * share), light, rng)
        shown = RecogniserInput(CameraId("drive"), 0, "vehicle", np.ascontiguousarray(rgb))
        found = found or any(_is_there(one.box, box) for one in plates_in(shown.rgb)[:2])
        for plates, heard, tally in zip(readers, votes, into, strict=True):
            begun_s = _cpu_s()
            for reading in plates.read(shown):
                heard.vote(RecognisedText("plates", reading.text, reading.score))
            tally.cpu_s += _cpu_s() - begun_s
            tally.looks += 1
    for heard, tally in zip(votes, into, strict=True):
        best = heard.best
        tally.passes += 1
        tally.found += found
        tally.right += best is not None and best.text == plain_plate(text)
        tally.wrong += best is not None and best.text != plain_plate(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=8, help="vehicles of each layout, light and width")
    parser.add_argument("--model", default="", help="an ONNX model instead of Tesseract")
    parser.add_argument("--alphabet", default=ALPHABET, help="its letters")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    name = "model" if args.model else "tesseract"
    reader = PlateModel(Path(args.model), args.alphabet) if args.model else Tesseract()
    forms = {"forms": [layout.form for layout in LAYOUTS]}
    names = (name, f"{name}, forms")
    whole = {(each, light): Tally() for each in names for light in LIGHTS}
    for light in LIGHTS:
        for width in WIDTHS:
            tallies = [Tally(), Tally()]
            for n in range(args.each * len(LAYOUTS)):
                once = Once(reader)
                asked = [Plates({}, once), Plates(forms, once)]
                rng = np.random.default_rng((LIGHTS.index(light), width, n))
                passing(asked, LAYOUTS[n % len(LAYOUTS)], width, light, rng, tallies)
            for each, tally in zip(names, tallies, strict=True):
                print(f"{each:17} {light:5} {width:4} px: {tally.line()}", flush=True)
                whole[each, light] = _sum([whole[each, light], tally])
    for (each, light), tally in whole.items():
        print(f"{each:17} {light:5}  all   : {tally.line()}")
    is_well = all(tally.found >= FOUND * tally.passes for tally in whole.values()) and all(
        light == "blur" or (tally.wrong <= WRONG * tally.passes and tally.right >= READ * tally.passes)
        for (each, light), tally in whole.items()
        if each == names[1]
    )
    print("well" if is_well else "NOT well: past its budgets")
    return 0 if is_well else 1


def _sum(tallies: list[Tally]) -> Tally:
    fields = ("passes", "found", "right", "wrong", "cpu_s", "looks")
    return Tally(*(sum(getattr(tally, field) for tally in tallies) for field in fields))


def _is_there(one: tuple[float, ...], plate: tuple[float, ...]) -> bool:
    """Most of the plate's width, and its middle line."""
    wide = min(one[2], plate[2]) - max(one[0], plate[0])
    middle = (plate[1] + plate[3]) / 2
    return wide >= 0.6 * (plate[2] - plate[0]) and one[1] < middle < one[3]


def _cpu_s() -> float:
    """Of this process and those that it ran."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
