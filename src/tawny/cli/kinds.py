"""`tawny kinds export`: crops of events that people labeled, to train a model; of one folder, of boxes, by a cluster.

The crops of one event are a part, as those of a scan: its key stands for the event, its label and the privacy masks.
"""

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tawny.cli import options
from tawny.cli.archive import RecordingFolder, open_folder
from tawny.cli.output import Output
from tawny.cli.paths import config_file, existing_data, masked_data, running_data
from tawny.cli.scan_boxes import BoxComputer, ask_hub, chosen_cameras, joined_boxes
from tawny.cli.scan_computers import Computer, PartDone, TargetFailed, TargetPlanned
from tawny.cli.scan_inputs import PartId, PlannedInput, ScanTarget, digest
from tawny.cli.scan_pool import ScanLog, other_answer
from tawny.config.settings import Settings
from tawny.detection.zones import masks_of
from tawny.model.errors import NotDone, UsageError
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span, SystemClock, thread_cpu_s, utc_text
from tawny.playback.training_samples import (
    EventSamples,
    SampleCrop,
    crop_samples,
    label_of,
    labeled_events,
    write,
)
from tawny.storage.index.opening import known_camera

SAMPLES: Final[Mapping[str, Any]] = {"samples": "crops"}
"""What an order has in place of the options of a scan."""
LOG_FILE: Final = "samples.jsonl"
"""In the output folder: the crops of each event, so that an export that was broken off goes on."""
HEADS: Final = ("file", "crops", "labels")
NOTHING_TO_EXPORT: Final = NotDone(
    "Nothing to export: none of the recorded events has been labeled.",
    "Label some events on their pages (“What was it?”), then export again.",
)


def describe_kinds(parser: ArgumentParser) -> None:
    options.data(parser)
    options.times(parser, begin="1970-01-01", end="now")
    add = parser.add_argument
    add("do", choices=["export"], help="action")
    add("--camera", metavar="C", action="append", help="only this camera (repeatable)")
    add("-o", "--output", metavar="DIR", required=True, help="output folder; one file per camera")
    add("--on", metavar="WHERE", help="where the images are: boxes (of this hub); or what cuts them out: ray://HOST")
    add("--box", metavar="ID", action="append", default=[], help="with --on boxes: only this one (repeatable)")
    add("--wait", metavar="TIME", default="1 h", help="with --on boxes: how long to wait for an offline box")


def run_kinds(args: Namespace, out: Output) -> int:
    if args.on:
        return _export_elsewhere(args, out)
    chosen, folder = masked_data(args)
    within = options.span(args.begin, args.end, SystemClock().now_ms())
    wanted = [known_camera(folder, name) for name in args.camera] if args.camera else None
    with open_folder(folder, settings=chosen) as archive:
        labeled = list(labeled_events(archive.index, within, wanted))
        rows: list[tuple[str, str, str]] = []
        for camera in dict.fromkeys(event.camera for event in labeled):
            if chosen.is_sealed(camera):
                out.say(f"{camera} is encrypted and is not exported.")
                continue
            private, cuts = masks_of(chosen, camera), list[SampleCrop]()
            for event in (event for event in labeled if event.camera == camera):
                cuts += crop_samples(archive, event, private)
                out.progress(f"{camera}: {len(cuts)} images")
            if any(one.label for one in cuts):
                rows.append(_written(write(Path(args.output), camera, cuts), camera, cuts, out))
    return _printed(rows, out)


def _written(file: Path, camera: str, cuts: Sequence[SampleCrop], out: Output, **more: str) -> tuple[str, str, str]:
    labels = Counter(one.label for one in cuts if one.label)
    out.data({"file": str(file), **more, "camera": camera, "crops": len(cuts), "labels": dict(labels)}, "")
    return str(file), str(len(cuts)), ", ".join(f"{n} {label}" for label, n in labels.items())


def _printed(rows: Sequence[tuple[str, str, str]], out: Output) -> int:
    if not rows:
        raise NOTHING_TO_EXPORT
    if not out.as_json:
        out.data(None, out.table(HEADS, rows, empty=""))
    return 0


# --- the parts, where the recordings are


class SampleRunner:
    """Plans and does parts of an export. One thread."""

    def __init__(self, archive: RecordingFolder, settings: Settings) -> None:
        self._archive, self._settings = archive, settings

    def plan(self, target: ScanTarget) -> list[PlannedInput]:
        """Return the labeled events of a camera, each as an input with one part; none of an encrypted one."""
        if self._settings.is_sealed(CameraId(target.camera)):
            return []
        return [self._planned(target, event) for event in self._events(target)]

    def part(self, target: ScanTarget, key: str) -> EventSamples | None:
        """Return the samples of an event by its key; None: it is gone, or isn't labeled so any more. Raises NotDone."""
        begun_s, private = thread_cpu_s(), masks_of(self._settings, target.camera)
        event = next((one for one in self._events(target) if self._key(one, private) == key), None)
        if event is None or self._settings.is_sealed(event.camera):
            return None
        return EventSamples(tuple(crop_samples(self._archive, event, private)), thread_cpu_s() - begun_s)

    def _events(self, target: ScanTarget) -> Iterator[Event]:
        within = Span(target.from_ms, target.to_ms)
        return labeled_events(self._archive.index, within, [CameraId(target.camera)])

    def _planned(self, target: ScanTarget, event: Event) -> PlannedInput:
        key = self._key(event, masks_of(self._settings, event.camera))
        facts = {"file": None, "camera": target.camera, "start": utc_text(event.start_ms)}
        source = ScanTarget("", "", target.camera, target.stream, event.start_ms, event.start_ms + 1)
        return PlannedInput(
            key, f"{target.camera} {event.id}", target.camera, facts, event.start_ms, 0.0, 1, has_sound=False,
            source=source,
        )  # fmt: skip

    @staticmethod
    def _key(event: Event, private: Sequence[Polygon]) -> str:
        masks = [list(one.points) for one in private]
        return digest([event.id, event.camera, event.start_ms, event.end_ms, label_of(event), masks])


# --- the driver


class SampleRecipe:
    """In place of the options of a scan: the same samples are cut out everywhere."""

    def as_json(self) -> dict[str, Any]:
        return dict(SAMPLES)


class SampleLog(ScanLog):
    """Remembers samples, and no plans: people label events at any time."""

    def plan(self, key: str) -> None:
        return None

    def add_plan(self, key: str, inputs: Any) -> None:
        return None


@dataclass
class SampleDriver:
    """Collects samples: each event counts once, whatever was done twice."""

    log: SampleLog
    inputs: dict[ScanTarget, tuple[PlannedInput, ...]] = field(default_factory=dict)
    failed: list[NotDone] = field(default_factory=list)
    cpu_s: float = 0.0
    """CPU time of this run, s."""

    def collect(
        self, computer: Computer, targets: Sequence[ScanTarget], show: Callable[["SampleDriver"], None]
    ) -> None:
        with closing(computer.run(targets, self.log)) as reports:
            for report in reports:
                match report:
                    case TargetPlanned(target, inputs):
                        self.inputs[target] = inputs
                    case PartDone(part, EventSamples() as samples):
                        self._take(part, samples)
                    case PartDone(part, _):
                        places = [one.place for one, inputs in self.inputs.items() if _has(inputs, part)]
                        self.failed += map(other_answer, places)
                    case TargetFailed(_, _, error):
                        self.failed.append(error)
                show(self)

    def _take(self, part: PartId, samples: EventSamples) -> None:
        if not self.log.knows(part):
            self.cpu_s += samples.cpu_s
            self.log.add_part(part, samples, is_only=False)

    def counts(self) -> tuple[int, int]:
        """Return the number of events that are done and known; the second one grows with planning."""
        parts = [part for inputs in self.inputs.values() for each in inputs for part in each.parts]
        return sum(map(self.log.knows, parts)), len(parts)

    def crops(self, target: ScanTarget) -> list[SampleCrop]:
        """Return the samples of a target so far, in the order of its events."""
        found = [self.log.part(part) for each in self.inputs.get(target, ()) for part in each.parts]
        return [crop for one in found if isinstance(one, EventSamples) for crop in one.crops]


def _has(inputs: Iterable[PlannedInput], part: PartId) -> bool:
    return any(each.key == part.key for each in inputs)


def _export_elsewhere(args: Namespace, out: Output) -> int:
    folder = Path(args.output)
    log = SampleLog(folder / LOG_FILE)
    if args.on == "boxes":
        computer, targets = _boxes(args, log, out)
    elif args.on.startswith("ray://"):
        computer, targets = _cluster(args, out)
    else:
        raise UsageError(f"--on {args.on} is unknown.", "Use `boxes`, or an address such as ray://server.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    driver = SampleDriver(log)

    def show(driver: SampleDriver) -> None:
        done, count = driver.counts()
        out.progress(f"{done} of {count} events, {driver.cpu_s:.0f} s of CPU time")

    driver.collect(computer, targets, show)
    out.progress("")
    for error in driver.failed:
        out.say(f"{error}")
    rows = [row for target in targets if (row := _camera_file(folder, target, driver.crops(target), out))]
    done, count = driver.counts()
    out.say(f"{done} of {count} events, {driver.cpu_s:.0f} s of CPU time.")
    if rows or not driver.failed:
        _printed(rows, out)
    return 1 if driver.failed else 0


def _camera_file(
    folder: Path, target: ScanTarget, cuts: Sequence[SampleCrop], out: Output
) -> tuple[str, str, str] | None:
    """Write the file of a camera. Cameras of several boxes often have the same ID: the file's name has the box, too."""
    if not any(one.label for one in cuts):
        return None
    name = f"{target.place}-{target.camera}" if target.place else target.camera
    more = {"box": target.place} if target.place else {}
    return _written(write(folder, name, cuts, replaces=True), target.camera, cuts, out, **more)


def _boxes(args: Namespace, log: SampleLog, out: Output) -> tuple[Computer, list[ScanTarget]]:
    folder, wait_s = running_data(args), options.option_s(args.wait, "--wait")
    boxes = joined_boxes(folder, "training boxes")
    cameras = [
        (box, camera)
        for box, camera in chosen_cameras(boxes, args.box, None, out, "training")
        if not args.camera or camera in args.camera
    ]
    ask = ask_hub(folder, "training box")
    return BoxComputer(ask, SampleRecipe(), log, wait_s), list(_targets(args, cameras))


def _cluster(args: Namespace, out: Output) -> tuple[Computer, list[ScanTarget]]:
    from tawny.cli.scan_ray import RayComputer  # lazy: loads Ray

    settings, (_, folder) = config_file(args), existing_data(args)
    with open_folder(folder) as archive:
        recorded = [str(one) for one in archive.volume.cameras()]
    cameras = [known_camera(folder, name) for name in args.camera] if args.camera else recorded
    place = str(settings.absolute()) if settings else "", str(folder.absolute())
    computer = RayComputer(args.on, SampleRecipe(), place, out.progress)
    return computer, list(_targets(args, [("", str(camera)) for camera in cameras]))


def _targets(args: Namespace, cameras: Iterable[tuple[str, str]]) -> Iterator[ScanTarget]:
    within = options.span(args.begin, args.end, SystemClock().now_ms())
    for box, camera in cameras:
        yield ScanTarget(box, "", camera, StreamName.SUB.value, within.begin_ms, within.end_ms)
