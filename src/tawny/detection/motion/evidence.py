"""What speaks for a candidate: the way it goes, how it grows, and that it stays and moves in itself.

A path counts almost anywhere; the other two only on ground that is trusted, because leaves grow and stay as well.
"""

import math

from tawny.detection.motion.blobs import Blob
from tawny.detection.motion.boxes import LEAST_SIDE, CellBox, way
from tawny.detection.motion.ground import GridRect
from tawny.detection.motion.scene import MotionScene
from tawny.detection.motion.tracks import RESTS, TRAVELS, MotionTrack

TRUST_S = 10.0
"""A place that was at rest for so long before is fully trusted."""
STEP = 0.35
"""Sizes that one look gives at most: four looks at least, and a blob that merges counts little."""
BENDS = 1.3
"""A path counts in full if it is longer than its way by no more than this."""
LEAST_WORTH, LEAST_TRUST = 0.3, 0.5
"""A path counts at least so much, wherever it leads and however new the place is..."""
FAR, FAR_WORTH = 2.0, 0.5
"""...and so much for what it goes beyond so many of its own sizes."""
LINGER_S = 3.0
"""What covers `LINGER_SHARE` of the picture and moves in itself needs to stay so long; larger things less."""
LINGER_SHARE, LINGER_LEAST, LINGER_MOST, LINGER_YOUNG = 0.01, 0.4, 2.0, 1.0
BEGINS = 0.1
"""Evidence up to which nothing has begun."""


def gather(track: MotionTrack, blob: Blob, places: GridRect, t: float, dt: float, scene: MotionScene) -> None:
    """Add what this look says of a candidate, whose step it was, to its evidence."""
    worth = scene.ground.worth(places)
    share = blob.area / scene.whole
    track.alone += share
    track.looks += 1
    alone = share**2 if scene.is_young else 0.0
    track.evidence += _by_path(track, worth, alone) + _by_growth(track, blob, worth)
    if blob.moving > RESTS:
        trust = min(1.0, track.trust_s / TRUST_S + alone)
        most = LINGER_YOUNG if alone else LINGER_MOST
        track.evidence += (
            worth * trust * min(most, LINGER_LEAST + blob.area / (LINGER_SHARE * scene.cells)) * dt / LINGER_S
        )
    if track.evidence < BEGINS:
        track.start_t = t


def _by_path(track: MotionTrack, worth: float, alone: float) -> float:
    """Every new farthest distance from its birthplace. alone: where no place is known, a thing that is alone counts."""
    late = [step.box for step in track.path[-3:]]
    far = track.displacement_from_birth
    track.walked += way(late[:-1], late[-2:])
    if far <= track.far:
        return 0.0
    straight = min(1.0, BENDS * far / max(track.walked, 1e-6))
    place = max(LEAST_WORTH, worth) * max(LEAST_TRUST, alone, min(1.0, track.trust_s / TRUST_S))
    if track.far >= FAR:  # what its birthplace is like matters no more
        place = max(place, FAR_WORTH)
    new = min(far - track.far, STEP)
    track.far = far
    return place * straight * new / TRAVELS


def _by_growth(track: MotionTrack, blob: Blob, worth: float) -> float:
    """A side of its box moves: somebody comes nearer, a hand reaches in from the edge."""
    grown = _farthest_side(track.path[0].box, blob.box) / max(LEAST_SIDE, math.sqrt(blob.area))
    if grown <= track.grown:
        return 0.0
    new = min(grown - track.grown, STEP)
    track.grown = grown
    return worth * min(1.0, track.trust_s / TRUST_S) * new / TRAVELS


def _farthest_side(a: CellBox, b: CellBox) -> int:
    return max(abs(p - q) for p, q in zip(a, b, strict=True))
