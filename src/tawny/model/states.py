"""Camera states, their words and their count, shared by commands, the interface, the API and messages."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tawny.model.ids import CameraId


class CameraState(StrEnum):
    RECORDING = "recording"
    WAITING = "waiting"
    ASLEEP = "asleep"
    MODE_OFF = "mode_off"
    PAUSED = "paused"
    OFF = "off"
    ENDED = "ended"
    STARTING = "starting"
    OFFLINE = "offline"
    REFUSED = "refused"
    WEAKER_LOGIN = "weaker_login"
    FROZEN = "frozen"
    COVERED = "covered"
    DEFOCUSED = "defocused"
    MOVED = "moved"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    """Nothing has looked after the camera for a while: its last state may be wrong by now."""


STATE_WORDS: dict[CameraState, str] = {
    CameraState.RECORDING: "Recording",
    CameraState.WAITING: "Waiting for an event",
    CameraState.ASLEEP: "Asleep",
    CameraState.MODE_OFF: "Off in this mode",
    CameraState.PAUSED: "Paused",
    CameraState.OFF: "Off",
    CameraState.ENDED: "Video file ended",
    CameraState.STARTING: "Starting",
    CameraState.OFFLINE: "Offline",
    CameraState.REFUSED: "Wrong password",
    CameraState.WEAKER_LOGIN: "Weaker sign-in",
    CameraState.FROZEN: "Frozen image",
    CameraState.COVERED: "Lens covered",
    CameraState.DEFOCUSED: "Out of focus",
    CameraState.MOVED: "Camera moved",
    CameraState.BLOCKED: "Can't write to disk",
    CameraState.UNKNOWN: "Unknown",
}
"""The texts of all readers. What else a new state needs: docs/how-it-works/adding-things.md."""


def state_words(state: CameraState, *, is_undetected: bool) -> str:
    """Return the text of a camera's state. is_undetected: its detection is off, so that no event will come."""
    return "Waiting, detection off" if is_undetected and state is CameraState.WAITING else STATE_WORDS[state]


STATE_WORDS_OF_SEVERAL = {
    CameraState.ENDED: "Video files ended",
    CameraState.REFUSED: "Wrong passwords",
    CameraState.FROZEN: "Frozen images",
    CameraState.COVERED: "Lenses covered",
    CameraState.MOVED: "Cameras moved",
}
"""The texts that count cameras, where they differ."""

ON_WATCH = frozenset({CameraState.RECORDING, CameraState.WAITING})
"""They do what they should: one that waits is recorded as soon as something happens."""
CHOSEN = frozenset({CameraState.MODE_OFF, CameraState.PAUSED, CameraState.OFF})
BLINDED = frozenset({CameraState.FROZEN, CameraState.COVERED, CameraState.DEFOCUSED, CameraState.MOVED})
"""It is recorded, or would be, but its view is unusable."""
RECORDED = ON_WATCH | BLINDED
EXPECTED = frozenset(CameraState) - CHOSEN - {CameraState.ENDED, CameraState.ASLEEP}
"""Cameras that should be recorded now. One that sleeps, or a video file that was played to its end, has nothing."""
TROUBLE = EXPECTED - ON_WATCH - {CameraState.STARTING}


class CameraCount(StrEnum):
    """How a camera is counted: each in exactly one of these, wherever cameras are counted."""

    RECORDING = "recording"
    WAITING = "waiting"
    ASLEEP = "asleep"
    STARTING = "starting"
    PAUSED = "paused"
    OFF = "off"
    ENDED = "ended"
    TROUBLE = "trouble"
    UNKNOWN = "unknown"


_COUNTED = {
    CameraState.RECORDING: CameraCount.RECORDING,
    CameraState.WAITING: CameraCount.WAITING,
    CameraState.ASLEEP: CameraCount.ASLEEP,
    CameraState.STARTING: CameraCount.STARTING,
    CameraState.PAUSED: CameraCount.PAUSED,
    CameraState.ENDED: CameraCount.ENDED,
    CameraState.UNKNOWN: CameraCount.UNKNOWN,
    **dict.fromkeys(CHOSEN - {CameraState.PAUSED}, CameraCount.OFF),
}


def counted_as(state: CameraState, *, starts_slowly: bool = False) -> CameraCount:
    """Return how a camera in this state is counted. starts_slowly: for so long that it is a problem."""
    if starts_slowly and state is CameraState.STARTING:
        return CameraCount.TROUBLE
    return _COUNTED.get(state, CameraCount.TROUBLE)


def summary(states: Sequence[CameraState]) -> str:
    """Return the sentence that counts all cameras, such as `0 of 2 cameras working: 1 paused, 1 offline.`"""
    if not states:
        return "No cameras."
    working, noun = sum(state in ON_WATCH for state in states), "camera" if len(states) == 1 else "cameras"
    counts = Counter(states)
    others = [
        f"{counts[state]} {(STATE_WORDS_OF_SEVERAL if counts[state] > 1 else STATE_WORDS).get(state, words).lower()}"
        for state, words in STATE_WORDS.items()
        if state is not CameraState.RECORDING
    ]
    named = ", ".join(text for text in others if not text.startswith("0 "))
    return f"{working} of {len(states)} {noun} working{': ' if named else ''}{named}."


class DetectionFault(StrEnum):
    """Why the detector of a camera that is recorded could not work for a while."""

    UNDECODABLE = "undecodable"
    NO_FRAMES = "no_frames"
    TOO_SLOW = "too_slow"
    CRASHED = "crashed"
    STARVED = "starved"


FAULT_WORDS: dict[DetectionFault, tuple[str, str]] = {
    DetectionFault.UNDECODABLE: (
        "Detection can't decode this camera's video, so it detects nothing.",
        "Recording continues. Restart the camera, or set its video to H.264 without B-frames.",
    ),
    DetectionFault.NO_FRAMES: (
        "Detection gets no video from this camera, so it detects nothing.",
        "Recording continues. Check the camera's sub stream, or remove it from the settings.",
    ),
    DetectionFault.TOO_SLOW: (
        "This computer is too slow for this camera: detection skips more than half of its video.",
        "Recording continues. Set a smaller sub stream, a lower detection effort, or another detector.",
    ),
    DetectionFault.CRASHED: (
        "Detection keeps failing, so it detects nothing.",
        "Recording continues. Choose another detector or model, and report the error.",
    ),
    DetectionFault.STARVED: (
        "Detection has come to a standstill, so it detects nothing.",
        "Recording continues. The computer is overloaded, a disk is stuck, or the detector hangs: restart tawny.",
    ),
}
"""What is wrong, and what to do. Troubleshooting.md explains each; tests/test_readers.py checks that."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """Status of a camera. Rates are over the last ten seconds; None if unknown."""

    id: CameraId
    name: str
    state: CameraState
    since_ms: int
    detail: str = ""
    """The problem and its remedy, in a sentence. Empty if none."""
    last_packet_ms: int | None = None
    fps: float | None = None
    bit_rate: int | None = None
    clock_offset_s: float | None = None
    """How far the camera's clock is ahead of the recorder's."""
    latency_s: float | None = None
    """Latency from exposure to arrival."""
    is_undetected: bool = False
    """It waits for events, and nothing detects any: only people, rules and other programs start a recording."""
