"""Reading a source to its end, and telling what was read from what was sent."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tawny.model.errors import SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket
from tawny.model.times import Clock, SystemClock
from tawny.sources.rtsp.client.transcript import ConversationFault, Reason
from tawny.sources.rtsp.source import Rtsp
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext
from tawny.testing.clock import FakeClock
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import FakeRtspViewer


def opening(address: str, clock: Clock | None = None, **options: Any) -> SourceContext:
    return SourceContext(CameraId("porch"), StreamName.MAIN, address, options, clock or SystemClock())


@dataclass
class Read:
    """What came out of a connection. error: how it ended, None if it was left before it did."""

    packets: list[SourcePacket] = field(default_factory=list)
    error: SourceError | None = None
    ended_s: float = 0.0
    """When, on the monotonic clock."""

    def data(self, *, video: bool = True) -> list[bytes]:
        return [packet.data for packet in self.packets if packet.is_video == video]

    @property
    def good(self) -> list[bytes]:
        """Pictures that nothing is said against."""
        return [packet.data for packet in self.packets if packet.is_video and not packet.is_damaged]


def read_all(
    connection: CameraConnection, *, most_s: float = 60.0, until: Callable[[Read], bool] | None = None
) -> Read:
    """Read until it ends, or `until` says that it is enough; close it. AssertionError if neither comes in time."""
    read, pause = Read(), threading.Event()
    begun_s = time.monotonic()
    try:
        while not (until and until(read)):
            assert time.monotonic() - begun_s < most_s, f"still going after {len(read.packets)} packets"
            got = connection.read()
            if isinstance(got, IdleUntil):
                pause.wait(got.for_s)
            else:
                read.packets.append(got)
    except SourceError as error:
        read.error, read.ended_s = error, time.monotonic()
    connection.close()
    return read


def read_faked(connection: CameraConnection, clock: FakeClock, *, most_s: float = 3600.0) -> Read:
    """The same under a clock that only goes on where the source waits."""
    read = Read()
    until_s = clock.mono_s() + most_s
    try:
        while clock.mono_s() < until_s:
            got = connection.read()
            if isinstance(got, IdleUntil):
                clock.advance(got.for_s)
            else:
                read.packets.append(got)
    except SourceError as error:
        read.error = error
    connection.close()
    return read


def open_camera(camera: RtspCamera, address: str = "", **options: Any) -> CameraConnection:
    return Rtsp().open(opening(address or camera.address, **options))


def sent(viewer: FakeRtspViewer, *, video: bool = True) -> list[bytes]:
    return [unit.data for unit in viewer.sent if unit.is_video == video]


def whole(viewer: FakeRtspViewer) -> list[bytes]:
    """Pictures that no fault touched."""
    return [unit.data for unit in viewer.sent if unit.is_video and not unit.is_damaged]


def reason_of(error: SourceError) -> Reason | None:
    """Return the reason behind a SourceError; None if it has none."""
    return error.__cause__.reason if isinstance(error.__cause__, ConversationFault) else None
