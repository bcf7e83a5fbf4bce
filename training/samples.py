"""Crops with what is known of them, from one camera; and the folders they are kept in.

A folder has a file for each camera, `<camera>.npz`: `crops` uint8 [n, 2, 64, 64] (luma, mask) and `labels` (text: a
kind of `tawny.watch.kinds.KINDS`, or empty: not known), as `tawny kinds export` writes it. Cameras are held out whole:
two crops of one camera in both halves would measure memory, not skill.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tawny.watch.kinds import KINDS, SIDE


class NoSamples(Exception):
    """Says what is wrong with a file of crops."""


@dataclass(frozen=True)
class Samples:
    """crops: uint8 [n, 2, 64, 64]. labels: int [n], of KINDS."""

    camera: str
    crops: Any
    labels: Any

    def counts(self) -> dict[str, int]:
        return {kind: int((self.labels == n).sum()) for n, kind in enumerate(KINDS)}


def written(folder: Path, samples: Samples) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{samples.camera}.npz"
    np.savez_compressed(file, crops=samples.crops, labels=np.asarray(KINDS)[samples.labels])
    return file


def read(folders: Iterable[Path]) -> list[Samples]:
    """All that is labelled, by camera. NoSamples says which file is none, and why."""
    found = [_read(file) for folder in folders for file in sorted(folder.glob("*.npz"))]
    cameras = dict.fromkeys(one.camera for one in found)
    return [_joined(camera, [one for one in found if one.camera == camera]) for camera in cameras]


def _read(file: Path) -> Samples:
    try:
        with np.load(file) as kept:
            crops, words = kept["crops"], kept["labels"]
    except (OSError, KeyError, ValueError) as error:
        raise NoSamples(f"{file} is no file of crops: {error}") from None
    if crops.dtype != np.uint8 or crops.shape[1:] != (2, SIDE, SIDE) or len(words) != len(crops):
        raise NoSamples(f"{file} is no file of crops: uint8 [n, 2, {SIDE}, {SIDE}] and as many labels are wanted")
    strange = {str(word) for word in words} - {*KINDS, ""}
    if strange:
        raise NoSamples(f"{file} has labels that are no kinds: {', '.join(sorted(strange))}")
    known = words != ""
    return Samples(file.stem, crops[known], np.array([KINDS.index(str(word)) for word in words[known]], np.int64))


def _joined(camera: str, several: Sequence[Samples]) -> Samples:
    return Samples(
        camera, np.concatenate([one.crops for one in several]), np.concatenate([one.labels for one in several])
    )
