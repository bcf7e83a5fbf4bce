"""Detectors that may be plug-ins, as the watcher of a camera asks them: whatever these raise becomes PluginFailed."""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import ClassVar

from tawny.config.settings import DetectionSettings
from tawny.detection.detector import Detector, DetectorKind, Glances, OwnProcess, named_look
from tawny.detection.zones import CameraZones, in_places
from tawny.engine.plugins import PluginFailed, close_part, is_own, plug_in_code
from tawny.model.errors import TawnyError
from tawny.model.observations import Frame, Look


def make_detector(
    kinds: Mapping[str, DetectorKind], settings: DetectionSettings, places: CameraZones
) -> tuple[Detector, OwnProcess | None]:
    """Return the detector of a camera, and what must be closed of it.

    Raises ValueError for its options; PluginFailed if its plug-in fails, couldn't be loaded or isn't there.
    """
    name = settings.detector
    try:
        kind = kinds[name]
    except KeyError as missing:
        raise PluginFailed(name, getattr(missing, "why", "") or "it isn't installed") from None
    if is_own(kind):
        made = kind(settings.options)
        return in_places(made, places), made if isinstance(made, OwnProcess) else None
    with plug_in_code(name, ValueError, TawnyError), ExitStack() as at_failure:
        made = kind(settings.options)
        process = GuardedProcess(name, made) if isinstance(made, OwnProcess) else None
        if process is not None:
            at_failure.callback(process.close)
        placed = in_places(made, places)
        guarded = (GlancingGuardedDetector if isinstance(placed, Glances) else GuardedDetector)(name, placed)
        at_failure.pop_all()
        return guarded, process


class GuardedDetector:
    """A detector of a plug-in, in its zones. Each look is checked."""

    name: ClassVar[str] = "guarded"

    def __init__(self, plug_in: str, inner: Detector) -> None:
        self._plug_in, self._inner = plug_in, inner
        self.looks_a_second = float(getattr(inner, "looks_a_second", 5.0))

    @property
    def takes_frame(self) -> bool:
        with plug_in_code(self._plug_in):
            return bool(getattr(self._inner, "takes_frame", True))

    def look(self, frame: Frame) -> Look:
        return named_look(self._plug_in, self._inner, frame)


class GlancingGuardedDetector(GuardedDetector):
    """One that can glance."""

    def __init__(self, plug_in: str, inner: Detector) -> None:
        super().__init__(plug_in, inner)
        assert isinstance(inner, Glances)
        self._glances: Glances = inner

    def glance(self, frame: Frame) -> bool:
        with plug_in_code(self._plug_in, TawnyError):
            return self._glances.glance(frame)

    @property
    def is_following(self) -> bool:
        with plug_in_code(self._plug_in, TawnyError):
            return self._glances.is_following


class GuardedProcess:
    """The process of a plug-in's detector: pages are shown and cameras are closed although it fails."""

    def __init__(self, plug_in: str, inner: OwnProcess) -> None:
        self._plug_in, self._inner = plug_in, inner

    @property
    def trouble(self) -> str:
        try:
            with plug_in_code(self._plug_in):
                return str(self._inner.trouble)
        except PluginFailed as error:
            return error.sentence

    def on_trouble(self, report: Callable[[str], None]) -> None:
        with plug_in_code(self._plug_in):
            self._inner.on_trouble(report)

    def close(self) -> None:
        close_part(self._plug_in, self._inner)


class ProcessHolder:
    """The process of a camera's detector, one at a time; `close` begins the next turn. report: of its trouble."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.turn = object()
        self._report, self._lock = report, threading.Lock()
        self._now: OwnProcess | None = None

    @property
    def trouble(self) -> str:
        now = self._now
        return now.trouble if now is not None else ""

    def take(self, turn: object, own: OwnProcess | None) -> bool:
        """Keep this one and close the previous one. Return False if its turn is over, as it was made too slowly."""
        with self._lock:
            is_late = turn is not self.turn
            before = own if is_late else self._now
            if not is_late:
                self._now = own
        if before is not None:
            before.close()
        if own is not None and not is_late:
            own.on_trouble(self._report)
        return not is_late

    def close(self) -> None:
        with self._lock:
            before, self._now, self.turn = self._now, None, object()
        if before is not None:
            before.close()


class Superseded:
    """In place of a watcher whose detector was made too late: a newer one watches. It is stopped already."""

    name: ClassVar[str] = "superseded"

    def step(self) -> float:
        return 60.0

    def close(self) -> None:
        pass
