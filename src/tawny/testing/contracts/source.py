"""What every source must do. Subclass the suite and say how a camera is opened.

Open a source that waits by itself with the machine's clock, and one that returns `IdleUntil` with the suite's clock,
which the suite moves.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tawny.media.codec.nal import is_keyframe, split_lengths
from tawny.media.codec.parameter_sets import video_format
from tawny.model.errors import SourceError
from tawny.model.packets import AudioFormat, SourcePacket, VideoFormat
from tawny.model.times import Clock, SystemClock
from tawny.sources.source import CameraConnection, CameraSource, IdleUntil, SourceContext
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until

CLOCK = SystemClock()
MOST_WAIT_S = 3.0
OPEN_WITHIN_S = 10.0
CLOSE_WITHIN_S = 0.5
SECRET = "s3cret-of-the-contract"


@dataclass
class SourceCase:
    """One camera that can be opened any number of times. missing: the parameters of a camera that does not exist.

    Where addresses have a login, SECRET is the password in both.
    """

    source: CameraSource
    opening: SourceContext
    missing: SourceContext
    sound: str = ""
    """Codec of its sound; empty for none."""
    is_live: bool = True
    """Whether it never ends; otherwise it ends by itself within a minute."""
    connections: list[CameraConnection] = field(default_factory=list)

    def open(self) -> CameraConnection:
        connection = self.source.open(self.opening)
        self.connections.append(connection)
        return connection

    def read(self, connection: CameraConnection) -> SourcePacket | IdleUntil:
        """Read once. A clock under manual control is advanced as far as the source says."""
        begun_s = CLOCK.mono_s()
        got = connection.read()
        assert CLOCK.mono_s() - begun_s < MOST_WAIT_S
        if isinstance(got, IdleUntil) and isinstance(self.opening.clock, FakeClock):
            self.opening.clock.advance(got.for_s)
        return got

    def packets(self, connection: CameraConnection, count: int, most_s: float = 30.0) -> list[SourcePacket]:
        """Return the next packets; fewer if the stream ends before."""
        got: list[SourcePacket] = []
        until_s = CLOCK.mono_s() + most_s
        while len(got) < count:
            assert CLOCK.mono_s() < until_s, f"only {len(got)} packets in {most_s:g} s"
            try:
                one = self.read(connection)
            except SourceError:
                break
            if not isinstance(one, IdleUntil):
                got.append(one)
        return got


class SourceContract:
    PACKETS = 80
    """Packets that a test reads: at least two keyframes long."""

    def case(self, clock: Clock) -> AbstractContextManager[SourceCase]:
        """Return a camera that runs as long as the context. Use the clock, or the machine's."""
        raise NotImplementedError

    @pytest.fixture
    def camera(self) -> Iterator[SourceCase]:
        with self.case(FakeClock()) as case:
            yield case
            for connection in case.connections:
                connection.close()

    def test_it_claims_its_addresses_and_shows_no_secret(self, camera: SourceCase) -> None:
        for opening in (camera.opening, camera.missing):
            assert camera.source.claims(opening.address)
            assert SECRET not in camera.source.public(opening.address)
            assert camera.source.public(opening.address)
        assert not camera.source.claims("unknown-scheme://x")

    def test_settings_have_defaults_and_unknown_ones_are_named(self, camera: SourceCase) -> None:
        completed = camera.source.settings({})
        assert camera.source.settings(completed) == completed
        with pytest.raises(ValueError, match="no_such_setting"):
            camera.source.settings({"no_such_setting": 1})

    def test_opening_is_quick_enough(self, camera: SourceCase) -> None:
        begun_s = CLOCK.mono_s()
        camera.open()
        assert CLOCK.mono_s() - begun_s < OPEN_WITHIN_S

    def test_the_first_picture_is_a_keyframe_that_can_be_decoded(self, camera: SourceCase) -> None:
        first = camera.packets(camera.open(), 1)[0]
        assert first.is_keyframe
        video = first.format
        assert isinstance(video, VideoFormat)
        assert video_format(video.codec, video.parameter_sets) == video
        assert is_keyframe(video.codec, split_lengths(first.data))

    def test_pictures_are_whole_units_of_length_and_data(self, camera: SourceCase) -> None:
        for packet in camera.packets(camera.open(), self.PACKETS):
            if isinstance(packet.format, VideoFormat):
                assert packet.is_keyframe <= is_keyframe(packet.format.codec, split_lengths(packet.data))
            else:
                assert packet.data
                assert not packet.is_keyframe

    def test_no_picture_comes_twice_and_times_go_on(self, camera: SourceCase) -> None:
        packets = camera.packets(camera.open(), self.PACKETS)
        pictures = [packet.pts for packet in packets if packet.is_video]
        assert len(pictures) > self.PACKETS // 4
        assert len(set(pictures)) == len(pictures)
        highest = [max(pictures[: n + 1]) for n in range(len(pictures))]
        assert all(new >= high - 90_000 for high, new in pairwise(highest)), "steps back are B-frames"
        assert highest[-1] > highest[0]

    def test_keyframes_come_in_the_order_of_their_times(self, camera: SourceCase) -> None:
        keys = [packet.pts for packet in camera.packets(camera.open(), self.PACKETS) if packet.is_keyframe]
        assert len(keys) > 1
        assert keys == sorted(keys)

    def test_sound_is_what_it_says_and_its_times_rise(self, camera: SourceCase) -> None:
        sound = [packet for packet in camera.packets(camera.open(), self.PACKETS) if not packet.is_video]
        assert bool(sound) == bool(camera.sound)
        for packet in sound:
            assert isinstance(packet.format, AudioFormat)
            assert packet.format.codec == camera.sound
            assert packet.format.rate >= 8000
            assert bool(packet.format.config) == (camera.sound == "aac")
        assert all(later.pts > earlier.pts for earlier, later in pairwise(sound))

    def test_sound_and_pictures_share_their_zero(self, camera: SourceCase) -> None:
        packets = camera.packets(camera.open(), self.PACKETS)
        first = {packet.is_video: packet.pts / packet.format.rate for packet in reversed(packets)}
        assert abs(first[True] - first.get(False, first[True])) < 1.0

    def test_closing_is_quick_and_can_be_done_twice(self, camera: SourceCase) -> None:
        connection = camera.open()
        camera.packets(connection, 3)
        begun_s = CLOCK.mono_s()
        connection.close()
        connection.close()
        assert CLOCK.mono_s() - begun_s < 2 * CLOSE_WITHIN_S

    def test_closing_unread_is_quick(self, camera: SourceCase) -> None:
        connection = camera.open()
        begun_s = CLOCK.mono_s()
        connection.close()
        assert CLOCK.mono_s() - begun_s < CLOSE_WITHIN_S

    def test_it_can_be_opened_again(self, camera: SourceCase) -> None:
        for _ in range(2):
            connection = camera.open()
            assert camera.packets(connection, 2)[0].is_keyframe
            connection.close()

    def test_what_is_not_there_is_a_source_error_without_secrets(self, camera: SourceCase) -> None:
        with pytest.raises(SourceError) as missing:
            camera.source.open(camera.missing)
        assert SECRET not in f"{missing.value}{missing.value!r}{missing.value.where}"
        assert missing.value.where

    def test_it_goes_on_if_it_is_live_and_else_ends_for_good(self, camera: SourceCase) -> None:
        connection = camera.open()
        if camera.is_live:
            assert len(camera.packets(connection, 30)) == 30
            return
        camera.packets(connection, 100_000)
        for _ in range(2):
            with pytest.raises(SourceError):
                connection.read()

    def test_notes_hold_no_secret(self, camera: SourceCase) -> None:
        connection = camera.open()
        camera.packets(connection, 2)
        assert SECRET not in repr(dict(connection.notes))

    def test_nothing_is_left_behind(self, camera: SourceCase) -> None:
        for _ in range(2):  # what a library loads once is no leak
            self._visit(camera)
        threads, files = set(threading.enumerate()), _open_files()
        for _ in range(5):
            self._visit(camera)
        until(lambda: set(threading.enumerate()) <= threads, 10.0, "threads are gone")
        until(lambda: _open_files() <= files, 10.0, "files and sockets are closed")

    def _visit(self, camera: SourceCase) -> None:
        connection = camera.source.open(camera.opening)
        camera.packets(connection, 3)
        connection.close()


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
