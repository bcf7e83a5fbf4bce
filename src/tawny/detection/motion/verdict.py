"""State transitions of tracks, evaluated at each frame.

candidate -> moving <-> held -> ended      candidate -> gone
"""

from tawny.detection.motion.edges import is_ghost, is_light, is_soft
from tawny.detection.motion.evidence import TRUST_S
from tawny.detection.motion.scene import MotionScene
from tawny.detection.motion.tracks import MotionTrack, TrackState

AGE_S = 0.9
"""Minimum observed time of an event, s, without gaps: excludes insects near the lens and chance sequences."""
DARTS, DARTS_AGE_S = 3.5, 1.9
"""Speed in object sizes per second, and the minimum observed time, s, above it: insects in the camera's light."""
FLEW, FLEW_FAR = 3.0, 0.6
"""Minimum speed and displacement, in object sizes, of a fly-by over calm ground that ends before DARTS_AGE_S. A lower
speed or other ground would include leaves. While fly-bys occur, every object needs DARTS_AGE_S."""
STIRS_S = 0.45
"""Maximum time since its last internal motion when a candidate becomes an event, s."""
LOST_S, LOST_MOST_S = 0.7, 1.2
"""Time without observation after which a candidate is dropped, s; the second limits that of older candidates."""
GAP_S = 1.6
"""Time without observation after which a moving event ends, s."""
REST_S = 1.0
"""Time without internal motion after which an event is held, s."""
HOLE_S = 1.5
"""Time in one place, s, after which a moving area may be the gap left by a removed object, such as a parked car."""
STILL_S = 60.0
"""Maximum time a motionless object is held, s; then it becomes background, like a parked car."""
TRACE = 0.25
"""Share of its recent area below which a held object is only a trace, such as a moved chair."""
FLICKER_S = 4.0
"""Time after which an event ends that neither moves nor covers its ground, s."""
PATIENCE_S, PATIENCE_TRUST, MOST_PATIENCE_S, SUDDEN_PATIENCE_S = 4.0, 2.2, 120.0, 8.0
"""How long an event may stay in one place, s: a base, a multiple of its trust weighted by the place's worth, and a
maximum. The last applies to objects that neither came from the frame edge nor moved half a size."""
CAME = 0.5


def update_tracks(track: MotionTrack, t: float, scene: MotionScene) -> None:
    """Update the state of a track and let the scene learn from it."""
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
    """Return whether a candidate has enough evidence and observed time and still moves."""
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
    """Apply the first condition that ends the event or changes its state."""
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
    """Return whether it neither moves nor covers its ground.

    Evaluated at the last observation: a lost track ends by that.
    """
    stood_s = track.seen_t - max(track.anchor.t, track.covered_t)
    return stood_s > FLICKER_S and not track.is_travelling(track.seen_t)


def _rests(track: MotionTrack, scene: MotionScene) -> None:
    """Hold an object that stopped, or end it if only the gap it left remains."""
    if _is_nothing(track, scene):
        _end_learnt(track, scene)
    else:
        track.state = TrackState.HELD


def _is_nothing(track: MotionTrack, scene: MotionScene) -> bool:
    """Return whether only the gap of a removed object or lasting light remains."""
    where = track.box, scene.seen, scene.memory
    return is_light(*where) or (track.state is TrackState.MOVING and is_ghost(*where))


def _end_learnt(track: MotionTrack, scene: MotionScene) -> None:
    """End the event at its last motion and make the area background."""
    scene.memory.absorb(track.box, scene.seen.now)
    track.end(track.moved_t)


def _end_vain(track: MotionTrack, scene: MotionScene) -> None:
    """End an event that was false: sustained by leaves or snow, or longer than its place allows."""
    end_t = max(track.anchor.t, min(track.covered_t, track.moved_t))
    if track.trust_s < TRUST_S / 2:  # little evidence
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
