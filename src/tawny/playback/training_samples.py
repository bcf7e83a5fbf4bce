"""Training samples: crops of moving objects in recorded events, in the input format of the type model.

The default detector processes the recording from shortly before an event; its tracked objects are cropped. Files have
the format that `training` reads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tawny.detection.decode_pipeline import GreyFrame
from tawny.detection.kind_model import LEAST_CELLS, cells_in, crops_of
from tawny.detection.motion import MotionDetector
from tawny.media.image.mask import mask_picture
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId, StreamName
from tawny.model.observations import NOTHING, Observation
from tawny.model.polygon import Polygon
from tawny.playback.frame_reader import FrameReader
from tawny.playback.recordings import RecordingArchive

LEARNS_MS: Final = 15_000
"""Lead time for the background model, ms."""
MOST_MS: Final = 60_000
"""Maximum processed time of an event, ms."""
LOOK_MS: Final = 200
MOST_CROPS: Final = 40
"""Maximum number of crops per event, spread over its time, so that long events have no more weight."""
SAID: Final = "said"
"""Origin of the labels: corrections by the owner."""
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


def write(folder: Path, camera: CameraId, cuts: Sequence[SampleCrop]) -> Path:
    """Write a camera's file. Raises NotDone: if it exists or cannot be written."""
    file = folder / f"{camera}.npz"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with file.open("xb") as stream:
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
    except OSError as error:
        if file.exists():
            raise NotDone(f"{file} already exists.", "Choose another folder with `-o`.") from None
        raise NotDone(f"Can't write {file}: {error.strerror}.", "Check free space and write permission.") from None
    return file
