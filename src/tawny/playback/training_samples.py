"""Training samples: crops of moving objects in recorded events, in the input format of the type model.

The default detector processes the recording from shortly before an event; its tracked objects are cropped. Files have
the format that `training` reads.
"""

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tawny.detection.decode_pipeline import GreyFrame
from tawny.detection.kind_model import KINDS, LEAST_CELLS, SIDE, cells_in, crops_of
from tawny.detection.motion import MotionDetector
from tawny.media.image.mask import mask_picture
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, StreamName
from tawny.model.observations import NOTHING, Observation
from tawny.model.times import Span
from tawny.playback.frame_reader import FrameReader
from tawny.playback.recordings import RecordingArchive, RecordingIndex
from tawny.storage.index.protocol import all_events

LEARNS_MS: Final = 15_000
"""Lead time for the background model, ms."""
MOST_MS: Final = 60_000
"""Maximum processed time of an event, ms."""
LOOK_MS: Final = 200
MOST_CROPS: Final = 40
"""Maximum number of crops per event, spread over its time, so that long events have no more weight."""
SAID: Final = "said"
"""Origin of the labels: corrections by the owner."""
_PAGE: Final = 200
NOBODY: Final = frozenset({"shadow", "weather"})
"""False alarm reasons that mean there was no object."""


@dataclass(frozen=True)
class SampleCrop:
    """A training sample. crop: uint8 [2, 64, 64]. label: empty if the labeled object of the event is unknown."""

    crop: Any
    at_ms: int
    track: int
    box: tuple[float, float, float, float]
    label: str
    event: str


def label_of(event: Event) -> str:
    """Return the label given by a person, or an empty string."""
    return event.said or (NOTHING if event.false_alarm in NOBODY else "")


def labeled_events(index: RecordingIndex, within: Span, cameras: Sequence[CameraId] | None = None) -> Iterator[Event]:
    """Yield the ended events that people labeled, newest first. cameras: None: all."""
    events = all_events(lambda after: index.events(within, cameras=cameras, after=after, limit=_PAGE))
    return (event for event in events if event.end_ms is not None and label_of(event))


def crop_samples(archive: RecordingArchive, event: Event, private: Sequence[Polygon] = ()) -> list[SampleCrop]:
    """Return the samples of an ended, labeled event; empty without recording. private: privacy masks.

    The label applies to the largest object; `nothing` applies to all.
    """
    label, found = label_of(event), list(_followed(archive, event, private))
    if not found:
        return []
    sizes: dict[int, int] = {}
    for cells, one in found:
        sizes[one.track] = sizes.get(one.track, 0) + cells
    meant = max(sizes, key=lambda track: sizes[track])
    chosen = [found[n][1] for n in np.unique(np.linspace(0, len(found) - 1, MOST_CROPS).round().astype(int))]
    return [
        SampleCrop(
            one.crop, one.at_ms, one.track, one.box, label if label == NOTHING or one.track == meant else "", event.id
        )
        for one in chosen
    ]


def _followed(archive: RecordingArchive, event: Event, private: Sequence[Polygon]) -> Iterator[tuple[int, SampleCrop]]:
    """Yield every object of every frame of the event with its number of foreground cells."""
    assert event.end_ms is not None
    pictures, detector = FrameReader(archive, event.camera, StreamName.SUB), MotionDetector({})
    until_ms = min(event.end_ms, event.start_ms + MOST_MS)
    for at_ms in range(event.start_ms - LEARNS_MS, until_ms + 1, LOOK_MS):
        frame = pictures.at(at_ms)
        if frame is None:
            continue
        luma = mask_picture(frame, private).luma
        look = detector.look(GreyFrame(luma, at_ms, event.camera))
        things = [*look.seen, *look.near] if at_ms >= event.start_ms and look.mask is not None else []
        moving = [(cells, thing) for thing in things if (cells := cells_in(look.mask, thing.box)) >= LEAST_CELLS]
        crops = crops_of(luma, look.mask, [thing.box for _, thing in moving]) if moving else ()
        for (cells, thing), crop in zip(moving, crops, strict=True):
            yield cells, _cut(crop, at_ms, thing)


def _cut(crop: Any, at_ms: int, thing: Observation) -> SampleCrop:
    return SampleCrop(crop, at_ms, thing.track, thing.box, "", "")


@dataclass(frozen=True)
class EventSamples:
    """The samples of one event. cpu_s: what they cost."""

    crops: tuple[SampleCrop, ...]
    cpu_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return JSON-like values; `samples_from_json` reads them."""
        pixels = b"".join(np.asarray(one.crop, np.uint8).tobytes() for one in self.crops)
        about = [[one.at_ms, one.track, list(one.box), one.label, one.event] for one in self.crops]
        return {"crops": base64.b64encode(zlib.compress(pixels)).decode(), "about": about, "cpu_s": self.cpu_s}


def samples_from_json(data: Mapping[str, Any]) -> EventSamples:
    """Return the samples of one event. Raises ValueError, KeyError, TypeError: these are none."""
    about = data["about"]
    if len(about) > MOST_CROPS:
        raise ValueError("too many samples")
    try:
        packed = zlib.decompressobj()
        pixels = packed.decompress(base64.b64decode(data["crops"], validate=True), len(about) * _CROP_BYTES + 1)
    except (zlib.error, binascii.Error) as error:
        raise ValueError("no images") from error
    crops = np.frombuffer(pixels, np.uint8).reshape(len(about), 2, SIDE, SIDE)
    return EventSamples(
        tuple(_checked(crop, *each) for crop, each in zip(crops, about, strict=True)), float(data["cpu_s"])
    )


_CROP_BYTES: Final = 2 * SIDE * SIDE
_MOST_LETTERS: Final = 64
_MOST_NUMBER: Final = 1 << 53


def _checked(crop: Any, at_ms: int, track: int, box: Sequence[float], label: str, event: str) -> SampleCrop:
    x0, y0, x1, y1 = (float(edge) for edge in box)
    is_label = label in ("", *KINDS)
    numbers = (type(at_ms) is int and type(track) is int) and max(abs(at_ms), abs(track)) <= _MOST_NUMBER
    if not (is_label and numbers and len(event) <= _MOST_LETTERS and event.isprintable() and -1 <= x0 <= x1 <= 2):
        raise ValueError("no sample")
    return SampleCrop(crop, at_ms, track, (x0, y0, x1, y1), label, event)


def write(folder: Path, camera: str, cuts: Sequence[SampleCrop], *, replaces: bool = False) -> Path:
    """Write a camera's file. replaces: also if there is one. Raises NotDone: if it exists or cannot be written."""
    file = folder / f"{camera}.npz"
    unfinished = file.with_suffix(".new")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with unfinished.open("wb") if replaces else file.open("xb") as stream:
            np.savez_compressed(
                stream,
                crops=np.stack([one.crop for one in cuts]),
                labels=np.asarray([one.label for one in cuts]),
                label_by=np.asarray(SAID),
                times_ms=np.asarray([one.at_ms for one in cuts], np.int64),
                tracks=np.asarray([one.track for one in cuts], np.int64),
                boxes=np.asarray([one.box for one in cuts], np.float64),
                events=np.asarray([one.event for one in cuts]),
            )
        if replaces:
            unfinished.replace(file)
    except OSError as error:
        if isinstance(error, FileExistsError) and folder.is_dir():
            raise NotDone(f"{file} already exists.", "Choose another folder with `-o`.") from None
        raise NotDone(f"Can't write {file}: {error.strerror}.", "Check free space and write permission.") from None
    return file
