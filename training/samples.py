"""Crops with what is known of them, from one camera; and the folders they are kept in.

A folder has a file for each camera, `<camera>.npz`: `crops` uint8 [n, 2, 64, 64] (luma, mask) and `labels` (text: a
kind of `tawny.detection.kind_model.KINDS`, or empty: not known), as `tawny kinds export` writes it. Cameras are
held out whole:
two crops of one camera in both halves would measure memory, not skill.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tawny.detection.kind_model import KINDS, SIDE
from tawny.playback.training_samples import SAID


class NoSamples(Exception):
    """Says what is wrong with a file of crops."""


@dataclass(frozen=True)
class Samples:
    """crops: uint8 [n, 2, 64, 64]. labels: int [n], of KINDS. is_owners: exported by who owns the camera.

    events: text [n], the event that each is of; of public ones each crop is one.
    """

    camera: str
    crops: Any
    labels: Any
    is_owners: bool = False
    events: Any = ()

    def counts(self) -> dict[str, int]:
        return {kind: int((self.labels == n).sum()) for n, kind in enumerate(KINDS)}


def written(folder: Path, samples: Samples) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{samples.camera}.npz"
    np.savez_compressed(file, crops=samples.crops, labels=np.asarray(KINDS)[samples.labels])
    return file


def read(folders: Iterable[Path]) -> list[Samples]:
    """All that is labelled, by camera. NoSamples says which file is none, and why.

    An owner's camera that is called as one of the public ones is another.
    """
    found = [_read(file) for folder in folders for file in sorted(folder.glob("*.npz"))]
    public = {one.camera for one in found if not one.is_owners}
    found = [
        replace(one, camera=f"{one.camera}-own") if one.is_owners and one.camera in public else one for one in found
    ]
    cameras = dict.fromkeys(one.camera for one in found)
    return [_joined(camera, [one for one in found if one.camera == camera]) for camera in cameras]


def _read(file: Path) -> Samples:
    try:
        with np.load(file) as kept:
            crops, words = kept["crops"], kept["labels"]
            events = kept["events"] if "events" in kept else np.arange(len(words)).astype(str)
            is_owners = "label_by" in kept and str(kept["label_by"]) == SAID
    except (OSError, KeyError, ValueError) as error:
        raise NoSamples(f"{file} is no file of crops: {error}") from None
    if crops.dtype != np.uint8 or crops.shape[1:] != (2, SIDE, SIDE) or len(words) != len(crops):
        raise NoSamples(f"{file} is no file of crops: uint8 [n, 2, {SIDE}, {SIDE}] and as many labels are wanted")
    strange = {str(word) for word in words} - {*KINDS, ""}
    if strange:
        raise NoSamples(f"{file} has labels that are no kinds: {', '.join(sorted(strange))}")
    known = words != ""
    labels = np.array([KINDS.index(str(word)) for word in words[known]], np.int64)
    return Samples(file.stem, crops[known], labels, is_owners, events[known])


def _joined(camera: str, several: Sequence[Samples]) -> Samples:
    crops, labels, events = ([getattr(one, name) for one in several] for name in ("crops", "labels", "events"))
    whole = np.concatenate(crops), np.concatenate(labels)
    return Samples(camera, *whole, several[0].is_owners, np.concatenate(events))
