"""Detector readings for one client while it is subscribed. Bounded; the newest are kept."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from tawny.detection.live_meter import MeterReading
from tawny.model.ids import CameraId
from tawny.service.interfaces.detection_tuning import DetectionTuningApi

PREFIX = "motion:"
MOST, MOST_READINGS = 4, 20


class MeterFeed:
    """Single event loop; readings arrive from detector threads. wake: called when there is one."""

    def __init__(self, tuning: DetectionTuningApi, wake: Callable[[], None]) -> None:
        self._tuning, self._wake = tuning, wake
        self._lock = threading.Lock()
        self._readings: deque[tuple[CameraId, MeterReading]] = deque(maxlen=MOST_READINGS)
        self._stops: dict[CameraId, Callable[[], None]] = {}

    def want(self, channels: Iterable[str]) -> None:
        """Subscribe to these channels (`motion:front`) and unsubscribe from all others."""
        named = {CameraId(name.removeprefix(PREFIX)) for name in channels if name.startswith(PREFIX)}
        wanted = set(sorted(named)[:MOST])
        for camera in self._stops.keys() - wanted:
            self._stops.pop(camera)()
        for camera in wanted - self._stops.keys():
            meter = self._tuning.meter(camera)
            if meter is not None:
                self._stops[camera] = meter.listen(self._hears(camera))

    def take(self) -> list[dict[str, Any]]:
        """Return the readings since the last call, as JSON values."""
        with self._lock:
            readings = list(self._readings)
            self._readings.clear()
        return [_told(camera, reading) for camera, reading in readings]

    def _hears(self, camera: CameraId) -> Callable[[MeterReading], None]:
        def heard(reading: MeterReading) -> None:
            with self._lock:
                self._readings.append((camera, reading))
            self._wake()

        return heard


def _told(camera: CameraId, reading: MeterReading) -> dict[str, Any]:
    things = [
        {"box": [round(side, 4) for side in box], "score": score, "event": is_event}
        for box, score, is_event in reading.things
    ]
    told = {"camera": camera, "t": reading.at_ms, "score": reading.score, "zones": reading.zones, "things": things}
    if reading.sound is not None:
        told["sound"] = {"db": round(reading.sound[0], 1), "score": reading.sound[1]}
    return told
