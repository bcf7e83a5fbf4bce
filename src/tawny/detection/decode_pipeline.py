"""Decoder and detector of one camera: packets in, `Look` results out; and the gate that saves decoding.

Processes LOOKS_A_SECOND frames a second unless the detector sets its own rate. Decodes without the deblocking filter;
images for users are decoded separately (`events.event_builder`). Call from the watcher's thread only.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tawny.detection.detector import Detector
from tawny.media.codec.decoder import MOST_REORDER_S, SOFTWARE, DecodedFrame, Decoder, HardwareDecoder
from tawny.media.image.jpeg import keyframe_picture
from tawny.media.image.mask import mask_picture
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, RunId
from tawny.model.observations import Frame, Look
from tawny.model.packets import VIDEO_RATE, Packet, VideoFormat

# The gate decides whether a camera needs full decoding or only keyframes ("asleep"); it decodes nothing itself. It
# sleeps only while keyframes come often and no object is tracked. A keyframe with changes, larger packets than usual,
# an audit or a missing keyframe wakes it.


# Audit of the decode gate: while asleep, random groups of pictures are fully decoded.

MISSES = 2
"""Number of misses after which the gate is no longer trusted."""
SUSPECTED = 4
"""Factor by which audits become more frequent after the first miss."""
EDGE_MS = 500
"""Objects that appeared less than this before the keyframe are no misses: the next keyframe would have shown them."""


class GateAudit:
    """one_in: one of this many groups of pictures is audited."""

    def __init__(self, one_in: int, chance: random.Random) -> None:
        self._one_in, self._chance = one_in, chance
        self.audits = self.misses = 0
        self._until_ms: int | None = None
        """Objects that began before this were missed; None outside an audit."""

    @property
    def failed(self) -> bool:
        return self.misses >= MISSES

    def is_due(self) -> bool:
        """Return whether to audit. Call at the end of every group of pictures that was slept through."""
        one_in = max(1, self._one_in // SUSPECTED) if self.misses else self._one_in
        return self._chance.random() * one_in < 1

    def begin(self, end_ms: int) -> None:
        """Begin an audit of the group that ends at this time."""
        self.audits += 1
        self._until_ms = end_ms - EDGE_MS

    def look(self, at_ms: int, look: Look) -> None:
        """Register the result of a processed frame. Call for every frame while awake."""
        if self._until_ms is not None and any(
            (at_ms if thing.since_ms is None else thing.since_ms) < self._until_ms for thing in look.seen
        ):
            self.misses += 1
            self._until_ms = None

    def over(self) -> None:
        """End the audit: the gate sleeps again."""
        self._until_ms = None


# Packet sizes as an additional wake-up signal: motion between two keyframes costs the encoder bits.

WINDOW_MS = 600
"""Averaging window for packet sizes, ms. Reordered frames differ much in size."""
KNOWN = 12
"""Minimum number of calm windows for a baseline."""
SLOWLY = 1 / 16
DEVIATIONS, MORE = 6.0, 0.5
"""A window wakes if it exceeds the baseline by the larger of DEVIATIONS mean deviations and the share MORE of the
baseline."""
VAIN, MOST, FORGIVES = 1.5, 8.0, 0.99
"""A false wake-up multiplies the threshold by VAIN, up to MOST times; each calm group multiplies it by FORGIVES."""


class PacketSizeWaker:
    def __init__(self) -> None:
        self._mean = self._deviation = 0.0
        self._known = 0
        self._strict = 1.0
        self._begun_ms = 0
        self._window: list[int] = []
        self._windows: list[float] = []
        """Mean packet sizes in this group of pictures, bytes."""

    def keyframe(self) -> None:
        """Begin a new group of pictures."""
        self._window, self._windows = [], []

    def add(self, packet: Packet) -> bool:
        """Register a packet that is no keyframe. Return whether its size wakes the gate."""
        if not self._window:
            self._begun_ms = packet.at_ms
        self._window.append(len(packet.data))
        if packet.at_ms - self._begun_ms < WINDOW_MS:
            return False
        size = sum(self._window) / len(self._window)
        self._window = []
        self._windows.append(size)
        most = self._mean + max(DEVIATIONS * self._deviation, MORE * self._mean) * self._strict
        return self._known >= KNOWN and size > most

    def was_calm(self) -> None:
        """Learn the sizes of this group of pictures, which contained no motion. Call before `keyframe`."""
        for size in self._windows:
            share = max(SLOWLY, 1 / (self._known + 1))
            self._deviation += (abs(size - self._mean) - self._deviation) * share if self._known else 0.0
            self._mean += (size - self._mean) * share
            self._known += 1
        self._strict = max(1.0, self._strict * FORGIVES)

    def note_false_wake(self) -> None:
        self._strict = min(MOST, self._strict * VAIN)


class GateMode(StrEnum):
    """Detection effort: how much decoding the gate may save."""

    THOROUGH = "thorough"
    BALANCED = "balanced"
    FRUGAL = "frugal"


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Limits of a gate mode.

    longest_gap_s: maximum time between two processed keyframes, s. With a longer keyframe interval every frame is
    decoded, with a shorter one some keyframes are skipped. one_in: one of this many groups of pictures is audited while
    asleep.
    """

    longest_gap_s: float
    one_in: int


TERMS = {GateMode.BALANCED: GateLimits(2.5, 40), GateMode.FRUGAL: GateLimits(5.0, 120)}
"""Limits by mode. Invariant: the ring buffer holds the longest gap."""
GAPS = 4
"""Number of recent keyframe intervals; the longest is the camera's keyframe gap."""
LATE_MS = 700
"""A keyframe that is later than the longest gap by more than this wakes the gate."""
LARGE_PIXELS = 500_000
"""Streams up to this size (px) are cheap to decode; no problem is reported for them."""

MISSED = (
    "tawny decodes every frame now, because checking only keyframes missed motion twice. Nothing is missed "
    "any more, but it uses more CPU."
)
FAR_APART = (
    "tawny decodes every frame, because this camera's keyframes are {gap:.0f} s apart. To save CPU, set its "
    "keyframe (I-frame) interval to 2 s, or set its sub stream as `sub`."
)


@dataclass
class DecodeGate:
    """The decode gate of one camera. chance: selects the groups of pictures to audit."""

    mode: GateMode
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._terms = TERMS.get(self.mode)
        self.audit = GateAudit(self._terms.one_in if self._terms else 1, self.chance)
        self._sizes = PacketSizeWaker()
        self._gaps_ms: deque[int] = deque(maxlen=GAPS)
        self._key_ms: int | None = None
        self._run: RunId | None = None
        self._pixels = 0

    @property
    def may_sleep(self) -> bool:
        gap_s = self.gap_s
        return (
            self._terms is not None
            and not self.audit.failed
            and gap_s is not None
            and gap_s <= self._terms.longest_gap_s
        )

    @property
    def gap_s(self) -> float | None:
        """Longest recent keyframe interval, s; None until two were measured."""
        return max(self._gaps_ms) / 1000 if len(self._gaps_ms) > 1 else None

    @property
    def trouble(self) -> str:
        """Why the gate never sleeps and the remedy, for users; empty if there is no problem."""
        if self._terms is None:
            return ""
        if self.audit.failed:
            return MISSED
        if len(self._gaps_ms) < 2 or self._pixels <= LARGE_PIXELS:
            return ""
        usual_s = (
            sorted(self._gaps_ms)[(len(self._gaps_ms) - 1) // 2] / 1000
        )  # the median ignores a single lost keyframe
        return FAR_APART.format(gap=usual_s) if usual_s > self._terms.longest_gap_s else ""

    def is_new_run(self, packet: Packet) -> bool:
        return self._run is not None and packet.run != self._run

    def pass_by(self, packet: Packet) -> bool:
        """Register a video packet. Return whether it wakes a sleeping gate."""
        if self.is_new_run(packet):
            self._key_ms = None
        self._run = packet.run
        if packet.is_keyframe:
            self._keyframe(packet)
            return False
        longest_s = self._terms.longest_gap_s if self._terms else 0.0
        is_late = self._key_ms is None or packet.at_ms - self._key_ms > longest_s * 1000 + LATE_MS
        return self._sizes.add(packet) or is_late

    def passes(self, slept: Packet, keyframe: Packet) -> bool:
        """Return whether a sleeping gate may skip this keyframe because the next one comes in time.

        slept: the last processed keyframe.
        """
        gap_s = self.gap_s
        if self._terms is None or gap_s is None or not self.may_sleep:
            return False
        return (keyframe.at_ms - slept.at_ms) / 1000 + gap_s <= self._terms.longest_gap_s

    def group_over(self, *, calm: bool) -> None:
        """Register a processed keyframe. calm: the group before it was slept through and contained no motion."""
        if calm:
            self._sizes.was_calm()
        self._sizes.keyframe()

    def note_false_wake(self) -> None:
        """Raise the size threshold after packet sizes woke the gate without motion."""
        self._sizes.note_false_wake()

    def _keyframe(self, packet: Packet) -> None:
        if self._key_ms is not None and packet.at_ms > self._key_ms:
            self._gaps_ms.append(packet.at_ms - self._key_ms)
        self._key_ms = packet.at_ms
        assert isinstance(packet.format, VideoFormat)
        self._pixels = packet.format.width * packet.format.height


# Frames that do not come directly from a decoder, and sampling.


NO_CAMERA = CameraId("")
BLACK = (360, 640)


@dataclass(frozen=True)
class GreyFrame:
    """A frame from a luma array, uint8 [height, width]."""

    luma: Any
    at_ms: int
    camera: CameraId = NO_CAMERA

    @property
    def rgb(self) -> Any:
        return np.repeat(self.luma[:, :, None], 3, axis=2)


class UndecodedFrame:
    """A moment without a decoded frame. Decodes the preceding keyframe on first access, for example for an event.

    keyframe: None, or one that cannot be decoded, gives a black frame.
    """

    def __init__(self, camera: CameraId, at_ms: int, keyframe: Packet | None, private: Sequence[Polygon] = ()) -> None:
        self.camera, self.at_ms = camera, at_ms
        self._keyframe, self._private = keyframe, private

    @property
    def luma(self) -> Any:
        return self._pictures[0]

    @property
    def rgb(self) -> Any:
        return self._pictures[1]

    @cached_property
    def _pictures(self) -> tuple[Any, Any]:
        picture = keyframe_picture(self._keyframe, self._private) if self._keyframe is not None else None
        if picture is None:
            return np.zeros(BLACK, np.uint8), np.zeros((*BLACK, 3), np.uint8)
        return picture.luma.copy(), picture.rgb


# Frame sampling: selects evenly spaced frames, five a second by default, at any camera frame rate.

LOOKS_A_SECOND = 5.0
_PICTURES = 30
"""Number of packets over which the frame rate is measured."""


class FrameSampler:
    """Selects frames to process. Call `packet` for every video packet and `is_due` for every decoded frame."""

    def __init__(self, looks_a_second: float = LOOKS_A_SECOND, phase_s: float = 0.0) -> None:
        """phase_s: how much later than the first frame the first one is processed."""
        self._apart_ms, self._phase_ms = 1000 / looks_a_second, 1000 * phase_s
        self._pts: deque[int] = deque(maxlen=_PICTURES)
        self._due_ms: float | None = None
        self._last_ms = 0

    def packet(self, packet: Packet) -> None:
        if self._pts and not 0 <= packet.pts - self._pts[0] <= 60 * VIDEO_RATE:
            self._pts.clear()  # another run
        self._pts.append(packet.pts)

    @property
    def fps(self) -> float | None:
        """Recent frame rate; None until enough packets arrived."""
        if len(self._pts) < _PICTURES // 2:
            return None
        ticks = max(self._pts) - min(self._pts)
        return (len(self._pts) - 1) * VIDEO_RATE / ticks if ticks else None

    def is_due(self, at_ms: int) -> bool:
        """Return whether to process the frame at this time. Up to half a frame interval early counts as in time."""
        due_ms = self._due_ms
        if due_ms is None or at_ms < self._last_ms or at_ms > due_ms + 1000:
            due_ms = at_ms + self._phase_ms  # start, or restart after a pause or a backward step
            self._phase_ms = 0.0
        self._last_ms = at_ms
        slack_ms = 500 / (self.fps or 25.0)
        if at_ms < due_ms - slack_ms:
            self._due_ms = due_ms
            return False
        self._due_ms = max(due_ms + self._apart_ms, at_ms + self._apart_ms / 2)
        return True


ENOUGH = 2.8
"""Skip non-reference frames if the stream's frame rate is at least this multiple of the sampling rate."""
ALL_FPS = 60.0
"""Sampling rate, fps, of a detector whose `looks_a_second` is 0 (every frame)."""


class _Ahead(NamedTuple):
    """A keyframe that is decoded but not yet processed: its packet number, its frame and the decoder that continues
    from it."""

    number: int
    frame: DecodedFrame
    decoder: Decoder


class DecodePipeline:
    """Decodes one camera's packets and passes sampled frames to the detector.

    looked: receives each processed frame with the detector's result. hardware: returns the hardware decoders for a
    format. private: privacy masks, applied before detection. phase_s: as of FrameSampler.
    """

    def __init__(
        self,
        camera: CameraId,
        detector: Detector,
        looked: Callable[[Frame, Look], None],
        hardware: Callable[[VideoFormat], Iterable[HardwareDecoder]],
        private: Sequence[Polygon] = (),
        phase_s: float = 0.0,
    ) -> None:
        self._camera, self._detector, self._looked = camera, detector, looked
        self._hardware, self._private = hardware, private
        self.looks_a_second = float(getattr(detector, "looks_a_second", LOOKS_A_SECOND)) or ALL_FPS
        self._pace = FrameSampler(self.looks_a_second, phase_s)
        self._decoder: Decoder | None = None
        self._run: RunId | None = None
        self._errors = 0
        self._beside: Decoder | None = None
        """Second decoder for keyframes only, so that the first can still continue from the previous keyframe. A large
        keyframe costs as much as six frames, and looking back needs both. None until a keyframe is decoded alone."""
        self._is_full = False
        """The first decoder has decoded more than keyframes and keeps the buffers of all its reference frames."""
        self._ahead: _Ahead | None = None
        self._at = -1
        """Number of the keyframe packet that the decoder has already decoded and returned; -1 if none."""
        self._keyframe: Packet | None = None
        """Newest keyframe."""
        self._last_ms = 0
        self._last_run: RunId | None = None
        """Run of the last packet that was processed without decoding; `_last_ms` is its time."""
        self._shown_ms: int | None = None
        """Time of the last processed frame of this run."""
        self._took_frame = True

    @property
    def errors(self) -> int:
        return self._errors + sum(decoder.errors for decoder in (self._decoder, self._beside) if decoder)

    @property
    def decodes_by(self) -> str | None:
        """`software` or the name of a device; None before the first packet."""
        return self._decoder.how if self._decoder else None

    @property
    def refused(self) -> tuple[str, ...]:
        """Devices that cannot decode this stream."""
        return tuple(self._decoder.refused) if self._decoder else ()

    def pass_by(self, packet: Packet) -> None:
        """Register a packet for frame rate and newest keyframe. Call for every video packet before any other method."""
        self._pace.packet(packet)
        if packet.is_keyframe:
            self._keyframe = packet

    def watch(self, packet: Packet) -> None:
        """Decode the next packet and process the frames that are due.

        Decodes nothing for a detector with `takes_frame = False`.
        """
        if not getattr(self._detector, "takes_frame", True):
            self._look_without(packet)
            return
        if not self._took_frame:
            self._took_frame = True
            self.reset()
        decoder = self._decoder_for(packet)
        if self._ahead is not None and self._ahead.number == packet.number:
            frames = [self._ahead.frame]
            self._go_on_ahead()
        elif self._at == packet.number:
            return
        else:
            self._at = -1
            decoder.leave_out_unreferenced(leave_out=(self._pace.fps or 0.0) >= ENOUGH * self.looks_a_second)
            self._is_full |= not packet.is_keyframe
            frames = decoder.decode(packet)
        self._look_where_due(frames)

    def alone(self, keyframe: Packet) -> DecodedFrame | None:
        """Decode a keyframe independently of earlier packets.

        Return the masked frame, or None if it cannot be decoded.
        """
        decoder = self._decoder_for(keyframe)
        if self._ahead is not None:
            self._go_on_ahead()
            decoder = self._decoder_for(keyframe)
        else:
            decoder.reset()  # frames held back for reordering must not come out after this keyframe
            self._at = -1
        beside = self._beside_of(decoder)
        beside.reset()
        beside.leave_out_unreferenced(leave_out=False)
        frames = beside.decode(keyframe)
        self._ahead = _Ahead(keyframe.number, frames[-1], beside) if frames else None
        frames = frames or beside.drain()
        return mask_picture(frames[-1], self._private) if frames else None

    def finish(self) -> None:
        """Process the frames that the decoder holds back for reordering. Decoding resumes at the next keyframe."""
        self._ahead, self._at = None, -1
        if self._decoder is not None:
            self._look_where_due(self._decoder.drain())

    def look(self, frame: DecodedFrame) -> None:
        """Process this frame whether or not it is due, unless its time steps back."""
        if not self._steps_back(frame):
            self._pace.is_due(frame.at_ms)
            self._show(frame)

    def reset(self) -> None:
        """Discard the decoder state after lost packets.

        Decoding resumes at a keyframe; the detector keeps its state.
        """
        self._ahead, self._at = None, -1
        for decoder in (self._decoder, self._beside):
            if decoder is not None:
                decoder.reset()

    def _look_without(self, packet: Packet) -> None:
        self._took_frame = False
        is_new = packet.run != self._last_run or packet.at_ms > self._last_ms
        if is_new and self._pace.is_due(packet.at_ms):
            self._last_run, self._last_ms = packet.run, packet.at_ms
            frame = UndecodedFrame(self._camera, packet.at_ms, self._keyframe, self._private)
            self._looked(frame, self._detector.look(frame))

    def _look_where_due(self, frames: list[DecodedFrame]) -> None:
        for frame in frames:
            if not self._steps_back(frame) and self._pace.is_due(frame.at_ms):
                self._show(mask_picture(frame, self._private) if self._private else frame)

    def _show(self, frame: DecodedFrame) -> None:
        self._shown_ms = frame.at_ms
        self._looked(frame, self._detector.look(frame))

    def _steps_back(self, frame: DecodedFrame) -> bool:
        """Return whether a frame's time is some frames before the last one's: a keyframe of an uneven clock, whose
        decoder does not know the frames before. A larger step back is another time."""
        last_ms = self._shown_ms
        return last_ms is not None and last_ms - MOST_REORDER_S * 1000 <= frame.at_ms < last_ms

    def _decoder_for(self, packet: Packet) -> Decoder:
        assert isinstance(packet.format, VideoFormat)
        decoder = self._decoder
        if decoder is None or decoder.format != packet.format:
            self._errors = self.errors
            self._ahead, self._beside, self._at, self._is_full = None, None, -1, False
            devices = self._hardware(packet.format)
            decoder = self._decoder = Decoder(packet.format, self._camera, devices, is_rough=True)
        elif packet.run != self._run:
            self.reset()
            self._shown_ms = None
        self._run = packet.run
        return decoder

    def _beside_of(self, decoder: Decoder) -> Decoder:
        """Return a second decoder for keyframes.

        Hardware decoding reuses the first: devices seldom have room for two.
        """
        if decoder.how != SOFTWARE:
            self._at = -1
            return decoder
        if self._beside is None:
            self._beside = Decoder(decoder.format, self._camera, is_rough=True)
            self._beside.refused = decoder.refused
        return self._beside

    def _go_on_ahead(self) -> None:
        """Continue from the keyframe that `alone` decoded."""
        ahead, self._ahead = self._ahead, None
        assert ahead is not None, "asked before"
        if ahead.decoder is not self._decoder:
            if self._is_full:
                self._errors += self._decoder.errors if self._decoder else 0
            self._decoder, self._beside = ahead.decoder, None if self._is_full else self._decoder
            self._is_full = False
        self._at = ahead.number
