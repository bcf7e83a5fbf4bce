"""`tawny scan --compare`: every detector over one video, with a table, per-frame numbers and an annotated video."""

import csv
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tawny.cli.output import Output
from tawny.cli.paths import new_file
from tawny.cli.scan_pool import ScanInput
from tawny.detection.detector import ScanDetectorKind
from tawny.detection.scan.compare import ComparedDetector, ComparedFrame, DetectorReading, compare
from tawny.detection.zones import Region
from tawny.engine.plugins import PluginGroup
from tawny.media.codec.encoder import VideoFileWriter
from tawny.model.errors import DetectorFailed, NotDone, SourceError, UsageError
from tawny.model.polygon import Polygon

SHOWN_FRAMES = 6
"""Maximum number of frames with motion that the table names."""
STEP_S = 10.0
"""Interval of progress reports, s of video."""


@dataclass(frozen=True)
class Comparison:
    """What to compare. settings: by detector. join_s: events closer together are one. regions: empty for the whole."""

    inputs: Sequence[ScanInput]
    settings: Mapping[str, Mapping[str, Any]]
    regions: tuple[Polygon, ...]
    join_s: float
    csv: Path | None
    video: Path | None

    @classmethod
    def of(
        cls, args: Namespace, inputs: Sequence[ScanInput], regions: tuple[Polygon, ...], join_s: float,
        pair: Callable[[str], tuple[str, Any]],
    ) -> "Comparison":  # fmt: skip
        """Raises UsageError, and NotDone for an output file that exists."""
        settings: dict[str, dict[str, Any]] = {}
        for text in args.set:
            key, value = pair(text)
            detector, dot, name = key.partition(".")
            if not dot:
                raise UsageError(
                    f"--set {text} names no detector.", "With `--compare`, use DETECTOR.KEY=VALUE, as edges.level=9000."
                )
            settings.setdefault(detector, {})[name] = value
        files = [Path(text) if text else None for text in (args.csv, args.video)]
        if any(files) and len(inputs) > 1:
            raise UsageError(
                "`--csv` and `--video` are for one video.", f"These are {len(inputs)}: compare one after the other."
            )
        for file in files:
            if file is not None:
                new_file(file)
        return cls(inputs, settings, regions, join_s, *files)


def run_comparison(wanted: Comparison, out: Output) -> int:
    failed = False
    for each in wanted.inputs:
        try:
            made, left = _compared(each, wanted, out)
        except SourceError as error:
            failed = True
            summary = {"code": error.code, "message": f"Can't scan {each.name}: {error.detail}.", "hint": ""}
            out.data({**each.told, "error": summary}, f"Can't scan {each.name}: {error.detail}. Is it a video file?")
            continue
        except DetectorFailed as error:
            raise NotDone(f"Can't scan {each.name}: {error.detail}", error.do) from None
        out.progress("")
        out.data(
            {**each.told, "detectors": [_summary(one) for one in made], "left_out": left},
            _words(each.name, made, left, out),
        )
    return 1 if failed else 0


def _compared(each: ScanInput, wanted: Comparison, out: Output) -> tuple[list[ComparedDetector], dict[str, str]]:
    video = each.video()
    with ExitStack() as stack:
        detectors, left = _detectors(wanted.settings, stack, out)
        note = stack.enter_context(_numbers(wanted.csv, detectors)) if wanted.csv else None
        film = stack.enter_context(VideoFileWriter(wanted.video, video.fps)) if wanted.video else None
        newest: dict[str, DetectorReading] = {}
        told_s = 0.0
        for frame in compare(video, detectors, Region(wanted.regions), wanted.join_s, each.asked_s):
            if note is not None:
                note(frame)
            if film is not None:
                newest.update(frame.readings)
                film.put(_drawn(frame, detectors, newest), frame.at_s)
            if frame.at_s >= told_s + STEP_S:
                told_s = frame.at_s
                out.progress(f"{each.name}: {told_s:.0f} of {video.duration_s:.0f} s")
    return detectors, left


def _detectors(
    settings: Mapping[str, Mapping[str, Any]], stack: ExitStack, out: Output
) -> tuple[list[ComparedDetector], dict[str, str]]:
    """Return all installed detectors, and why others are left out. Raises UsageError for invalid settings."""
    kinds = PluginGroup("tawny.detectors")
    if unknown := sorted(settings.keys() - set(kinds)):
        raise UsageError(f"No detector named {unknown[0]}.", f"Use one of {', '.join(sorted(kinds))}.")
    made, left = list[ComparedDetector](), dict[str, str]()
    for name in sorted(kinds, key=lambda name: (name != "motion", name)):
        try:
            kind = kinds[name]
        except KeyError:
            left[name] = "it could not be loaded"
            continue
        kind = kind.for_scan(lambda text: out.say(text.rstrip())) if isinstance(kind, ScanDetectorKind) else kind
        try:
            detector = kind(settings.get(name, {}))
        except ValueError as error:
            if name in settings:
                raise UsageError(f"{name}: {error}.", "See docs/how-to/custom-detector.md.") from None
            left[name] = f"{error}; to compare it, use --set {name}.KEY=VALUE"
            continue
        stack.callback(getattr(detector, "close", lambda: None))
        made.append(ComparedDetector(name, detector))
    return made, left


def _summary(one: ComparedDetector) -> dict[str, Any]:
    return {
        "detector": one.name,
        "threshold": one.threshold,
        "highest": one.highest,
        "highest_s": round(one.highest_s, 3),
        "looks": one.looks,
        "moving_frames": one.moving,
        "events": [{"start_s": round(found.start_s, 3), "end_s": round(found.end_s, 3)} for found in one.events],
        "cpu_s": round(one.cpu_s, 3),
    }


def _words(name: str, made: Sequence[ComparedDetector], left: Mapping[str, str], out: Output) -> str:
    head = ("detector", "threshold", "highest", "frames with motion", "verdict", "CPU")
    rows = [
        (
            one.name,
            f"{one.threshold:g}",
            f"{_number(one.highest)} at {one.highest_s:.1f} s" if one.highest else "0",
            f"{len(one.moving)} of {one.looks}{_frames(one.moving)}",
            _verdict(one),
            f"{one.cpu_s:.2f} s",
        )
        for one in made
    ]
    lines = [f"{name}:", out.table(head, rows, empty="")]
    return "\n".join([*lines, *(f"{one} left out: {why}" for one, why in left.items())])


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"


def _frames(moving: Sequence[int]) -> str:
    if not moving:
        return ""
    more = ", …" if len(moving) > SHOWN_FRAMES else ""
    return f" ({', '.join(map(str, moving[:SHOWN_FRAMES]))}{more})"


def _verdict(one: ComparedDetector) -> str:
    if not one.events:
        return "nothing"
    spans = ", ".join(f"{found.start_s:.1f}-{found.end_s:.1f} s" for found in one.events[:3])
    return f"{len(one.events)}: {spans}{', …' if len(one.events) > 3 else ''}"


@contextmanager
def _numbers(file: Path, detectors: Sequence[ComparedDetector]) -> Iterator[Callable[[ComparedFrame], None]]:
    """Write one line for each frame: time, and each detector's number, threshold and verdict if it looked."""
    with file.open("x", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        columns = [f"{one.name}{part}" for one in detectors for part in ("", "_threshold", "_motion")]
        writer.writerow(["time_s", "frame", *columns])

        def note(frame: ComparedFrame) -> None:
            cells: list[object] = [f"{frame.at_s:.3f}", frame.number]
            for one in detectors:
                reading = frame.readings.get(one.name)
                shown = (
                    ("", "", "")
                    if reading is None
                    else (_number(reading.number), f"{one.threshold:g}", int(reading.moves))
                )
                cells += shown
            writer.writerow(cells)

        yield note


# The annotated video: the boxes of each detector in its color, and below the picture a line with its newest number.

_COLORS = (
    (255, 167, 38), (102, 187, 106), (66, 165, 245), (239, 83, 80), (171, 71, 188), (255, 238, 88), (38, 198, 218),
    (255, 138, 101), (156, 204, 101), (240, 98, 146),
)  # fmt: skip
_LINE_HIGH, _WIDE = 22, 1280
_GREY = (190, 190, 190)


def _drawn(frame: ComparedFrame, detectors: Sequence[ComparedDetector], newest: Mapping[str, DetectorReading]) -> Any:
    """Return the picture with boxes and, below it, two columns of numbers; uint8 [height, width, 3]."""
    import cv2
    import numpy as np

    picture = frame.frame.rgb.copy()
    if picture.shape[1] > _WIDE:
        high = round(picture.shape[0] * _WIDE / picture.shape[1])
        picture = cv2.resize(picture, (_WIDE, high), interpolation=cv2.INTER_AREA)
    high, wide = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    rows = -(-(len(detectors) + 1) // 2)
    canvas = np.zeros((high + rows * _LINE_HIGH, wide, 3), np.uint8)
    canvas[:high] = picture[:high, :wide]

    def write(number: int, text: str, color: tuple[int, int, int]) -> None:
        place = (6 + number % 2 * (wide // 2), high + number // 2 * _LINE_HIGH + 16)
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, 1, cv2.LINE_AA)

    write(0, f"{frame.at_s:9.3f} s   frame {frame.number}", _GREY)
    for number, one in enumerate(detectors):
        color = _COLORS[number % len(_COLORS)]
        reading = newest.get(one.name)
        if reading is None:
            write(number + 1, f"{one.name}: not yet", _GREY)
            continue
        text = f"{one.name}: {_number(reading.number)} / {one.threshold:g}"
        write(number + 1, text + ("  MOTION" if reading.moves else ""), color if reading.moves else _GREY)
        for x0, y0, x1, y1 in reading.boxes:
            corners = (round(x0 * wide), round(y0 * high)), (round(x1 * wide) - 1, round(y1 * high) - 1)
            cv2.rectangle(canvas, *corners, color, 2)
    return canvas
