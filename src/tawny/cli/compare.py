"""`tawny scan --compare`: every detector over one video, with a table, per-frame numbers and an annotated video."""

import csv
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tawny.cli.output import Output
from tawny.cli.paths import new_file
from tawny.cli.scan_computers import not_scanned
from tawny.cli.scan_inputs import ScanInput
from tawny.detection.detector import ScanDetectorKind, error_text
from tawny.detection.scan.compare import ComparedDetector, ComparedFrame, DetectorReading, compare
from tawny.detection.zones import Region
from tawny.engine.plugins import PluginFailed, PluginGroup, PluginMissing, plug_in_code
from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.encoder import planes
from tawny.media.codec.transcoder import VideoWriter
from tawny.media.image.stamp import GREY, Colour, Stamp, downscaled, stamped, yuv
from tawny.model.errors import DetectorFailed, NotDone, SourceError, SourceUnusable, StorageError, UsageError
from tawny.model.geometry import Polygon
from tawny.model.observations import Box

SHOWN_FRAMES = 6
"""Maximum number of frames with motion that the table names."""
STEP_S = 10.0
"""Interval of progress reports, s of video."""


@dataclass(frozen=True)
class Comparison:
    """What to compare. settings: by detector. join_s: events closer together are one. regions: empty for the whole.

    private: privacy masks, in the image as sent.
    """

    inputs: Sequence[ScanInput]
    settings: Mapping[str, Mapping[str, Any]]
    regions: tuple[Polygon, ...]
    join_s: float
    csv: Path | None
    video: Path | None
    private: tuple[Polygon, ...] = ()

    @classmethod
    def of(
        cls, args: Namespace, inputs: Sequence[ScanInput], regions: tuple[Polygon, ...], private: tuple[Polygon, ...],
        join_s: float, pair: Callable[[str], tuple[str, Any]],
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
        numbers, film = (Path(text) if text else None for text in (args.csv, args.video))
        if (numbers or film) and len(inputs) > 1:
            raise UsageError(
                "`--csv` and `--video` are for one video.", f"These are {len(inputs)}: compare one after the other."
            )
        for file in filter(None, (numbers, film)):
            new_file(file)
        return cls(inputs, settings, regions, join_s, numbers, film, private)


def run_comparison(wanted: Comparison, out: Output) -> int:
    failed = False
    for each in wanted.inputs:
        try:
            made, left = _compared(each, wanted, out)
        except (SourceError, StorageError) as error:
            failed, found = True, not_scanned(each.name, error, each.file)
            summary = {"code": error.code, "message": found.message, "hint": found.do}
            out.data({**each.facts, "error": summary}, str(found))
            continue
        except DetectorFailed as error:
            raise NotDone(f"Can't scan {each.name}: {error.detail}", error.do) from None
        out.progress("")
        out.data(
            {**each.facts, "detectors": [_summary(one) for one in made], "left_out": left},
            _words(each.name, made, left, out),
        )
    return 1 if failed else 0


def _compared(each: ScanInput, wanted: Comparison, out: Output) -> tuple[list[ComparedDetector], dict[str, str]]:
    video = each.video()
    with ExitStack() as stack:
        detectors, left = _detectors(wanted.settings, stack, out)
        note = stack.enter_context(_numbers(wanted.csv, detectors)) if wanted.csv else None
        film = stack.enter_context(_film(wanted.video, video.fps)) if wanted.video else None
        newest: dict[str, DetectorReading] = {}
        reported_s = 0.0
        region = Region(wanted.regions)
        for frame in compare(video, detectors, region, wanted.join_s, each.asked_s, wanted.private):
            if note is not None:
                note(frame)
            if film is not None:
                newest.update(frame.readings)
                film(partial(_drawn, frame, detectors, newest), frame.at_s)
            if frame.at_s >= reported_s + STEP_S:
                reported_s = frame.at_s
                out.progress(f"{each.name}: {reported_s:.0f} of {video.duration_s:.0f} s")
    left |= {one.name: one.failed.removesuffix(".") for one in detectors if one.failed}
    return [one for one in detectors if not one.failed], left


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
        except PluginMissing as error:
            left[name] = f"it couldn't be loaded: {error.why}"
            continue
        kind = kind.for_scan(lambda text: out.say(text.rstrip())) if isinstance(kind, ScanDetectorKind) else kind
        try:
            with plug_in_code(name, ValueError):
                detector = kind(settings.get(name, {}))
        except PluginFailed as error:
            left[name] = error_text(error).removesuffix(".")
            continue
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
    """Write one line for each frame: time, and each detector's number, threshold and verdict if it looked.

    Raises NotDone if the file can't be written.
    """
    with _writable(file, "--csv"):
        opened = file.open("x", newline="", encoding="utf-8")
    writer = csv.writer(opened)
    columns = [f"{one.name}{part}" for one in detectors for part in ("", "_threshold", "_motion")]
    writer.writerow(["time_s", "frame", *columns])

    def note(frame: ComparedFrame) -> None:
        cells: list[object] = [f"{frame.at_s:.3f}", frame.number]
        for one in detectors:
            reading = frame.readings.get(one.name)
            shown = (
                ("", "", "") if reading is None else (_number(reading.number), f"{one.threshold:g}", int(reading.moves))
            )
            cells += shown
        with _writable(file, "--csv"):
            writer.writerow(cells)

    try:
        yield note
    finally:
        with _writable(file, "--csv"):
            opened.close()


# The annotated video: the boxes of each detector in its color, and below the picture a line with its newest number.

_COLORS = (
    (255, 167, 38), (102, 187, 106), (66, 165, 245), (239, 83, 80), (171, 71, 188), (255, 238, 88), (38, 198, 218),
    (255, 138, 101), (156, 204, 101), (240, 98, 146),
)  # fmt: skip
_WIDE = 1280


@contextmanager
def _film(file: Path, fps: float) -> Iterator[Callable[[Callable[[], DecodedFrame], float], None]]:
    """Write frames, which are drawn then, with their times, s. A file that is not complete is not left behind.

    Raises NotDone if the file can't be written.
    """
    scratch = file.with_name(f"{file.name}.part")
    writer: VideoWriter | None = None

    def put(drawn: Callable[[], DecodedFrame], at_s: float) -> None:
        nonlocal writer
        with _writable(file, "--video"):
            frame = drawn()
            if writer is None:
                writer = VideoWriter(file, scratch, frame.width, frame.height, fps)
            writer.add(planes(frame.video), at_s)

    try:
        yield put
        if writer is not None:
            with _writable(file, "--video"):
                writer.finish(0)
    finally:
        if writer is not None:
            writer.close()
        scratch.unlink(missing_ok=True)


@contextmanager
def _writable(file: Path, option: str) -> Iterator[None]:
    """Raise NotDone for an error of the disk or the encoder, also of an image that is too small."""
    try:
        yield
    except (SourceUnusable, OSError, ValueError) as error:
        why = error.detail if isinstance(error, SourceUnusable) else getattr(error, "strerror", None) or str(error)
        raise NotDone(f"Can't write {file}: {why}.", f"Leave out `{option}`, or choose another file.") from None


def _drawn(
    frame: ComparedFrame, detectors: Sequence[ComparedDetector], newest: Mapping[str, DetectorReading]
) -> DecodedFrame:
    """Return the picture with boxes and, below it, two columns of numbers."""
    below = [(f"{frame.at_s:9.3f} s   frame {frame.number}", GREY)]
    boxes, colours = list[tuple[Box, str]](), list[Colour]()
    for number, one in enumerate(detectors):
        color, reading = yuv(*_COLORS[number % len(_COLORS)]), newest.get(one.name)
        if reading is None:
            below.append((f"{one.name}: not yet", GREY))
            continue
        text = f"{one.name}: {_number(reading.number)} / {one.threshold:g}"
        below.append((text + ("  MOTION" if reading.moves else ""), color if reading.moves else GREY))
        boxes += [(box, "") for box in reading.boxes]
        colours += [color] * len(reading.boxes)
    stamp = Stamp(boxes=tuple(boxes), colours=tuple(colours), below=tuple(below))
    return stamped(downscaled(frame.frame, _WIDE), stamp)
