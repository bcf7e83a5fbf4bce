"""Watcher of one camera: reads packets, decodes what the gate requires and passes detections to a sink.

One actor per camera, run by one thread at a time; everything it calls runs in that thread. It reads packets in batches,
because waking up costs more than processing. While the gate sleeps only keyframes are decoded. On waking it goes back
through the ring buffer to the previous keyframe, so an object is judged from its start. Invariant: detection never
slows recording; when late the watcher skips packets and counts them.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

from tawny.detection.decode_pipeline import DecodeGate, DecodePipeline, GateMode
from tawny.detection.detector import Detector, Glances
from tawny.media.codec.decoder import HardwareDecoder
from tawny.model.geometry import UPRIGHT, Orientation, Polygon
from tawny.model.ids import CameraId
from tawny.model.messages import Message, Scored
from tawny.model.observations import Box, Frame, Look, Measurement
from tawny.model.packets import Packet, VideoFormat
from tawny.model.states import FAULT_WORDS, DetectionFault
from tawny.model.times import Clock
from tawny.stream.hub import Batch, Hub, HubReader

# Maximum score of each second, published when the second is over.


class SecondScores:
    def __init__(self, camera: CameraId, publish: Callable[[Message], None]) -> None:
        self._camera, self._publish = camera, publish
        self._second: Scored | None = None

    def add(self, at_ms: int, score: int) -> None:
        second_ms = at_ms - at_ms % 1000
        if self._second is not None and self._second.second_ms == second_ms:
            score = max(score, self._second.score)
        else:
            self.close()
        self._second = Scored(self._camera, second_ms, score)

    def fill(self, from_ms: int, to_ms: int, score: int) -> None:
        """Register a score for every second between two processed keyframes."""
        for at_ms in range(from_ms, to_ms, 1000):
            self.add(at_ms, score)

    def close(self) -> None:
        second, self._second = self._second, None
        if second is not None:
            self._publish(second)


# Selects the stream for detection: the preferred one (sub stream) while it delivers packets, else the next.

log = logging.getLogger(__name__)

SILENT_S = 10.0
"""A stream without packets for this time, s, is skipped until it delivers again."""


class StreamSelector:
    """hubs: in order of preference. Call from one thread."""

    def __init__(self, name: str, hubs: Sequence[Hub], clock: Clock) -> None:
        self._name, self._hubs, self._clock = name, hubs, clock
        self._numbers = [-1] * len(hubs)
        self._received_s = [clock.mono_s() if hub is hubs[0] else float("-inf") for hub in hubs]
        self.current = 0
        self._reader: HubReader | None = None

    def take(self) -> Batch:
        """Return the packets since the last call. After a change of stream they begin at a keyframe."""
        best = self._best()
        if best != self.current:
            log.warning("%s: detection switched to stream %d, which delivers video", self._name, best + 1)
            self.close()
            self.current = best
        if self._reader is None:
            self._reader = self._hubs[self.current].reader()
        return self._reader.take()

    def since(self, number: int) -> list[Packet]:
        """Return the packets in the ring buffer from this number on, beginning at a keyframe."""
        return self._hubs[self.current].since(number).packets

    def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _best(self) -> int:
        now_s = self._clock.mono_s()
        for i, hub in enumerate(self._hubs):
            newest = hub.newest
            if newest is not None and newest.number != self._numbers[i]:
                self._numbers[i], self._received_s[i] = newest.number, now_s
            if now_s - self._received_s[i] < SILENT_S:
                return i
        return self.current


STEP_S = 0.45
"""Interval between two batches, s."""
ASLEEP_S = 0.9
"""Interval while only keyframes are decoded, s."""
READ_S = 0.15
"""Interval while a client reads the live meter, s."""
BUSY_S = 1.0
"""Approximate maximum duration of a step, s; the actor can be stopped between steps."""
LATE_S = 8.0
"""While awake, a batch that spans more than this, s, is processed from its last keyframe: a late event is better than
none. Together with the longest keyframe gap and one step it fits the ring buffer (`service.cameras.camera.RING_S`).
While asleep no packet is skipped: one keyframe every few seconds is quickly processed."""
QUIET_S = 3.0
"""Without packets for this time while asleep, s, the camera counts as offline and its last packets are decoded."""
SAYS_AGAIN_S = 60.0
UNSEEN_S = 8.0
"""Without a processed frame for this time although packets arrive, s, the sink is told the time and ends its events. A
detector that processes few frames gets the time of MISSED_LOOKS of them."""
BLIND_S = 60.0
"""Without a processed frame for this time although packets arrive, s, the watcher reports BLIND. A detector that
processes few frames gets the time of MISSED_LOOKS of them."""
MISSED_LOOKS = 3
BLIND = " ".join(FAULT_WORDS[DetectionFault.UNDECODABLE])
FAULT_S = 40.0
"""Without a processed frame for this time, s, detection is faulty. With the 20 s after which a problem is reported this
is a minute."""
RECENT_S = 90.0
"""Time over which skipped packets and restarts are counted, s. Longer than the longest pause between two restarts."""
RESTARTS = 2
"""Number of restarts within RECENT_S that is a fault; one may be a coincidence."""


class DetectionWork:
    """Whether the detection of one camera works. Outlives single watchers, which report to it from their threads.

    Read from any thread.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun_s = self._stepped_s = self._worked_s = clock.mono_s()
        self._waits_s: float | None = None
        """Arrival of the first packets since the last processed frame, s monotonic; None without such packets."""
        self._seen: deque[tuple[float, int, int]] = deque()
        """Time, packets received and packets skipped, of the last RECENT_S."""
        self._restarts_s: deque[float] = deque(maxlen=RESTARTS)
        self._least_s = FAULT_S

    def restarted(self) -> None:
        """Called for each failure of a watcher."""
        self._restarts_s.append(self._clock.mono_s())

    def begins(self, looks_a_second: float) -> None:
        """Called when a watcher begins. looks_a_second: how often it processes a frame."""
        self._least_s = max(FAULT_S, MISSED_LOOKS / looks_a_second)
        self._stepped_s = self._clock.mono_s()

    def steps(self) -> None:
        self._stepped_s = self._clock.mono_s()

    def takes(self, received: int, skipped: int) -> None:
        """Called for each batch. received: count of packets, with those skipped because the watcher is late."""
        now_s = self._clock.mono_s()
        if received and self._waits_s is None:
            self._waits_s = now_s
        self._seen.append((now_s, received, skipped))
        while now_s - self._seen[0][0] > RECENT_S:
            self._seen.popleft()

    def works(self) -> None:
        """Called for each processed frame, and for each keyframe that needs no processing."""
        self._worked_s, self._waits_s = self._clock.mono_s(), None

    def fault(self) -> DetectionFault | None:
        """Return why detection does not work; None if it does. Only meaningful while the camera sends video."""
        now_s = self._clock.mono_s()
        if len(self._restarts_s) == RESTARTS and now_s - self._restarts_s[0] <= RECENT_S:
            return DetectionFault.CRASHED
        if now_s - self._stepped_s > self._least_s:
            return DetectionFault.STARVED
        if now_s - self._worked_s > self._least_s:
            is_fed = self._waits_s is not None
            return DetectionFault.UNDECODABLE if is_fed else DetectionFault.NO_FRAMES
        seen = list(self._seen)
        received, skipped = sum(one[1] for one in seen), sum(one[2] for one in seen)
        is_slow = 2 * skipped > received and now_s - self._begun_s > RECENT_S
        return DetectionFault.TOO_SLOW if is_slow else None


class LookStage(Protocol):
    """Completes or stores the detections of one camera before the sink receives them."""

    def look(self, frame: Frame, look: Look) -> Look:
        """Return the detections as the next stage receives them."""
        ...


class ObservationSink(Protocol):
    """Receives detections, for example `events.EventBuilder`."""

    def look(self, frame: Frame, look: Look) -> None: ...
    def idle(self, now_ms: int) -> None:
        """Called in a step without packets, and while packets arrive of which none could be processed for UNSEEN_S."""
        ...

    def close(self) -> None: ...


def in_software(_video: VideoFormat) -> tuple[HardwareDecoder, ...]:
    """Return no hardware decoders."""
    return ()


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a camera is watched.

    stages: applied to each look, in this order, before the sink receives it. scored: receives time (ms UTC) and score
    of each frame.
    trouble: called when the user-visible problem, BLIND or that of the gate (`DecodeGate.trouble`), changes.
    is_read: whether a client reads the live meter; the camera is then processed continuously and without delay.
    is_called: whether the camera itself reports something: what was slept through is decoded, and nothing slept.
    orientation: frames that are shown otherwise are left out; after a change, those up to the next keyframe.
    private: privacy masks; neither the detector nor event images contain these areas.
    hardware: returns the devices that may decode a format (`media.codec.decoder.devices`).
    phase_s: how much later than the first frame the first one is processed; events must not depend on it.
    work: records whether detection works; None: not needed.
    """

    stages: Sequence[LookStage] = ()
    gate: DecodeGate = field(default_factory=lambda: DecodeGate(GateMode.BALANCED))
    scored: Callable[[int, int], None] | None = None
    trouble: Callable[[str], None] | None = None
    is_read: Callable[[], bool] = lambda: False
    is_called: Callable[[], bool] = lambda: False
    hardware: Callable[[VideoFormat], Iterable[HardwareDecoder]] = in_software
    private: Sequence[Polygon] = ()
    phase_s: float = 0.0
    orientation: Orientation = UPRIGHT
    work: DetectionWork | None = None


class Watcher:
    """Runs detection for one camera.

    hubs: the camera's streams, in order of preference. publish: receives one `Scored` per second, also while asleep.
    """

    def __init__(
        self,
        camera: CameraId,
        hubs: Sequence[Hub],
        detector: Detector,
        sink: ObservationSink,
        clock: Clock,
        publish: Callable[[Message], None],
        options: WatchOptions | None = None,
    ) -> None:
        options = options or WatchOptions()
        self.name = f"watch {camera}"
        self._sink, self._stages, self._clock, self._scored = sink, options.stages, clock, options.scored
        self._glances = detector if isinstance(detector, Glances) else None
        self._gate, self._is_read, self._is_called = options.gate, options.is_read, options.is_called
        self._orientation = options.orientation
        self._trouble, self._reported_trouble = options.trouble, ""
        self._streams = StreamSelector(self.name, hubs, clock)
        self._seconds = SecondScores(camera, publish)
        self._eyes = DecodePipeline(camera, detector, self._looked, options.hardware, options.private, options.phase_s)
        self._waiting: deque[Packet] = deque()
        self._asleep: Packet | None = None
        """The last processed keyframe while asleep; None while awake."""
        self._woken_by_size = False
        self._came_s = clock.mono_s()
        self._unseen_s: float | None = None
        """Arrival of the first packets since the last processed frame, s monotonic; None without such packets."""
        few_looks_s = MISSED_LOOKS / self._eyes.looks_a_second
        self._dark_s, self._blind_s = max(UNSEEN_S, few_looks_s), max(BLIND_S, few_looks_s)
        self._work = options.work or DetectionWork(clock)
        self._work.begins(self._eyes.looks_a_second)
        self._said_s = float("-inf")
        self._looks = self._skipped = self._groups = self._slept = 0
        self._score = 0

    def step(self) -> float:
        self._work.steps()
        step_s = STEP_S if self._asleep is None else ASLEEP_S
        if self._is_read():
            step_s = READ_S
            self._wake()
        elif self._is_called():
            self._wake()
        if not self._waiting:
            self._take()
        if not self._waiting:
            if self._clock.mono_s() - self._came_s > QUIET_S:
                self._wake()
                self._unseen_s = None
            self._sink.idle(self._clock.now_ms())
            return step_s
        until_s = self._clock.mono_s() + BUSY_S
        while self._waiting and self._clock.mono_s() < until_s:
            self._watch(self._waiting.popleft())
        self._report_problem()
        if self._waiting:
            return 0.0
        if self._asleep is None and self._unseen_for_s > self._dark_s:
            self._sink.idle(self._clock.now_ms())
        return step_s

    def close(self) -> None:
        with ExitStack() as closing:  # a detector that failed may fail again at the last frames
            for close in (self._sink.close, self._seconds.close, self._streams.close):
                closing.callback(close)
            self._wake()
            self._eyes.finish()

    @property
    def notes(self) -> dict[str, Any]:
        """Figures for status and reports.

        skipped: packets never decoded because the watcher was late. groups: groups of pictures, from keyframe to
        keyframe. slept: groups of which at most the keyframe was decoded.
        """
        audit = self._gate.audit
        return {
            "looks": self._looks, "skipped": self._skipped, "errors": self._eyes.errors,
            "decodes_by": self._eyes.decodes_by, "refused": self._eyes.refused,
            "gap_s": self._gate.gap_s, "may_sleep": self._gate.may_sleep,
            "stream": self._streams.current, "groups": self._groups, "slept": self._slept,
            "audits": audit.audits, "misses": audit.misses,
        }  # fmt: skip

    def _take(self) -> None:
        batch = self._streams.take()
        skipped, packets = batch.skipped, [packet for packet in batch.packets if self._is_seen(packet)]
        if packets:
            self._came_s = self._clock.mono_s()
            self._unseen_s = self._came_s if self._unseen_s is None else self._unseen_s
            if self._asleep is None and packets[-1].at_ms - packets[0].at_ms > LATE_S * 1000:
                begin = max(i for i, packet in enumerate(packets) if packet.is_keyframe or i == 0)
                skipped, packets = skipped + begin, packets[begin:]
        if skipped:
            self._late(skipped)
        self._work.takes(len(packets) + skipped, skipped)
        self._waiting.extend(packets)

    def _is_seen(self, packet: Packet) -> bool:
        return isinstance(packet.format, VideoFormat) and packet.format.orientation == self._orientation

    def _late(self, skipped: int) -> None:
        """Register skipped packets. Decoding resumes at a keyframe; the detector keeps its state."""
        self._skipped += skipped
        self._asleep = None
        self._eyes.reset()
        now_s = self._clock.mono_s()
        if now_s - self._said_s > SAYS_AGAIN_S:
            self._said_s = now_s
            log.warning("%s: this computer is too busy, detection skipped %d packets", self.name, self._skipped)

    # --- asleep and awake ---------------------------------------------------------------------------------------------

    def _watch(self, packet: Packet) -> None:
        if self._asleep is not None and self._gate.is_new_run(packet):
            self._wake(packet.number)
        self._eyes.pass_by(packet)
        wakes = self._gate.pass_by(packet)
        if packet.is_keyframe:
            self._groups += 1
            self._keyframe(packet)
        elif self._asleep is None:
            self._eyes.watch(packet)
        elif wakes:
            self._woken_by_size = True
            self._wake(packet.number + 1)

    def _keyframe(self, packet: Packet) -> None:
        """Process a keyframe: keep sleeping or wake, stay awake or fall asleep."""
        slept = self._asleep
        if slept is not None and self._gate.passes(slept, packet):
            self._slept += 1
            self._work.works()
            return
        if slept is None and not self._rests():
            self._gate.group_over(calm=False)
            self._eyes.watch(packet)
            return
        frame = self._eyes.alone(packet)
        shows = frame is None or self._glances is None or self._glances.glance(frame)
        calm = slept is not None and not shows
        if slept is not None:
            shows = self._look_back(slept, packet, shows=shows)
        self._gate.group_over(calm=calm and not shows)
        if shows or frame is None:
            self._asleep = None
            self._eyes.watch(packet)
        else:
            self._begin_sleep(packet)
            self._eyes.look(frame)

    def _rests(self) -> bool:
        """Return whether an awake watcher may fall asleep at this keyframe."""
        if not self._gate.may_sleep or self._is_following or self._is_read() or self._is_called():
            return False
        self._eyes.finish()  # a frame held back for reordering may show motion
        return not self._is_following

    @property
    def _is_following(self) -> bool:
        return self._glances is None or self._glances.is_following

    def _look_back(self, slept: Packet, packet: Packet, *, shows: bool) -> bool:
        """Decode the group that was slept through if the keyframe shows motion or an audit is due.

        Return whether to stay awake.
        """
        audited = not shows and self._gate.audit.is_due()
        if shows or audited:
            if audited:
                self._gate.audit.begin(packet.at_ms)
            self._wake(packet.number)
            return shows or self._is_following
        self._slept += 1
        self._seconds.fill(slept.at_ms, packet.at_ms, self._score)
        return not self._gate.may_sleep

    def _begin_sleep(self, packet: Packet) -> None:
        if self._asleep is None and self._woken_by_size:
            self._gate.note_false_wake()
        self._woken_by_size = False
        self._gate.audit.over()
        self._asleep = packet

    def _wake(self, before: int | None = None) -> None:
        """Wake up and decode the packets that were slept through, up to this packet number (exclusive) or all."""
        slept, self._asleep = self._asleep, None
        if slept is None:
            return
        for packet in self._streams.since(slept.number):
            if self._is_seen(packet) and packet.run == slept.run and (before is None or packet.number < before):
                self._eyes.watch(packet)

    @property
    def _unseen_for_s(self) -> float:
        """How long packets have arrived since the last processed frame, s."""
        return 0.0 if self._unseen_s is None else self._came_s - self._unseen_s

    def _report_problem(self) -> None:
        trouble = self._gate.trouble if self._glances is not None else ""
        if self._unseen_for_s > self._blind_s:
            trouble = BLIND
        if self._trouble is not None and trouble != self._reported_trouble:
            self._reported_trouble = trouble
            self._trouble(trouble)

    def _looked(self, frame: Frame, look: Look) -> None:
        self._looks += 1
        self._unseen_s = None
        self._work.works()
        self._score = look.score
        self._gate.audit.look(frame.at_ms, look)
        self._seconds.add(frame.at_ms, look.score)
        if self._scored is not None:
            self._scored(frame.at_ms, look.score)
        for stage in self._stages:
            look = stage.look(frame, look)
        self._sink.look(frame, look)


# Live detection values of one camera for the interface, published only while a client listens.


@dataclass(frozen=True, slots=True)
class MeterReading:
    """The values of one processed frame.

    zones: highest score by zone. things: box, score 0..100, whether it is an event, and label. measured: the detector's
    own number and level.
    """

    at_ms: int
    score: int
    zones: dict[str, int]
    things: tuple[tuple[Box, int, bool, str], ...]
    measured: Measurement
    sound: tuple[float, int] | None = None
    """Level in dB below full scale and score of the newest sound; None without a sound listener."""


FRESH_MS = 5000
Heard = Callable[[MeterReading], None]


class LiveMeter:
    """Publishes one camera's readings.

    While it has listeners the camera is processed continuously and without batching.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Heard, ...] = ()
        self._sound: tuple[int, float, int] | None = None

    @property
    def is_read(self) -> bool:
        return bool(self._listeners)

    def listen(self, heard: Heard) -> Callable[[], None]:
        """Call `heard` with every reading, from the watcher's thread, until the returned function is called."""
        with self._lock:
            self._listeners = (*self._listeners, heard)

        def stop() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not heard)

        return stop

    def on_sound(self, at_ms: int, db: float, score: int) -> None:
        """Set the current sound level, in dB; published with the next frame."""
        self._sound = at_ms, db, score

    def show(self, at_ms: int, look: Look, zones: dict[str, int], measured: Measurement) -> None:
        things = (
            *((thing.box, round(thing.score * 100), True, thing.label) for thing in look.seen),
            *((thing.box, round(thing.score * 100), False, thing.label) for thing in look.near),
        )
        sound = self._sound
        is_fresh = sound is not None and abs(at_ms - sound[0]) < FRESH_MS
        reading = MeterReading(at_ms, look.score, zones, things, measured, sound[1:] if sound and is_fresh else None)
        for heard in self._listeners:
            heard(reading)
