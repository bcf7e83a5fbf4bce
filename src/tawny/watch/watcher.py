"""A camera's watcher: takes its packets, decodes them, looks five times a second, and hands on what was seen.

One actor a camera, one thread at a time; all it calls runs in that thread. It takes what came in batches, because
waking up costs more than looking. It never holds the recorder back: when it is late it leaves pictures out, and counts
them.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tawny.media.decode import Decoder
from tawny.model.clock import Clock
from tawny.model.ids import CameraId, RunId
from tawny.model.messages import Message, Scored
from tawny.model.observations import Frame, Look
from tawny.model.packets import Packet, VideoFormat
from tawny.stream.hub import Hub
from tawny.watch.detector import Detector
from tawny.watch.pace import Pace
from tawny.watch.streams import Streams

log = logging.getLogger(__name__)

STEP_S = 0.22
"""Between two batches."""
BUSY_S = 1.0
"""A step works no longer than about this, then lets others ask it to stop."""
LATE_S = 3.0
"""A batch that spans more is begun at its last keyframe."""
ENOUGH_FPS = 14.0
"""From so many pictures a second on, those that no other refers to need not be decoded: enough are left."""
SAYS_AGAIN_S = 60.0


class Sink(Protocol):
    """Who gets what was seen (`events.EventMaker`, say)."""

    def look(self, frame: Frame, look: Look) -> None: ...
    def idle(self, now_ms: int) -> None:
        """Nothing came since the last look."""
        ...

    def close(self) -> None: ...


class Watcher:
    """hubs: the camera's streams, the one to watch first, then what stands in for it.

    tell: gets a `Scored` for each second in which was looked. scored: gets instant and score of each look.
    """

    def __init__(
        self,
        camera: CameraId,
        hubs: Sequence[Hub],
        detector: Detector,
        sink: Sink,
        clock: Clock,
        tell: Callable[[Message], None],
        scored: Callable[[int, int], None] | None = None,
    ) -> None:
        self.name = f"watch {camera}"
        self._camera, self._detector, self._sink, self._clock = camera, detector, sink, clock
        self._streams = Streams(self.name, hubs, clock)
        self._seconds = _Seconds(camera, tell)
        self._scored = scored
        self._pace = Pace()
        self._waiting: deque[Packet] = deque()
        self._decoder: Decoder | None = None
        self._run: RunId | None = None
        self._said_s = float("-inf")
        self._looks = self._skipped = self._errors = 0

    def step(self) -> float:
        if not self._waiting:
            self._take()
        if not self._waiting:
            self._sink.idle(self._clock.now_ms())
            return STEP_S
        until_s = self._clock.mono_s() + BUSY_S
        while self._waiting and self._clock.mono_s() < until_s:
            self._watch(self._waiting.popleft())
        return 0.0 if self._waiting else STEP_S

    def close(self) -> None:
        self._streams.close()
        self._seconds.close()
        self._sink.close()

    @property
    def notes(self) -> dict[str, Any]:
        """For status and reports. skipped: packets that were never decoded because it was late."""
        errors = self._errors + (self._decoder.errors if self._decoder else 0)
        return {"looks": self._looks, "skipped": self._skipped, "errors": errors, "stream": self._streams.current}

    def _take(self) -> None:
        batch = self._streams.take()
        skipped, packets = batch.skipped, [packet for packet in batch.packets if packet.is_video]
        if packets and packets[-1].at_ms - packets[0].at_ms > LATE_S * 1000:
            begin = max(i for i, packet in enumerate(packets) if packet.is_keyframe or i == 0)
            skipped, packets = skipped + begin, packets[begin:]
        if skipped:
            self._late(skipped)
        self._waiting.extend(packets)

    def _late(self, skipped: int) -> None:
        """Decoding goes on at a keyframe; the detector keeps what it knows."""
        self._skipped += skipped
        if self._decoder is not None:
            self._decoder.reset()
        now_s = self._clock.mono_s()
        if now_s - self._said_s > SAYS_AGAIN_S:
            self._said_s = now_s
            log.warning("%s: this computer is too busy, %d pictures were not looked at", self.name, self._skipped)

    def _watch(self, packet: Packet) -> None:
        assert isinstance(packet.format, VideoFormat)
        decoder = self._decoder_for(packet, packet.format)
        self._pace.packet(packet)
        decoder.leave_out_unreferenced(leave_out=(self._pace.fps or 0.0) >= ENOUGH_FPS)
        for frame in decoder.decode(packet):
            if self._pace.is_due(frame.at_ms):
                look = self._detector.look(frame)
                self._looks += 1
                self._seconds.add(frame.at_ms, look.score)
                if self._scored is not None:
                    self._scored(frame.at_ms, look.score)
                self._sink.look(frame, look)

    def _decoder_for(self, packet: Packet, video: VideoFormat) -> Decoder:
        decoder = self._decoder
        if decoder is None or decoder.format != video:
            self._errors += decoder.errors if decoder else 0
            decoder = self._decoder = Decoder(video, self._camera)
        elif packet.run != self._run:
            decoder.reset()
        self._run = packet.run
        return decoder


class _Seconds:
    """The greatest score of each second, told when the second is over."""

    def __init__(self, camera: CameraId, tell: Callable[[Message], None]) -> None:
        self._camera, self._tell = camera, tell
        self._second: Scored | None = None

    def add(self, at_ms: int, score: int) -> None:
        second_ms = at_ms - at_ms % 1000
        if self._second is not None and self._second.second_ms == second_ms:
            score = max(score, self._second.score)
        else:
            self.close()
        self._second = Scored(self._camera, second_ms, score)

    def close(self) -> None:
        second, self._second = self._second, None
        if second is not None:
            self._tell(second)
