"""Video files through the product's own watching, as fast as it goes: source, ring, watcher, detector, events.

Nothing here sleeps or starts a thread: the clock is moved to where the next packet is due.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.scoring import Span, Spans
from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.detector import Detector
from tawny.detection.watcher import STEP_S, LookStage, Watcher, WatchOptions
from tawny.events import EventBuilder
from tawny.model.errors import SourceFinished
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, RunId, StreamName
from tawny.model.messages import EventChanged, Message
from tawny.model.packets import Packet, SourcePacket
from tawny.sources.file import FileSource
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock

CAMERA = CameraId("footage")
RUN = RunId("footage")


class Watched(NamedTuple):
    """What came out of one file; times are seconds from its first picture."""

    alarms: Spans
    known_s: list[float]
    """For each alarm, when it was told that it had begun."""
    cpu_s: float
    notes: dict[str, Any]
    """The watcher's."""
    kinds: list[str]
    """What each alarm was called in the end."""


def watch_file(
    path: Path,
    detector: Detector,
    gate: DecodeGate | None = None,
    stages: Sequence[LookStage] = (),
    phase_s: float = 0.0,
) -> Watched:
    """gate: decides what is decoded; None: everything is. stages: what looks pass on their way to events. phase_s: how
    much later the first picture is looked at."""
    clock = FakeClock()
    connection = FileSource().open(SourceContext(CAMERA, StreamName.MAIN, str(path), {}, clock))
    return watch_connection(connection, clock, detector, gate, stages, phase_s=phase_s)


def watch_connection(
    connection: CameraConnection,
    clock: FakeClock,
    detector: Detector,
    gate: DecodeGate | None = None,
    stages: Sequence[LookStage] = (),
    length_s: float = math.inf,
    phase_s: float = 0.0,
) -> Watched:
    """clock: the connection's. length_s: so much of it at most."""
    begun_s = time.process_time()
    watching = _Watching(detector, clock, gate or DecodeGate(GateMode.THOROUGH), stages, phase_s)
    until_s = clock.mono_s() + length_s
    try:
        while clock.mono_s() < until_s:
            got = connection.read()
            if isinstance(got, IdleUntil):
                watching.pass_time(got.for_s)
            else:
                watching.take(got)
    except SourceFinished:
        pass
    watching.close()
    connection.close()
    return watching.result(time.process_time() - begun_s)


class _Watching:
    """A watcher with all that it hands on to, stepped when it asked for it."""

    def __init__(
        self,
        detector: Detector,
        clock: FakeClock,
        gate: DecodeGate,
        stages: Sequence[LookStage],
        phase_s: float,
    ) -> None:
        self._clock, self._begun_ms, self._due_s = clock, clock.now_ms(), clock.mono_s()
        self._hub, self._number = Hub(), 0
        self._events: dict[EventId, Event] = {}
        self._known_ms: dict[EventId, int] = {}
        self._first_ms: int | None = None
        maker = EventBuilder(CAMERA, self, self._tell, lambda *_picture: None)
        self._watcher = Watcher(
            CAMERA,
            [self._hub],
            detector,
            maker,
            clock,
            self._tell,
            WatchOptions(stages, gate, phase_s=phase_s),
        )

    def put_event(self, event: Event) -> bool:
        self._events[event.id] = event
        return True

    def take(self, packet: SourcePacket) -> None:
        if packet.is_video:
            at_ms = self._begun_ms + packet.pts // 90
            self._first_ms = at_ms if self._first_ms is None else min(self._first_ms, at_ms)
            self._hub.append(
                Packet(RUN, self._number, packet.format, packet.data, packet.pts, at_ms, packet.is_keyframe)
            )
            self._number += 1

    def pass_time(self, for_s: float) -> None:
        until_s = self._clock.mono_s() + for_s
        while self._due_s <= until_s:
            self._clock.advance(self._due_s - self._clock.mono_s())
            self._due_s += self._watcher.step() or STEP_S
        self._clock.advance(until_s - self._clock.mono_s())

    def close(self) -> None:
        self._watcher.step()
        self._watcher.close()

    def result(self, cpu_s: float) -> Watched:
        def second(ms: int) -> float:
            return (ms - (self._first_ms or 0)) / 1000

        found = sorted(self._events.values(), key=lambda event: event.start_ms)
        alarms = [Span(second(e.start_ms), second(e.end_ms if e.end_ms is not None else e.start_ms)) for e in found]
        known_s = [second(self._known_ms[e.id]) for e in found]
        return Watched(alarms, known_s, cpu_s, self._watcher.notes, [e.kind for e in found])

    def _tell(self, message: Message) -> None:
        if isinstance(message, EventChanged) and message.what == "started":
            self._known_ms[message.event.id] = self._clock.now_ms()
