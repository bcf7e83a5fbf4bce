"""A camera's connection with burned-in masks: order, times, loss, and that nothing passes unmasked."""

import os
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from tawny.media.codec.decoder import Decoder
from tawny.model.errors import MaskingFailed, SourceClosed, SourceError, SourceFinished
from tawny.model.geometry import Polygon
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.model.times import SystemClock
from tawny.sources.masked_connection import DROPPED, HINT, LATE_S, STUCK_S, MaskedConnection, Masks
from tawny.sources.masking_process import (
    MaskedFormat,
    MaskedPacket,
    MaskingEnd,
    MaskingMessage,
    MaskingProcess,
    PacketDone,
)
from tawny.sources.source import IdleUntil
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until

Step = SourcePacket | Callable[[], Any]
LEFT = (Polygon(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))),)
CLIP = made_clip(ClipSpec(sound="aac"))
PICTURES = [one for one in CLIP.packets if one.is_video]


class Camera:
    """Sends these packets, and a call of `then` where a packet would be."""

    def __init__(self, packets: Iterable[Step], *, goes_on: bool = False) -> None:
        self.packets, self.goes_on, self.is_closed = iter(packets), goes_on, False

    def read(self) -> SourcePacket | IdleUntil:
        got = next(self.packets, None)
        if isinstance(got, SourcePacket):
            return got
        if got is not None:
            got()
        elif not self.goes_on:
            raise SourceFinished("a clip")
        return IdleUntil(0.01)

    def close(self) -> None:
        self.is_closed = True

    @property
    def notes(self) -> dict[str, Any]:
        return {"fps": 15.0}


class SlowProcess(MaskingProcess):
    """A process that has done with frames when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: list[SourcePacket] = []
        self.allowed = self.done = 0
        self.answers: list[MaskingMessage] = []

    def pass_on(self, packet: SourcePacket, private: tuple[Polygon, ...], fps: float) -> None:
        assert private
        self.passed.append(packet)

    def read(self, most_s: float) -> MaskingMessage | None:
        if not self.answers and self.done < min(self.allowed, len(self.passed)):
            packet = self.passed[self.done]
            assert isinstance(packet.format, VideoFormat)
            self.answers = [MaskedPacket(packet.pts, packet.is_keyframe, b"masked"), PacketDone(0.0)]
            self.answers[:0] = [] if self.done else [MaskedFormat(packet.format, "none")]
            self.done += 1
        return self.answers.pop(0) if self.answers else None


def everything(connection: MaskedConnection) -> tuple[list[SourcePacket], SourceError]:
    """Read to the end. Return the packets, and what ended it."""
    got: list[SourcePacket] = []
    while True:
        try:
            one = connection.read()
        except SourceError as error:
            connection.close()
            return got, error
        if isinstance(one, SourcePacket):
            got.append(one)


def masked(camera: Camera, private: Callable[[], Masks] = lambda: LEFT, **more: Any) -> MaskedConnection:
    return MaskedConnection(lambda: camera, private, "a camera", more.pop("clock", SystemClock()), **more)


def is_left_black(packets: list[SourcePacket]) -> list[bool]:
    first = packets[0].format
    assert isinstance(first, VideoFormat)
    decoder = Decoder(first)
    frames = [frame for one in packets for frame in decoder.decode(one)] + decoder.drain()
    return [bool(frame.luma[:, :150].max() < 40) for frame in frames]


def test_all_packets_come_in_order_with_their_times_and_the_sound_as_it_was() -> None:
    camera = Camera(CLIP.packets)
    connection = masked(camera)
    got, why = everything(connection)
    assert isinstance(why, SourceFinished)
    assert [(one.is_video, one.pts) for one in got] == [(one.is_video, one.pts) for one in CLIP.packets]
    assert [one for one in got if not one.is_video] == [one for one in CLIP.packets if not one.is_video]
    pictures = [one for one in got if one.is_video]
    assert [one.is_keyframe for one in pictures] == [one.is_keyframe for one in PICTURES]
    assert all(is_left_black(pictures))
    assert not any(one.missing or one.after_waste or one.is_damaged for one in got)
    assert all(0 < one.waited_s < 30 for one in pictures)
    assert connection.notes == {"fps": 15.0, "masks": "libx264"}
    until(lambda: camera.is_closed, 30, "it is closed")


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_both_codecs_are_masked(codec: Any) -> None:
    sent = [one for one in made_clip(ClipSpec(codec=codec, b_frames=2)).packets if one.is_video]
    got, _ = everything(masked(Camera(sent)))
    assert [one.pts for one in got] == sorted(one.pts for one in sent)
    assert all(is_left_black(got))


def test_what_the_camera_lost_is_said_of_the_same_frames() -> None:
    sent = list(PICTURES)
    sent[20] = replace(sent[20], is_damaged=True, missing=3)
    sent[31] = replace(sent[31], after_waste=True)
    got, _ = everything(masked(Camera(sent)))
    by_time = {one.pts: one for one in got}
    assert (by_time[sent[20].pts].is_damaged, by_time[sent[20].pts].missing) == (True, 3)
    assert by_time[sent[31].pts].after_waste
    assert sum(one.missing for one in got) == 3


def test_frames_that_cannot_be_decoded_are_said_to_be_lost() -> None:
    sent = [one if number != 20 else replace(one, data=b"\0\0\0\x02\x41\x00") for number, one in enumerate(PICTURES)]
    sent[20] = replace(sent[20], is_damaged=True, missing=2)
    got, _ = everything(masked(Camera(sent)))
    assert sent[20].pts not in [one.pts for one in got]
    assert sum(one.missing for one in got) == 2
    assert any(one.after_waste for one in got if one.pts > sent[20].pts)


def test_frames_do_not_come_in_batches_as_the_camera_is_read_otherwise() -> None:
    class Patient(Camera):
        def read(self) -> SourcePacket | IdleUntil:
            got = super().read()
            return IdleUntil(3_600.0) if isinstance(got, IdleUntil) else got

    steps: list[Step] = [one for packet in PICTURES[:5] for one in (packet, lambda: None)]
    got, _ = everything(masked(Patient(steps)))
    assert [one.pts for one in got] == [one.pts for one in PICTURES[:5]]


def test_packets_pass_as_they_are_without_masks() -> None:
    got, _ = everything(masked(Camera(CLIP.packets), lambda: ()))
    assert got == list(CLIP.packets)


def test_the_first_mask_applies_from_the_next_keyframe_and_so_does_the_end_of_the_last() -> None:
    now: list[Masks] = [()]
    steps: list[Step] = list(PICTURES)
    steps.insert(35, lambda: now.__setitem__(0, ()))
    steps.insert(5, lambda: now.__setitem__(0, LEFT))
    got, _ = everything(masked(Camera(steps), lambda: now[0]))
    assert [one.pts for one in got] == [one.pts for one in PICTURES]
    assert got[:15] == PICTURES[:15]
    assert all(is_left_black(got[15:45]))
    assert got[45:] == PICTURES[45:]


def test_nothing_passes_before_the_first_keyframe() -> None:
    got, _ = everything(masked(Camera(PICTURES[1:20]), lambda: ()))
    assert got == PICTURES[15:20]


def test_a_killed_process_ends_the_connection_with_the_reason() -> None:
    made: list[MaskingProcess] = []

    def start() -> MaskingProcess:
        made.append(MaskingProcess())
        return made[0]

    connection = masked(Camera(PICTURES, goes_on=True), start=start)
    until(lambda: isinstance(connection.read(), SourcePacket), 20, "the first frame")
    os.kill(made[0].pid, signal.SIGKILL)
    with pytest.raises(MaskingFailed, match=r"the process that burns them in ended \(code -9\)"):
        for _ in range(10_000):
            connection.read()
    connection.close()


def test_without_an_encoder_nothing_is_passed_on() -> None:
    class Refuses(SlowProcess):
        def read(self, most_s: float) -> MaskingMessage | None:
            return MaskingEnd("no H.264 encoder works here") if self.passed else None

    got, why = everything(masked(Camera(PICTURES, goes_on=True), start=Refuses))
    assert (got, str(why.detail)) == ([], "no H.264 encoder works here")
    assert isinstance(why, MaskingFailed)


def test_without_a_process_nothing_is_passed_on() -> None:
    def start() -> MaskingProcess:
        raise OSError(11, "Resource temporarily unavailable")

    got, why = everything(masked(Camera(PICTURES, goes_on=True), start=start))
    assert (got, why.detail) == ([], "no process can be started (Resource temporarily unavailable)")


def test_a_process_that_is_too_slow_loses_frames_up_to_a_keyframe_and_says_so() -> None:
    clock, process = FakeClock(), SlowProcess()
    is_sent = threading.Event()
    steps: list[Step] = [*PICTURES[:18], lambda: clock.advance(LATE_S + 1.0), *PICTURES[18:], is_sent.set]
    connection = masked(Camera(steps, goes_on=True), clock=clock, start=lambda: process)
    until(is_sent.is_set, 10, "all is sent")
    assert connection.notes["hint"] == HINT
    process.allowed = 1_000
    got: list[SourcePacket] = []

    def came() -> bool:
        one = connection.read()
        got.extend([one] if isinstance(one, SourcePacket) else [])
        return len(got) == 18

    until(came, 10, "what was passed on")
    assert [one.pts for one in process.passed] == [one.pts for one in PICTURES[:18]]
    connection.close()


def test_frames_are_passed_on_again_from_a_keyframe_when_there_is_time() -> None:
    clock, process, got = FakeClock(), SlowProcess(), list[SourcePacket]()
    is_idle = threading.Event()

    def wait() -> None:
        process.allowed = 1_000
        assert is_idle.wait(20), "frames are still in work"

    late: list[Step] = [*PICTURES[:18], lambda: clock.advance(LATE_S + 1.0), *PICTURES[18:25]]
    steps: list[Step] = [*late, wait, *PICTURES[25:40]]
    connection = masked(Camera(steps, goes_on=True), clock=clock, start=lambda: process)

    def came() -> bool:
        one = connection.read()
        got.extend([one] if isinstance(one, SourcePacket) else [])
        if len(got) == 18 and isinstance(one, IdleUntil) and not process.answers:
            is_idle.set()
        return len(got) == 28

    until(came, 20, "the frames from the next keyframe on")
    assert [one.pts for one in got] == [one.pts for one in [*PICTURES[:18], *PICTURES[30:40]]]
    assert [one.dropped for one in got] == [*[""] * 18, DROPPED, *[""] * 9]
    connection.close()


def test_a_stuck_process_ends_the_connection() -> None:
    clock, process = FakeClock(), SlowProcess()
    connection = masked(Camera(PICTURES[:5], goes_on=True), clock=clock, start=lambda: process)
    until(lambda: len(process.passed) == 5, 10, "it is sent")
    assert isinstance(connection.read(), IdleUntil)
    clock.advance(STUCK_S + 1.0)
    with pytest.raises(MaskingFailed, match="no frame was ready within 15 s"):
        connection.read()
    connection.close()


def test_a_connection_that_fails_says_why_after_its_last_frame() -> None:
    def fails() -> None:
        raise SourceClosed("a camera", "reset")

    got, why = everything(masked(Camera([*PICTURES[:10], fails])))
    assert len(got) == 10
    assert (type(why), why.detail) == (SourceClosed, "reset")


def test_a_process_that_returns_no_frames_ends_the_connection() -> None:
    class Fruitless(SlowProcess):
        def read(self, most_s: float) -> MaskingMessage | None:
            if self.done == len(self.passed):
                return None
            self.done += 1
            clock.advance(1.0)
            return PacketDone(0.0)

    clock, process = FakeClock(), Fruitless()
    connection = masked(Camera(PICTURES[:40], goes_on=True), clock=clock, start=lambda: process)
    until(lambda: len(process.passed) == 40, 10, "it is sent")  # what comes late while the clock goes on is dropped
    got, why = everything(connection)
    assert (got, type(why), why.detail) == ([], MaskingFailed, f"no frame was ready within {STUCK_S:g} s")


def test_a_process_that_does_not_end_is_killed() -> None:
    clock, process = FakeClock(), SlowProcess()
    process.allowed = 1_000
    connection = masked(Camera(PICTURES[:10]), clock=clock, start=lambda: process)
    got: list[SourcePacket] = []

    def came() -> bool:
        one = connection.read()
        got.extend([one] if isinstance(one, SourcePacket) else [])
        return len(got) == 10 and isinstance(one, IdleUntil) and not process.answers

    until(came, 20, "all frames")
    assert isinstance(connection.read(), IdleUntil)
    clock.advance(STUCK_S + 1.0)
    _, why = everything(connection)
    assert isinstance(why, MaskingFailed)
    assert process.exit_code() == -signal.SIGKILL
