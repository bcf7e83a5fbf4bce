"""Decoder and detector of one camera: packets in, `Look` results out.

Processes LOOKS_A_SECOND frames a second unless the detector sets its own rate. Decodes without the deblocking filter;
images for users are decoded separately (`events.best_picture`). Call from the watcher's thread only.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tawny.detection.detector import Detector
from tawny.detection.frames import LOOKS_A_SECOND, FrameSampler, UndecodedFrame
from tawny.media.codec.decoder import SOFTWARE, DecodedFrame, Decoder, HardwareDecoder
from tawny.media.image.mask import mask_picture
from tawny.model.ids import CameraId, RunId
from tawny.model.observations import Frame, Look
from tawny.model.packets import Packet, VideoFormat
from tawny.model.polygon import Polygon

log = logging.getLogger(__name__)

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
    format. private: privacy masks, applied before detection.
    """

    def __init__(
        self,
        camera: CameraId,
        detector: Detector,
        looked: Callable[[Frame, Look], None],
        hardware: Callable[[VideoFormat], Iterable[HardwareDecoder]],
        private: Sequence[Polygon] = (),
    ) -> None:
        self._camera, self._detector, self._looked = camera, detector, looked
        self._hardware, self._private = hardware, private
        self.looks_a_second = float(getattr(detector, "looks_a_second", LOOKS_A_SECOND)) or ALL_FPS
        self._pace = FrameSampler(self.looks_a_second)
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
        """Process this frame whether or not it is due."""
        self._pace.is_due(frame.at_ms)
        self._looked(frame, self._detector.look(frame))

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
        if packet.at_ms > self._last_ms and self._pace.is_due(packet.at_ms):
            self._last_ms = packet.at_ms
            frame = UndecodedFrame(self._camera, packet.at_ms, self._keyframe, self._private)
            self._looked(frame, self._detector.look(frame))

    def _look_where_due(self, frames: list[DecodedFrame]) -> None:
        for frame in frames:
            if self._pace.is_due(frame.at_ms):
                seen = mask_picture(frame, self._private)
                self._looked(seen, self._detector.look(seen))

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
