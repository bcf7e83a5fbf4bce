"""What the web layer needs of the running recorder. `app` implements it; tests have a small one of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tawny.engine.bus import Listener
from tawny.model.clock import Clock
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import Alarm
from tawny.model.states import CameraStatus
from tawny.model.times import Span
from tawny.playback.recordings import RecordingArchive
from tawny.service.interfaces.detection_tuning import DetectionTuningApi
from tawny.sources.source import Speaker
from tawny.stream.hub import Hub


@dataclass(frozen=True, slots=True)
class CameraView:
    """A configured camera. pre_s, post_s: what an event's clip has before and after."""

    status: CameraStatus
    streams: tuple[StreamName, ...]
    """Those that are configured, main first."""
    pre_s: float = 5.0
    post_s: float = 10.0
    where: Literal["", "outside", "inside"] = ""
    waits_for_motion: bool = False
    """Records on motion only: time neither recorded nor explained is waiting."""


@dataclass(frozen=True, slots=True)
class DiskUsage:
    free_bytes: int
    total_bytes: int
    used_bytes: int
    """By recordings."""
    full_at_ms: int | None = None
    """When it will be full at the present rate; None when never, or not known."""
    keeps_days: float | None = None
    """How far back recordings will go once the room is used up; None while not known."""


@dataclass(frozen=True, slots=True)
class RecorderWarning:
    """Something that a person should know of: what is, and what to do about it, as sentences."""

    message: str
    do: str = ""


class BusListener(Protocol):
    """The bus, to listen to."""

    def subscribe(self, listener: Listener) -> Callable[[], None]: ...


class RecorderService(RecordingArchive, Protocol):
    """Any thread may call. All but `event_picture`, `mark_event` and the archive answer from memory at once."""

    @property
    def clock(self) -> Clock: ...
    @property
    def bus(self) -> BusListener: ...
    @property
    def started_ms(self) -> int: ...
    @property
    def host(self) -> str:
        """The recorder's name for people: its host name."""
        ...

    @property
    def zone(self) -> str:
        """The recorder's time zone, as in `Europe/Berlin`."""
        ...

    def cameras(self) -> Sequence[CameraView]:
        """In the order of the settings."""
        ...

    def hub(self, camera: CameraId, stream: StreamName) -> Hub | None:
        """The packets of a stream; None when there is no such camera or stream. The same object while it exists."""
        ...

    def watched(self, camera: CameraId, stream: StreamName, viewers: int) -> None:
        """Told whenever the number of people who see a stream live has changed: its packets are wanted sooner."""
        ...

    def speaker(self, camera: CameraId) -> Speaker | None:
        """A camera's loudspeaker, not connected yet; None where its kind has none."""
        ...

    @property
    def tuning(self) -> DetectionTuningApi: ...
    def disk(self) -> DiskUsage | None:
        """None while not known."""
        ...

    def warnings(self) -> Sequence[RecorderWarning]: ...
    def alarms(self) -> Sequence[Alarm]:
        """Those that last."""
        ...

    def zone_scores(self, camera: CameraId, zone: str, within: Span) -> bytes:
        """As `scores`, of one zone. ValueError for what cannot be a zone's name. May wait for the disk."""
        ...

    def grids(self, camera: CameraId, within: Span) -> Sequence[tuple[int, int]]:
        """Seconds (UTC ms) in which it moved, and where (`storage.segments.motion_grids`). May wait for the disk."""
        ...

    def called(self, who: str) -> str:
        """The name of somebody who was recognised; empty when nobody is known by this id any more."""
        ...

    def event_loop(self, event: Event) -> bytes | None:
        """A few small pictures of an event, side by side in one JPEG; None when there are none. May wait."""
        ...

    def event_picture(self, event: Event) -> bytes | None:
        """The JPEG file of an event's best picture; None when there is none. May wait for the disk."""
        ...

    def prove(self, camera: CameraId, span: Span, folder: Path, has_done: Callable[[float], None]) -> None:
        """Make an evidence folder, signed by this recorder. NotDone where nothing can be proved, or all is sealed."""
        ...

    def sealed_picture(self, event: Event, *, is_loop: bool = False) -> Path | None:
        """Where an event's picture, or its loop, stands sealed; None when there is none. May wait for the disk."""
        ...

    def mark_event(
        self,
        event_id: EventId,
        *,
        kept: bool | None = None,
        reviewed: bool | None = None,
        false_alarm: str | None = None,
        said: str | None = None,
    ) -> Event | None:
        """Change what people say of an event, durably, and publish it as `updated`. None when there is no such event.

        May wait for the disk. An event that still goes on keeps the marks.
        """
        ...
