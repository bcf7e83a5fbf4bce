"""Source protocols, and the entry point group `tawny.sources`."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol, runtime_checkable

from tawny.model.errors import SourceError, SourceLoginWeaker, SourceRefused, SourceUnreachable, SourceUnusable
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket
from tawny.model.segments import GapEvidence
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginHistory


@dataclass(frozen=True, slots=True)
class IdleUntil:
    """No packet available; call again after `for_s` seconds (0 for sources that block in `read`)."""

    for_s: float


class CameraConnection(Protocol):
    """An open camera stream. Read from one thread."""

    def read(self) -> SourcePacket | IdleUntil:
        """Return the next packet in decode order, or IdleUntil if none is available. May block for at most 3 s.

        Raises SourceError at the end, for any reason: closed, reset, stalled for 5 s, end of file. Does not reconnect:
        the caller decides.
        """
        ...

    def close(self) -> None:
        """Disconnect, with the protocol's teardown if it has one. Never raises, never blocks longer than 0.5 s."""
        ...

    @property
    def notes(self) -> Mapping[str, Any]:
        """Properties for status and reports: `{"fps": 15.0, "tool": "…"}`. Contains no secrets."""
        ...


@dataclass(frozen=True, slots=True)
class SourceContext:
    """Parameters for opening a source."""

    camera: CameraId
    stream: StreamName
    address: str
    """Address with secrets filled in: `rtsp://user:password@host/path`, `/dev/video0`, `clip.mp4`, `demo:`."""
    options: Mapping[str, Any]
    """The camera's settings for this source type, validated by `settings`."""
    clock: Clock
    logins: LoginHistory = field(default_factory=LoginHistory)
    """What sign-in cameras offered before. A source must not answer a weaker one."""


def read_packets(connection: CameraConnection, clock: Clock, until_s: float) -> Iterator[SourcePacket]:
    """Yield packets until this time, s monotonic, and wait for them in this thread: for tries, not for recording.

    Raises SourceError: when the connection ends.
    """
    pause = threading.Event()
    while clock.mono_s() < until_s:
        got = connection.read()
        if isinstance(got, IdleUntil):
            pause.wait(got.for_s)
        else:
            yield got


class CameraSource(Protocol):
    """Opens one type of address. One instance serves all cameras of the type. Thread-safe.

    Optional attribute: `warm_up_s`, the default of a camera's `warm_up` in s.
    """

    scheme: ClassVar[str]
    """Name of the entry point and of the settings table of a camera, for example `rtsp`."""

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """Validate the table and add defaults.

        Raises ValueError with the key, the value found and the allowed values.
        """
        ...

    def claims(self, address: str) -> bool:
        """Return whether the address is of this type. Inspects the text only."""
        ...

    def public(self, address: str) -> str:
        """Return the address without credentials, for logs, status and errors."""
        ...

    def open(self, opening: SourceContext) -> CameraConnection:
        """Connect; return when packets can be read, within 10 s. Raises SourceError with the reason."""
        ...


@runtime_checkable
class SharedSource(Protocol):
    """A source whose connections can share one reader thread."""

    def shares(self, options: Mapping[str, Any]) -> bool:
        """Return whether connections with these settings can share a thread."""
        ...

    def begin(self, opening: SourceContext) -> CameraConnection:
        """Open without blocking. Connecting continues in `read`, which never blocks and raises connection errors."""
        ...


@runtime_checkable
class ReportingSource(CameraSource, Protocol):
    """A source that can report its protocol exchange with a camera, for diagnostics."""

    def report(self, opening: SourceContext) -> Mapping[str, Any]:
        """Return diagnostics of the newest connection with these parameters, open or closed; empty before the first.

        Keys: `talk`: transcript; `forgiven`: tolerated protocol violations, as text; `counted`: counters. Contains no
        secrets. Call from any thread.
        """
        ...

    def without_secrets(self, opening: SourceContext, text: str, *, with_host: bool) -> str:
        """Return the text without the camera's credentials and, unless `with_host`, without its location."""
        ...


class Speaker(Protocol):
    """A camera's speaker. Use from one thread at a time; always call `close`."""

    def has_one(self) -> bool:
        """Return whether the camera has a usable speaker, without opening it.

        May block for 10 s. Raises SourceError.
        """
        ...

    def open(self) -> None:
        """Open the audio backchannel. May block for 10 s. Raises SourceError."""
        ...

    def speak(self, pcm: bytes) -> None:
        """Send 16-bit samples, 8 kHz, mono, in real time. Never blocks. Raises SourceError."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class SpeakingSource(CameraSource, Protocol):
    """A source whose cameras may have speakers."""

    def speaker(self, opening: SourceContext) -> Speaker:
        """Return an unconnected speaker. Raises SourceError for an invalid address."""
        ...


_WAITING: Final = GapEvidence("waiting-key")
_UNKNOWN: Final = GapEvidence("login-unknown")


@dataclass(eq=False)
class SourceUnresolved(SourceUnreachable):
    """Its host name can't be looked up. detail: why."""

    says = "The name of the camera at {where} can't be resolved ({detail})."
    advice = "Check the name, and the DNS server that this computer uses, or enter the camera's IP address."


@dataclass(eq=False)
class SourceWithoutKeyframe(SourceUnusable):
    """Its format fits, but nothing comes that decoding can begin with. detail: what is missing."""

    evidence: GapEvidence | None = _WAITING
    advice = "Set its keyframe interval to 2 s, and switch off intra refresh and smart codecs such as H.264+."


@dataclass(eq=False)
class SourceLoginUnknown(SourceRefused):
    """It offers no sign-in that could be tried. detail: those that it offers."""

    evidence: GapEvidence | None = _UNKNOWN
    says = "The camera at {where} asks for a sign-in that tawny doesn't know ({detail})."
    advice = "In the camera's own settings, choose digest sign-in with MD5 or SHA-256."


def is_password_refused(error: SourceError) -> bool:
    """Return whether a password was sent and refused. With status 403 it was right, and only a right is missing."""
    if not isinstance(error, SourceRefused) or isinstance(error, SourceLoginWeaker | SourceLoginUnknown):
        return False
    return error.evidence is None or not error.evidence.peer_status.startswith("403")
