"""Cameras of which one is followed, as a test says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tawny.live.follow_stream import FollowStream
from tawny.live.stream_choice import StreamChoice
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import Packet
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock


@dataclass
class Cameras:
    """at: where something happens. seen: who is looked at now."""

    hubs: dict[CameraId, Hub]
    at: CameraId | None
    clock: FakeClock = field(default_factory=FakeClock)
    seen: list[CameraId] = field(default_factory=list)

    def followed(self) -> FollowStream:
        return FollowStream(
            lambda: self,
            lambda camera: StreamChoice(StreamName.MAIN, self.hubs[camera]).covered(),
            self.counted,
            self.clock,
        )

    def camera(self) -> CameraId | None:
        return self.at

    @contextmanager
    def counted(self, camera: CameraId, stream: StreamName) -> Iterator[None]:
        self.seen.append(camera)
        try:
            yield
        finally:
            self.seen.remove(camera)

    def go(self, camera: CameraId) -> None:
        """Something happens there now."""
        self.at = camera
        self.clock.advance(1.0)

    def send(self, camera: CameraId, packets: list[Packet]) -> None:
        hub = self.hubs[camera]
        first = hub.newest.number + 1 if hub.newest else 0
        for number, packet in enumerate(packets, first):
            hub.append(
                Packet(packet.run, number, packet.format, packet.data, packet.pts, packet.at_ms, packet.is_keyframe)
            )
