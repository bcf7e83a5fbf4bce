"""`tawny kinds export`: export image crops of labeled events, to train a custom model.

Files are written locally only. Recordings of encrypted cameras are not exported.
"""

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tawny.cli import options, times
from tawny.cli.archive import open_folder
from tawny.cli.output import Output
from tawny.cli.paths import existing_data
from tawny.model.clock import SystemClock
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.playback.recordings import RecordingIndex
from tawny.playback.training_samples import SampleCrop, crop_samples, label_of, write
from tawny.service.detection.zone_mapping import privacy_masks
from tawny.storage.index.opening import known_camera

PAGE = 200


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    options.times(parser, begin="1970-01-01", end="now")
    parser.add_argument("do", choices=["export"], help="action")
    parser.add_argument("--camera", metavar="C", action="append", help="only this camera (repeatable)")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="output folder; one file per camera")


def run(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    within = times.span(args.begin, args.end, SystemClock().now_ms())
    wanted = [known_camera(folder, name) for name in args.camera] if args.camera else None
    with open_folder(folder) as archive:
        said = list(_said(archive.index, within, wanted))
        cameras = list(dict.fromkeys(event.camera for event in said))
        rows: list[tuple[str, str, str]] = []
        for camera in cameras:
            if chosen.is_sealed(camera):
                out.say(f"{camera} is encrypted and is not exported.")
                continue
            settings = chosen.cameras.get(camera)
            private = privacy_masks(settings) if settings else ()
            cuts: list[SampleCrop] = []
            for event in (event for event in said if event.camera == camera):
                cuts += crop_samples(archive, event, private)
                out.progress(f"{camera}: {len(cuts)} images")
            if any(one.label for one in cuts):
                file = write(Path(args.output), camera, cuts)
                labels = Counter(one.label for one in cuts if one.label)
                told = {"file": str(file), "camera": camera, "crops": len(cuts), "labels": dict(labels)}
                out.data(told, "")
                rows.append((str(file), str(len(cuts)), ", ".join(f"{n} {label}" for label, n in labels.items())))
    if not rows:
        raise NotDone(
            "Nothing to export: none of the recorded events has been labeled.",
            "Label some events on their pages (“What was it?”), then export again.",
        )
    if not args.json:
        out.data(None, out.table(("file", "crops", "labels"), rows, empty=""))
    return 0


def _said(index: RecordingIndex, within: Span, cameras: list[CameraId] | None) -> Iterator[Event]:
    """Yield ended events that have a label from a user, newest first."""
    after: str | None = None
    while True:
        page = index.events(within, cameras=cameras, after=after, limit=PAGE)
        yield from (event for event in page.events if event.end_ms is not None and label_of(event))
        after = page.next
        if after is None:
            return
