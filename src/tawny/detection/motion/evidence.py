"""Evidence for a candidate: displacement, growth, and internal motion while it stays.

Displacement counts almost everywhere. The other two count only on trusted ground, because leaves also grow and stay.
"""

import math

from tawny.detection.motion.blobs import Blob
from tawny.detection.motion.boxes import LEAST_SIDE, CellBox, way
from tawny.detection.motion.ground import GridRect
from tawny.detection.motion.scene import MotionScene
from tawny.detection.motion.tracks import RESTS, TRAVELS, MotionTrack

TRUST_S = 10.0
"""Rest time, s, after which a place is fully trusted."""
STEP = 0.35
"""Maximum displacement credited per frame, in object sizes: an event needs four frames, and a merging blob counts
little."""
BENDS = 1.3
"""A path counts fully up to this ratio of its length to its displacement."""
LEAST_WORTH, LEAST_TRUST = 0.3, 0.5
"""Minimum factors of displacement by worth and trust of the place."""
FAR, FAR_WORTH = 2.0, 0.5
"""Displacement, in object sizes, from which a path has at least this worth."""
LINGER_S = 3.0
"""Time, s, that an object with internal motion and LINGER_SHARE of the frame must stay; larger objects less."""
LINGER_SHARE, LINGER_LEAST, LINGER_MOST, LINGER_YOUNG = 0.01, 0.4, 2.0, 1.0
BEGINS = 0.1
"""Evidence up to which an event has not started."""


def gather(track: MotionTrack, blob: Blob, places: GridRect, t: float, dt: float, scene: MotionScene) -> None:
    """Add the evidence of this frame to a candidate that was assigned a blob."""
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
    """Return the evidence of a new maximum distance from the start.

    alone: share credited to a sole object on new ground.
    """
    late = [step.box for step in track.path[-3:]]
    far = track.displacement_from_birth
    track.walked += way(late[:-1], late[-2:])
    if far <= track.far:
        return 0.0
    straight = min(1.0, BENDS * far / max(track.walked, 1e-6))
    place = max(LEAST_WORTH, worth) * max(LEAST_TRUST, alone, min(1.0, track.trust_s / TRUST_S))
    if track.far >= FAR:  # the place of origin no longer matters
        place = max(place, FAR_WORTH)
    new = min(far - track.far, STEP)
    track.far = far
    return place * straight * new / TRAVELS


def _by_growth(track: MotionTrack, blob: Blob, worth: float) -> float:
    """Return the evidence of growth: a side of the box moves, for example a person approaches."""
    grown = _farthest_side(track.path[0].box, blob.box) / max(LEAST_SIDE, math.sqrt(blob.area))
    if grown <= track.grown:
        return 0.0
    new = min(grown - track.grown, STEP)
    track.grown = grown
    return worth * min(1.0, track.trust_s / TRUST_S) * new / TRAVELS


def _farthest_side(a: CellBox, b: CellBox) -> int:
    return max(abs(p - q) for p, q in zip(a, b, strict=True))
