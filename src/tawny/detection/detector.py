"""Protocols of detectors, the rule when looks make an event, and the numbers of a detector's settings.

Built-in detectors and plug-ins use the same entry point group, `tawny.detectors`.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import index
from typing import Any, ClassVar, Protocol, runtime_checkable

from tawny.engine.plugins import PluginFailed, plug_in_code
from tawny.model.errors import DetectorFailed, TawnyError
from tawny.model.observations import Frame, Look, Observation
from tawny.model.validation import value_text


class Detector(Protocol):
    """Processes the frames of one camera, from one thread. Keeps its model of the scene between frames.

    Two optional attributes: `looks_a_second` (default 5; 0: every frame) and `takes_frame = False`. With the latter
    `look` is called at the sampling times, but no frame is decoded for it.
    """

    name: ClassVar[str]

    def look(self, frame: Frame) -> Look:
        """Return the detections of one frame.

        Frames come in order of `at_ms`, 0.2 to 30 a second. A backward jump, a long pause or another frame size must do
        no harm. Raises DetectorFailed, or any exception: the supervisor then restarts the detector.
        """
        ...


def scan_look(detector: Detector, frame: Frame) -> Look:
    """Return what a detector of a scan sees. Raises DetectorFailed, also for any other error, with its place."""
    try:
        return named_look(detector.name, detector, frame)
    except PluginFailed as error:
        raise DetectorFailed(error_text(error)) from error


def named_look(name: str, detector: Detector, frame: Frame) -> Look:
    """Return what a detector sees. Raises DetectorFailed, and PluginFailed for an error that isn't tawny's."""
    with plug_in_code(name, TawnyError):
        look = detector.look(frame)
        if not isinstance(look, Look):
            raise TypeError(f"`look` must return a Look, not {look!r}")
        if not 0 <= index(look.score) <= 100:  # a fraction couldn't be stored
            raise ValueError(f"the score of a Look is 0 to 100, not {look.score}")
        for thing in (*look.seen, *look.near):
            if not 0 <= thing.score <= 1:
                raise ValueError(f"the score of an Observation is 0 to 1, not {thing.score}")
        return look


def error_text(failed: PluginFailed) -> str:
    """Return the whole error of a detector, for its author: a scan has no secrets."""
    cause = failed.__cause__
    if cause is None:
        return failed.sentence
    return f"{failed.sentence.removesuffix('.')}: {cause}{failed.place}."


@runtime_checkable
class Glances(Protocol):
    """Optional part of a detector: keyframe checks, so that a quiet stream needs no full decoding.

    A detector without these methods gets every frame. Call from the same thread as `look`.
    """

    def glance(self, frame: Frame) -> bool:
        """Return whether the frame shows anything that the background model does not explain; if in doubt, True.

        Learns nothing.
        """
        ...

    @property
    def is_following(self) -> bool:
        """Whether a recent object is an event or may still become one. Every frame is then needed."""
        ...


@runtime_checkable
class OwnProcess(Protocol):
    """Optional part of a detector that runs in a process of its own, and must be closed."""

    @property
    def trouble(self) -> str:
        """The current problem, for users; empty if none."""
        ...

    def on_trouble(self, report: Callable[[str], None]) -> None:
        """Set the callback that receives the problem when it changes."""
        ...

    def close(self) -> None: ...


class DetectorKind(Protocol):
    """The object behind an entry point: creates detectors from settings."""

    def __call__(self, settings: Mapping[str, Any]) -> Detector:
        """Create a detector. May take long: no camera's recording waits for a plug-in.

        settings: the table `[cameras.<id>.detection.<name>]`. Raises ValueError: naming the key,
        the value found and the values allowed.
        """
        ...


@runtime_checkable
class ScanDetectorKind(Protocol):
    """Optional part of a detector kind: other detectors for `tawny scan`, such as ones that stop at the first error."""

    def for_scan(self, printed: Callable[[str], None]) -> DetectorKind:
        """Return the kind for a scan. printed: receives what a detector prints for its author."""
        ...


# A camera that is moved: its own motion is none of what it sees.


class SteadyDetector:
    """Sees nothing while the camera is moved, and learns the scene again afterwards. Its track numbers go on.

    make: returns the detector; None: `inner` is kept. is_moving: whether the camera moves at a time, ms UTC.
    """

    name: ClassVar[str] = "steady"

    def __init__(
        self, inner: Detector, make: Callable[[], Detector] | None, is_moving: Callable[[int], bool]
    ) -> None:  # fmt: skip
        self._inner, self._make, self._is_moving = inner, make, is_moving
        self._was_moved = False
        self._highest = self._used = 0
        """Highest track number so far, and the highest one of the detectors before the current one."""
        self.looks_a_second = getattr(inner, "looks_a_second", 5.0)

    @property
    def takes_frame(self) -> bool:
        return bool(getattr(self._inner, "takes_frame", True))

    def look(self, frame: Frame) -> Look:
        if self._is_moving(frame.at_ms):
            self._was_moved = True
            return Look(0)
        if self._was_moved:
            self._was_moved = False
            if self._make is not None:
                self._inner, self._used = self._make(), self._highest
        look = self._inner.look(frame)
        return self._numbered(look) if look.seen or look.near or look.over or look.reads else look

    def _numbered(self, look: Look) -> Look:
        """Return the detections with track numbers above those of earlier detectors."""
        if self._used:
            look = replace(
                look,
                seen=self._go_on(look.seen), over=self._go_on(look.over), near=self._go_on(look.near),
                reads=tuple((track + self._used if track else 0, read) for track, read in look.reads),
            )  # fmt: skip
        self._highest = max([self._highest, *(thing.track for thing in (*look.seen, *look.over, *look.near))])
        return look

    def _go_on(self, things: tuple[Observation, ...]) -> tuple[Observation, ...]:
        return tuple(replace(thing, track=thing.track + self._used) if thing.track else thing for thing in things)

    def glance(self, frame: Frame) -> bool:
        if self._is_moving(frame.at_ms):
            self._was_moved = True
            return False
        return self._was_moved or not isinstance(self._inner, Glances) or self._inner.glance(frame)

    @property
    def is_following(self) -> bool:
        return not self._was_moved and (not isinstance(self._inner, Glances) or self._inner.is_following)


# The trigger rule used by all detectors: K moving frames among the last W. Pure.


class EventTrigger:
    def __init__(self) -> None:
        self._looks: deque[tuple[int, bool]] = deque()

    def add(self, at_ms: int, *, moves: bool, k: int, within: int) -> int | None:
        """Register one frame. Return the time of the k-th newest moving frame if the rule triggers, else None.

        It triggers if this frame moves and at least k of the last `within` frames did.
        """
        self._looks.append((at_ms, moves))
        while len(self._looks) > max(within, k):
            self._looks.popleft()
        moving = [ms for ms, moved in self._looks if moved]
        return moving[-k] if moves and len(moving) >= k else None

    @property
    def last_ms(self) -> int | None:
        """Time of the newest frame, ms UTC; None before the first."""
        return self._looks[-1][0] if self._looks else None

    def clear(self) -> None:
        self._looks.clear()


# Parameters of a detector's settings table: name, default, range; and `sensitivity` (1 to 100) as a substitute.

_USUAL = 50
_DOUBLES = 25.0
"""Steps of sensitivity that halve or double the level."""


@dataclass(frozen=True, slots=True)
class DetectorParameter:
    """A numeric parameter. is_whole: integers only. is_odd: odd integers only."""

    usual: float
    least: float
    most: float
    is_whole: bool = False
    is_odd: bool = False

    def checked(self, key: str, value: Any) -> float:
        """Return the value as float. Raises ValueError: if it is not allowed."""
        fits = isinstance(value, int | float) and not isinstance(value, bool) and self.least <= value <= self.most
        if not fits or (self.is_whole and value != int(value)) or (self.is_odd and value % 2 != 1):
            kind = "an odd number" if self.is_odd else "a whole number" if self.is_whole else "a number"
            raise ValueError(f"{key}: found {value_text(value)}; allowed: {kind} from {self.least:g} to {self.most:g}")
        return float(value)


def read_parameters(
    table: Mapping[str, DetectorParameter], level: str, settings: Mapping[str, Any]
) -> dict[str, float]:
    """Return all parameters of a table.

    level: the parameter that `sensitivity` sets: 50 is the default, 75 half, 25 twice as much. Raises ValueError: for
    unknown keys, invalid values, or both `sensitivity` and the level.
    """
    allowed: Sequence[str] = ["sensitivity", *table]
    for key in settings:
        if key not in allowed:
            raise ValueError(f"{key}: not a setting of this detector; allowed: {', '.join(allowed)}")
    if "sensitivity" in settings and level in settings:
        raise ValueError(f"sensitivity: can't be combined with {level}; set only one of them")
    made = {key: number.checked(key, settings.get(key, number.usual)) for key, number in table.items()}
    if "sensitivity" in settings:
        n = DetectorParameter(_USUAL, 1, 100, is_whole=True).checked("sensitivity", settings["sensitivity"])
        made[level] *= 2 ** ((_USUAL - n) / _DOUBLES)
    return made
