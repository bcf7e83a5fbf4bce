"""A camera's watcher: takes its packets, decodes what the gate wants decoded, and hands on what was seen.

One actor a camera, one thread at a time; all it calls runs in that thread. It takes what came in batches, because
waking up costs more than looking. While the gate sleeps only keyframes are decoded; on waking it goes back through the
ring to the keyframe before, so that what began there is judged from its start. It never holds the recorder back: when
it is late it leaves pictures out, and counts them.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from tawny.detection.decode_pipeline import DecodePipeline
from tawny.detection.detector import Detector, Glances
from tawny.detection.gate import DecodeGate, GateMode
from tawny.detection.second_scores import SecondScores
from tawny.detection.stream_selector import StreamSelector
from tawny.media.codec.hardware import HardwareDecoder
from tawny.model.clock import Clock
from tawny.model.ids import CameraId
from tawny.model.messages import Message
from tawny.model.observations import Frame, Look
from tawny.model.packets import Packet, VideoFormat
from tawny.model.polygon import Polygon
from tawny.stream.hub import Hub

log = logging.getLogger(__name__)

STEP_S = 0.45
"""Between two batches."""
ASLEEP_S = 0.9
"""The same while only keyframes are decoded."""
READ_S = 0.15
"""The same while somebody looks on."""
BUSY_S = 1.0
"""A step works no longer than about this, then lets others ask it to stop."""
LATE_S = 8.0
"""Awake, a batch that spans more is begun at its last keyframe: events are rather told late than not at all. With the
longest gap between keyframes and a step before it, that is still in the ring (`service.cameras.camera.RING_S`). Asleep
nothing is left out: a keyframe every few seconds is soon looked at."""
QUIET_S = 3.0
"""Nothing came for so long while asleep: the camera is gone, and its last pictures have to be looked at."""
SAYS_AGAIN_S = 60.0


class ObservationSink(Protocol):
    """Who gets what was seen (`events.EventBuilder`, say)."""

    def look(self, frame: Frame, look: Look) -> None: ...
    def idle(self, now_ms: int) -> None:
        """Nothing came since the last look."""
        ...

    def close(self) -> None: ...


def in_software(_video: VideoFormat) -> tuple[HardwareDecoder, ...]:
    """No devices."""
    return ()


class Watcher:
    """hubs: the camera's streams, the one to watch first, then what stands in for it.

    tell: gets a `Scored` for each second that was watched, be it asleep. scored: gets instant and score of each look.
    trouble: is told what should be known of how it watches (`DecodeGate.trouble`), when that changes.
    is_read: whether somebody looks on: then the camera is looked at without pause, and at once.
    private: what nobody is to see: neither does the detector, nor is it in pictures of events.
    hardware: the devices that may decode a stream of this format (`media.codec.hardware.devices`).
    """

    def __init__(
        self,
        camera: CameraId,
        hubs: Sequence[Hub],
        detector: Detector,
        sink: ObservationSink,
        clock: Clock,
        tell: Callable[[Message], None],
        scored: Callable[[int, int], None] | None = None,
        *,
        gate: DecodeGate | None = None,
        trouble: Callable[[str], None] | None = None,
        is_read: Callable[[], bool] = lambda: False,
        hardware: Callable[[VideoFormat], Iterable[HardwareDecoder]] = in_software,
        private: Sequence[Polygon] = (),
    ) -> None:
        self.name = f"watch {camera}"
        self._sink, self._clock, self._scored = sink, clock, scored
        self._glances = detector if isinstance(detector, Glances) else None
        self._gate = gate or DecodeGate(GateMode.BALANCED)
        self._is_read = is_read
        self._trouble, self._told_trouble = trouble, ""
        self._streams = StreamSelector(self.name, hubs, clock)
        self._seconds = SecondScores(camera, tell)
        self._eyes = DecodePipeline(camera, detector, self._looked, hardware, private)
        self._waiting: deque[Packet] = deque()
        self._asleep: Packet | None = None
        """The keyframe since which nothing was decoded."""
        self._woken_by_size = False
        self._came_s = clock.mono_s()
        self._said_s = float("-inf")
        self._looks = self._skipped = self._groups = self._slept = 0
        self._score = 0

    def step(self) -> float:
        step_s = STEP_S if self._asleep is None else ASLEEP_S
        if self._is_read():
            step_s = READ_S
            self._rouse()
        if not self._waiting:
            self._take()
        if not self._waiting:
            if self._clock.mono_s() - self._came_s > QUIET_S:
                self._rouse()
            self._sink.idle(self._clock.now_ms())
            return step_s
        until_s = self._clock.mono_s() + BUSY_S
        while self._waiting and self._clock.mono_s() < until_s:
            self._watch(self._waiting.popleft())
        return 0.0 if self._waiting else step_s

    def close(self) -> None:
        self._rouse()
        self._eyes.finish()
        self._streams.close()
        self._seconds.close()
        self._sink.close()

    @property
    def notes(self) -> dict[str, Any]:
        """For status and reports. skipped: packets that were never decoded because it was late. groups: of pictures,
        each from a keyframe to the next; slept: those of them of which only the keyframe was decoded, or nothing."""
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
        skipped, packets = batch.skipped, [packet for packet in batch.packets if packet.is_video]
        if packets:
            self._came_s = self._clock.mono_s()
            if self._asleep is None and packets[-1].at_ms - packets[0].at_ms > LATE_S * 1000:
                begin = max(i for i, packet in enumerate(packets) if packet.is_keyframe or i == 0)
                skipped, packets = skipped + begin, packets[begin:]
        if skipped:
            self._late(skipped)
        self._waiting.extend(packets)

    def _late(self, skipped: int) -> None:
        """Decoding goes on at a keyframe; the detector keeps what it knows."""
        self._skipped += skipped
        self._asleep = None
        self._eyes.reset()
        now_s = self._clock.mono_s()
        if now_s - self._said_s > SAYS_AGAIN_S:
            self._said_s = now_s
            log.warning("%s: this computer is too busy, %d pictures were not looked at", self.name, self._skipped)

    # --- asleep and awake ---------------------------------------------------------------------------------------------

    def _watch(self, packet: Packet) -> None:
        if self._asleep is not None and self._gate.is_new_run(packet):
            self._rouse(packet.number)
        self._eyes.pass_by(packet)
        wakes = self._gate.pass_by(packet)
        if packet.is_keyframe:
            self._groups += 1
            self._keyframe(packet)
            self._tell_trouble()
        elif self._asleep is None:
            self._eyes.watch(packet)
        elif wakes:
            self._woken_by_size = True
            self._rouse(packet.number + 1)

    def _keyframe(self, packet: Packet) -> None:
        """Sleep on or wake, stay awake or fall asleep."""
        slept = self._asleep
        if slept is not None and self._gate.passes(slept, packet):
            self._slept += 1
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
            self._fall_asleep(packet)
            self._eyes.look(frame)

    def _rests(self) -> bool:
        """Awake: whether it may fall asleep at this keyframe."""
        if not self._gate.may_sleep or self._is_following or self._is_read():
            return False
        self._eyes.finish()  # what is held back for its order may show something
        return not self._is_following

    @property
    def _is_following(self) -> bool:
        return self._glances is None or self._glances.is_following

    def _look_back(self, slept: Packet, packet: Packet, *, shows: bool) -> bool:
        """Asleep up to this keyframe: look at what was slept through if it shows something, or by chance."""
        audited = not shows and self._gate.audit.is_due()
        if shows or audited:
            if audited:
                self._gate.audit.begin(packet.at_ms)
            self._rouse(packet.number)
            return shows or self._is_following
        self._slept += 1
        self._seconds.fill(slept.at_ms, packet.at_ms, self._score)
        return not self._gate.may_sleep

    def _fall_asleep(self, packet: Packet) -> None:
        if self._asleep is None and self._woken_by_size:
            self._gate.woke_for_nothing()
        self._woken_by_size = False
        self._gate.audit.over()
        self._asleep = packet

    def _rouse(self, before: int | None = None) -> None:
        """Awake: look at what was slept through, as far as the packet of this number, or all of it."""
        slept, self._asleep = self._asleep, None
        if slept is None:
            return
        for packet in self._streams.since(slept.number):
            if packet.is_video and packet.run == slept.run and (before is None or packet.number < before):
                self._eyes.watch(packet)

    def _tell_trouble(self) -> None:
        trouble = self._gate.trouble if self._glances is not None else ""
        if self._trouble is not None and trouble != self._told_trouble:
            self._told_trouble = trouble
            self._trouble(trouble)

    def _looked(self, frame: Frame, look: Look) -> None:
        self._looks += 1
        self._score = look.score
        self._gate.audit.look(frame.at_ms, look)
        self._seconds.add(frame.at_ms, look.score)
        if self._scored is not None:
            self._scored(frame.at_ms, look.score)
        self._sink.look(frame, look)
