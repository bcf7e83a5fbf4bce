"""What becomes of each track at each look: a candidate an event or nothing, an event held, moving again or ended.

candidate -> moving <-> held -> ended      candidate -> gone
"""

from tawny.detection.motion.edges import is_ghost, is_light, is_soft
from tawny.detection.motion.evidence import TRUST_S
from tawny.detection.motion.scene import MotionScene
from tawny.detection.motion.tracks import MotionTrack, TrackState

AGE_S = 0.9
"""An event has been seen this long, the gaps not counted: insects near the lamp have not, nor one and then another."""
DARTS, DARTS_AGE_S = 3.5, 1.9
"""What goes so many of its own sizes a second has been seen this long: insects in the light of the lamp."""
FLEW, FLEW_FAR = 3.0, 0.6
"""What goes so many of its own sizes a second over calm ground, so many at all, and is gone before that age, has flown
by; at 2, or elsewhere, leaves would count. While such things fly, everybody must be seen as long as what darts."""
STIRS_S = 0.45
"""It moved in itself at most so long ago."""
LOST_S, LOST_MOST_S = 0.7, 1.2
"""A candidate not seen so long is gone; longer for one that has lived longer."""
GAP_S = 1.6
"""A moving event not seen so long is over."""
REST_S = 1.0
"""An event without motion in itself for so long is held."""
HOLE_S = 1.5
"""What stays so long in one place, though something moves in it, may be the hole that a parked car left."""
STILL_S = 60.0
"""Somebody who stands without the least motion is held so long; then they belong to the place, like a parked car."""
TRACE = 0.25
"""What is held and has less than this share of its area of late is a trace (a moved chair), not the thing."""
FLICKER_S = 4.0
"""What neither travels, be it slowly, nor covers its ground is over after this."""
PATIENCE_S, PATIENCE_TRUST, MOST_PATIENCE_S, SUDDEN_PATIENCE_S = 4.0, 2.2, 120.0, 8.0
"""How long an event may stay in one place: the first, and so many times its trust as the place is worth, at most the
third; the fourth for what neither came from the edge nor went half a size."""
CAME = 0.5


def update_tracks(track: MotionTrack, t: float, scene: MotionScene) -> None:
    """Change its state, and teach the scene what follows from it."""
    if track.is_event:
        _judge_event(track, t, scene)
    else:
        _judge_candidate(track, t, scene)


def _judge_candidate(track: MotionTrack, t: float, scene: MotionScene) -> None:
    lived_s = track.seen_t - track.born_t
    if t - track.seen_t > min(LOST_MOST_S, max(LOST_S, 0.5 * lived_s)):
        came_to_nothing(track, scene)
        track.state = TrackState.GONE
    elif _is_due(track, t, scene):
        where = track.box, scene.seen, scene.memory
        if is_soft(*where) or is_light(*where):
            track.state = TrackState.GONE
        else:
            _becomes_event(track, t, scene)


def _is_due(track: MotionTrack, t: float, scene: MotionScene) -> bool:
    """Whether it has evidence enough, has been seen long enough, and still moves."""
    late = 1.0 if track.walked > DARTS * track.in_sight_s else scene.ground.flies
    age_s = AGE_S + (DARTS_AGE_S - AGE_S) * late
    return track.evidence >= scene.need(track.area) and track.in_sight_s >= age_s and t - track.moved_t <= STIRS_S


def _becomes_event(track: MotionTrack, t: float, scene: MotionScene) -> None:
    scene.memory.restore(track.born_t, track.boxes)
    scene.ground.was_real(track.stays)
    if scene.is_young:
        track.trust_s = max(track.trust_s, TRUST_S * (track.alone / max(1, track.looks)) ** 2)
    track.set_anchor(t)
    track.state = TrackState.MOVING


def _judge_event(track: MotionTrack, t: float, scene: MotionScene) -> None:
    """Whichever comes first ends it."""
    stays_s = t - track.anchor.t
    if t - track.seen_t > GAP_S:
        track.end(track.seen_t)
        if _flew_by(track):
            scene.ground.flew_by()
    elif _flickers(track) or stays_s > _patience_s(track, scene):
        _end_vain(track, scene)
    elif stays_s > HOLE_S and _is_nothing(track, scene):
        _end_learnt(track, scene)
    elif track.state is TrackState.MOVING:
        if t - track.moved_t > REST_S:
            _rests(track, scene)
    elif track.area < TRACE * track.peak or t - track.moved_t > STILL_S:
        _end_learnt(track, scene)
    elif track.moved_t == t:
        track.state = TrackState.MOVING


def _flickers(track: MotionTrack) -> bool:
    """As of when it was last seen: who is gone is over by that."""
    stood_s = track.seen_t - max(track.anchor.t, track.covered_t)
    return stood_s > FLICKER_S and not track.is_travelling(track.seen_t)


def _rests(track: MotionTrack, scene: MotionScene) -> None:
    """It stopped moving: is it still there, or is this the hole it left?"""
    if _is_nothing(track, scene):
        _end_learnt(track, scene)
    else:
        track.state = TrackState.HELD


def _is_nothing(track: MotionTrack, scene: MotionScene) -> bool:
    """The hole of what was here before, or light that has stayed."""
    where = track.box, scene.seen, scene.memory
    return is_light(*where) or (track.state is TrackState.MOVING and is_ghost(*where))


def _end_learnt(track: MotionTrack, scene: MotionScene) -> None:
    """Over as of its last motion; what is there now belongs to the place."""
    scene.memory.absorb(track.box, scene.seen.now)
    track.end(track.moved_t)


def _end_vain(track: MotionTrack, scene: MotionScene) -> None:
    """It lives on in leaves or snow, or was believed for longer than its place is worth."""
    end_t = max(track.anchor.t, min(track.covered_t, track.moved_t))
    if track.trust_s < TRUST_S / 2:  # it was believed on little
        end_t = track.anchor.t + 1.0
    came_to_nothing(track, scene)
    scene.memory.absorb(track.box, scene.seen.now)
    track.end(end_t)


def _patience_s(track: MotionTrack, scene: MotionScene) -> float:
    height, width = scene.memory.shape
    from_edge = any(
        b.x0 <= 1 or b.y0 <= 1 or b.x1 >= width - 1 or b.y1 >= height - 1 for b in track.boxes[:3]
    )  # fmt: skip
    if from_edge or track.far >= CAME:
        worth = scene.ground.worth(scene.ground.places(track.box))
        return min(MOST_PATIENCE_S, PATIENCE_S + PATIENCE_TRUST * track.trust_s * worth)
    return SUDDEN_PATIENCE_S


def _flew_by(track: MotionTrack) -> bool:
    is_fast = track.walked > FLEW * track.in_sight_s and track.far > FLEW_FAR
    return is_fast and track.is_on_calm_ground and track.seen_t - track.born_t < DARTS_AGE_S


def came_to_nothing(track: MotionTrack, scene: MotionScene) -> None:
    scene.memory.blame(track.boxes)
    scene.ground.came_to_nothing(track.area, track.stays)
    if _flew_by(track):
        scene.ground.flew_by()
