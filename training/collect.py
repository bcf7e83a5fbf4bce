"""Crops of real cameras, as they were cut by a detector and looked at by two object models, into labelled samples.

    python -m training.collect CROPS -o FOLDER

A track is what both models agree on for several of its crops, also where they see only a leg of it. It is `nothing`
where neither sees anything while nobody is in the picture, as `sources.toml` says. All others have no label: a hand or
a face close to the lens, which object models do not know, is not nothing. Only sources are taken of which
`sources.toml` says who made them and what their licence is.
"""

import argparse
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tawny.detection.kind_model import KINDS
from tawny.model.observations import NOTHING
from training.samples import Samples, written

SOURCES = Path(__file__).parent / "sources.toml"
AGREED = 0.4
"""Score of both models from which on a crop has their label."""
UNSEEN = 0.12
"""Score that neither reaches where there is nothing."""
ENOUGH = 3
"""Crops of a track that are of a kind, and none of another, for all of the track to be of that kind."""
ABSENT = 3


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crops", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    for source in sources():
        for camera, names in source["cameras"].items():
            files = [options.crops / f"{name}.npz" for name in names]
            absent = [str(file) for file in files if not file.is_file()]
            if absent:
                print(f"not here: {', '.join(absent)}", file=sys.stderr)
                return ABSENT
            samples = collected(camera, files, source.get("quiet", {}))
            written(options.output, samples)
            print(f"{camera:12s} {samples.counts()}")
    return 0


def sources() -> list[dict[str, Any]]:
    return list(tomllib.loads(SOURCES.read_text(encoding="utf-8"))["sources"])


def collected(camera: str, files: Sequence[Path], quiet: Mapping[str, Sequence[Sequence[float]]]) -> Samples:
    """files: `l`, `m` uint8 [n, 64, 64], luma and mask; `t`, `track` [n], seconds and number; `yp`, `pp` [n, 4], what
    two models say, by KINDS; or only `label`, int [n], given by hand. quiet: when nobody is there, by name of the file.
    """
    crops, labels = [], []
    for file in files:
        with np.load(file) as kept:
            label = kept["label"] if "label" in kept else _labelled(kept, quiet.get(file.stem, ()))
            crops.append(np.stack([kept["l"], kept["m"]], axis=1)[label >= 0])
            labels.append(label[label >= 0])
    return Samples(camera, np.concatenate(crops), np.concatenate(labels))


def _labelled(kept: Any, quiet: Sequence[Sequence[float]]) -> Any:
    labels, nothing = agreed(kept["yp"], kept["pp"]), KINDS.index(NOTHING)
    is_quiet = np.any([(kept["t"] >= begin) & (kept["t"] <= end) for begin, end in quiet] or [[False]], axis=0)
    labels = np.where((labels == nothing) & ~is_quiet, -1, labels)
    for track in np.unique(kept["track"]):
        own = kept["track"] == track
        found, counts = np.unique(labels[own & (labels >= 0)], return_counts=True)
        if len(found) == 1 and found[0] != nothing and counts[0] >= ENOUGH:
            labels[own] = found[0]
    return labels


def agreed(one: Any, other: Any) -> Any:
    """Scores [n, 4] of two models -> int [n]: a kind's index, or -1."""
    known = len(KINDS) - 1
    both, either = np.minimum(one, other)[:, :known], np.maximum(one, other)[:, :known]
    labels = np.where(both.max(axis=1) > AGREED, both.argmax(axis=1), -1)
    return np.where(either.max(axis=1) < UNSEEN, KINDS.index(NOTHING), labels)


if __name__ == "__main__":
    sys.exit(main())
