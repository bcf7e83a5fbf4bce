"""The protocol of sources, and the door through which they come (entry points `tawny.sources`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from tawny.model.clock import Clock
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket


@dataclass(frozen=True, slots=True)
class IdleUntil:
    """Nothing now; ask again in so many seconds (a source that waits by itself says 0)."""

    for_s: float


class CameraConnection(Protocol):
    """An open camera. Read from one thread."""

    def read(self) -> SourcePacket | IdleUntil:
        """The next packet in decode order, or Idle when there is none yet. May block, for at most 3 s.

        Raises a SourceError when it is over, whatever the reason: closed, reset, stalled for 5 s, played to its end.
        It does not reconnect: who opened it decides that.
        """
        ...

    def close(self) -> None:
        """Let go of the camera, politely where the protocol has a word for it. Never raises, never waits over 0.5 s."""
        ...

    @property
    def notes(self) -> Mapping[str, Any]:
        """What is known beyond the packets, for status and report: `{"fps": 15.0, "tool": "…"}`. No secrets."""
        ...


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source is opened with."""

    camera: CameraId
    stream: StreamName
    address: str
    """As in the settings, secrets filled in: `rtsp://user:password@host/path`, `/dev/video0`, `clip.mp4`, `demo:`."""
    options: Mapping[str, Any]
    """The camera's table of this source's own settings, already checked by `settings`."""
    clock: Clock


class CameraSource(Protocol):
    """How a kind of address is opened. One instance serves all cameras of its kind, from any thread."""

    scheme: ClassVar[str]
    """Its name among entry points, and of its settings' table in a camera's: `rtsp`."""

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """The table checked and completed with defaults. ValueError says which key, what was found, what is allowed."""
        ...

    def claims(self, address: str) -> bool:
        """Whether this address is of its kind. Looks at the text alone."""
        ...

    def public(self, address: str) -> str:
        """The address without user and password, for logs, status and errors."""
        ...

    def open(self, opening: SourceContext) -> CameraConnection:
        """Connect; returns when packets can be read, within 10 s. Raises a SourceError that tells why not."""
        ...


@runtime_checkable
class SharedSource(Protocol):
    """A source whose connections need no thread of their own: one thread may read many of them."""

    def shares(self, options: Mapping[str, Any]) -> bool:
        """Whether those with these settings do not."""
        ...

    def begin(self, opening: SourceContext) -> CameraConnection:
        """Like `open`, but returns at once: connecting goes on in `read`, which never waits, and raises why it could
        not be opened."""
        ...


@runtime_checkable
class ReportingSource(CameraSource, Protocol):
    """A source that can tell how it talked to a camera, so that an oddity can be looked into."""

    def report(self, opening: SourceContext) -> Mapping[str, Any]:
        """Of the newest connection opened so, whether it lasts or not: `talk`, what was said; `forgiven`, what was odd,
        in words; `counted`. Empty before there was one. No secrets. From any thread."""
        ...

    def without_secrets(self, opening: SourceContext, text: str, *, with_host: bool) -> str:
        """A text about this camera without its login and, unless with_host, without where it is."""
        ...


class Speaker(Protocol):
    """A camera's loudspeaker. Used by one thread at a time; `close` in any case."""

    def has_one(self) -> bool:
        """Whether the camera has one for us; that is all that is done. May wait for 10 s. Raises SourceError."""
        ...

    def open(self) -> None:
        """May wait for 10 s. Raises SourceError."""
        ...

    def speak(self, pcm: bytes) -> None:
        """Samples of 16 bits, 8 kHz, one channel, as they come. Never waits. Raises SourceError."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class SpeakingSource(CameraSource, Protocol):
    """A source whose cameras may have loudspeakers."""

    def speaker(self, opening: SourceContext) -> Speaker:
        """Not connected yet. Raises SourceError for what is no address."""
        ...


OpenSource = Callable[[SourceContext], CameraConnection]
