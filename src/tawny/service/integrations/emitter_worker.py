"""Emitter worker: sends messages to one integration as they occur. Recording does not depend on it.

Messages that are not accepted are dropped, counted and reported.
"""

import heapq
import itertools
import json
import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from tawny.config.integrations import EmitterSettings, socket_address
from tawny.delivery.notifier import HEADER, HttpApi, refusal, signature
from tawny.delivery.scripts import ScriptRunner
from tawny.engine import ActorHandle
from tawny.engine.backoff import Backoff
from tawny.model.errors import DeliveryError, NotDone, StorageError, TargetBusy, TargetUnreachable
from tawny.model.events import Event, shown_level
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import EventChanged, FileFinished, Message, SegmentClosed
from tawny.model.segments import Segment
from tawny.model.times import Clock, Span
from tawny.playback.clips import ClipCache
from tawny.service import json_format

# Emitters: send messages to other software by datagram, webhook or script, one at a time, without storing them.


MessageFields = Mapping[str, Any]


_OF_PROXIES: Final = frozenset({502, 503, 504})
"""What a proxy responds while the receiver behind it isn't there."""
_RETRIED: Final = frozenset({DeliveryError.advice, TargetUnreachable.advice})
"""Advice that promises another try: untrue of what is dropped."""


@dataclass(eq=False)
class ReceiverFailed(DeliveryError):
    """The receiver answered with an error of its own (5xx): maybe for this message only. wait_s: as in TargetBusy."""

    wait_s: float = 0.0


class Emitter(Protocol):
    """Sends messages. Use from one thread. Raises DeliveryError without secrets."""

    public: str
    """Address without secrets."""

    tries_again: bool
    """Whether to retry a failed message. Not useful if the receiver is not running."""

    def send(self, message: MessageFields, key: str) -> str:
        """Send a message. Return the response; usually empty. key: the same when a message is sent again."""
        ...

    def close(self) -> None: ...


def emitter_of(one: EmitterSettings, scripts: ScriptRunner, clock: Clock) -> Emitter:
    scheme, _, rest = one.url.partition(":")
    if scheme == "unix":
        return DatagramEmitter(rest)
    if scheme == "run":
        return ScriptEmitter(rest, scripts)
    return WebhookEmitter(one.url.removeprefix("webhook+"), one.secret, clock)


class DatagramEmitter:
    """Sends UNIX datagrams to a socket name; never waits."""

    tries_again = False

    def __init__(self, address: str) -> None:
        self.public = f"the socket {address}"
        self._address = socket_address(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0.0)  # non-blocking

    def send(self, message: MessageFields, key: str) -> str:
        data = json.dumps(message, ensure_ascii=False).encode()
        try:
            self._socket.sendto(data, self._address)
        except BlockingIOError:
            raise TargetUnreachable(self.public, "it isn't accepting data") from None
        except OSError as error:
            raise TargetUnreachable(self.public, error.strerror or type(error).__name__) from None
        return ""

    def close(self) -> None:
        self._socket.close()


class WebhookEmitter:
    """Sends JSON by POST, signed if a secret is set (`delivery.notifier`)."""

    tries_again = True

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        self._secret, self._clock = secret, clock
        self._api = HttpApi(url, "")
        self.public = self._api.public = f"the webhook at {self._api.host}"

    def send(self, message: MessageFields, key: str) -> str:
        body = json.dumps(message, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._secret:
            headers[HEADER] = signature(self._secret, self._clock.now_ms() // 1000, body)
        answer = self._api.ask("POST", "", body, headers)
        if answer.status >= 500 and answer.status not in _OF_PROXIES:
            raise ReceiverFailed(self.public, f"it responded with {answer.status}", answer.wait_s)
        if not answer.is_well:
            raise refusal(self.public, answer)
        return ""

    def close(self) -> None:
        """No resources to release."""


class ScriptNotRun(DeliveryError):
    """where: why the script can't be run, and the remedy, as sentences."""

    says = "{where}"
    advice = ""


class ScriptEmitter:
    """Runs a script per message, one after the other."""

    tries_again = False

    def __init__(self, name: str, scripts: ScriptRunner) -> None:
        self.public, self._name, self._scripts = f"the script {name}", name, scripts

    def send(self, message: MessageFields, key: str) -> str:
        try:
            ran = self._scripts.run(self._name, message)
        except NotDone as error:
            raise ScriptNotRun(str(error)) from None
        if ran.code is None:
            raise DeliveryError(self.public, "it took too long and was stopped")
        if ran.code:
            output = ran.output.splitlines()
            raise DeliveryError(
                self.public, f"it exited with code {ran.code}" + (f": {output[-1][:200]}" if output else "")
            )
        return ran.output

    def close(self) -> None:
        """No resources to release."""


# Message formats for webhooks and scripts: tawny's own and that of Raspberry Pancake.

EDGE_MS = 3000
"""Delay, ms, of a report of begin or end, and length of its clip on either side."""
WRITTEN_MS = 1500
"""Delay, ms, until recorded video is on disk."""
MOST_LASTING = 1000
MOST_CLIPS = 500
MOST_CLIP_BYTES = 200_000_000
_CLIP = re.compile(r"\d{8}-\d{6}\.mp4")
SegmentPath = Callable[[Segment], Path]
log = logging.getLogger(__name__)


class FormattedMessage(NamedTuple):
    """in_s: delay. make: creates the object when due; waits for the disk."""

    in_s: float
    make: Callable[[], dict[str, Any]]


class MessageFormat(Protocol):
    def of(self, message: Message) -> Sequence[FormattedMessage]:
        """Return the formatted messages. Returns at once. Call from one thread at a time."""
        ...


def kinds_fit(one: EmitterSettings, message: Message) -> bool:
    """Return whether the event's type and level are selected; other messages always pass."""
    if not isinstance(message, EventChanged):
        return True
    is_kind = not one.kinds or message.event.kind in one.kinds
    return is_kind and (not one.levels or shown_level(message.event) in one.levels)


class NativeFormat:
    """tawny's own objects (`service.json_format`). path: a segment's file, for local programs; None: omit it."""

    def __init__(self, one: EmitterSettings, clock: Clock, path: SegmentPath | None) -> None:
        self._one, self._clock, self._path = one, clock, path
        self._lasting: dict[EventId, None] = {}
        """Running events of which something was sent, oldest first: their other messages follow until they end."""

    def of(self, message: Message) -> Sequence[FormattedMessage]:
        fields = json_format.message(message, self._clock.now_ms())
        if fields is None or fields["type"].partition(".")[0] not in self._one.events:
            return ()
        if self._one.cameras and fields["camera"] not in (*self._one.cameras, None):
            return ()
        if not self._fits(message):
            return ()
        if isinstance(message, SegmentClosed) and (path := self._path) is not None:
            segment, about = message.segment, fields["segment"]
            return (FormattedMessage(0.0, lambda: {**fields, "segment": {**about, "mp4": str(path(segment))}}),)
        if isinstance(message, FileFinished) and self._path is not None and message.path:
            return (FormattedMessage(0.0, lambda: {**fields, "file": {**fields["file"], "path": message.path}}),)
        return (FormattedMessage(0.0, lambda: fields),)

    def _fits(self, message: Message) -> bool:
        """Return whether it is selected, or about an event of which something was: its type and level may change."""
        if not isinstance(message, EventChanged):
            return True
        event = message.event
        fits = event.id in self._lasting or kinds_fit(self._one, message)
        if event.end_ms is not None:
            self._lasting.pop(event.id, None)
        elif fits:
            self._lasting[event.id] = None
            if len(self._lasting) > MOST_LASTING:
                del self._lasting[next(iter(self._lasting))]
        return fits


class PancakeFormat:
    """Format for one camera. zone: time zone of clip names. edges: `start`, `end` of events, if files announce it."""

    def __init__(
        self,
        one: EmitterSettings,
        clock: Clock,
        path: SegmentPath,
        clips: ClipCache,
        zone: ZoneInfo,
        edges: frozenset[str] = frozenset(),
    ) -> None:
        self._one, self._camera, self._clock, self._path = one, CameraId(one.cameras[0]), clock, path
        self._clips, self._zone, self._lasting, self._edges = clips, zone, set[EventId](), edges

    def of(self, message: Message) -> Sequence[FormattedMessage]:
        match message:
            case FileFinished() if message.camera == self._camera and message.set in self._one.files:
                detection = {"detection": message.edge == "start"} if message.edge else {}
                return (FormattedMessage(0.0, lambda: {"h264": message.path or message.name, **detection}),)
            case SegmentClosed(segment) if (segment.camera, segment.stream) == (self._camera, StreamName.MAIN):
                if self._one.files or "segment" not in self._one.events:
                    return ()
                return (FormattedMessage(0.0, lambda: {"h264": str(self._path(segment))}),)
            case EventChanged() if "event" not in self._one.events:
                return ()
            case EventChanged(_, event) if event.camera == self._camera:
                # an event gains its type and level later: the end of one that was reported must not be missed
                if event.id in self._lasting or kinds_fit(self._one, message):
                    return self._edge(event)
        return ()

    def _edge(self, event: Event) -> Sequence[FormattedMessage]:
        was_on = bool(self._lasting)
        if event.end_ms is None:
            self._lasting.add(event.id)
        else:
            self._lasting.discard(event.id)
        is_on = bool(self._lasting)
        if is_on == was_on or ("start" if is_on else "end") in self._edges:
            return ()
        return self._state_message(event.start_ms if event.end_ms is None else event.end_ms, is_on=is_on)

    def _state_message(self, at_ms: int, *, is_on: bool) -> Sequence[FormattedMessage]:
        waits_ms = EDGE_MS + (WRITTEN_MS if self._one.clips else 0)
        in_s = max(0.0, (at_ms + waits_ms - self._clock.now_ms()) / 1000)
        return (FormattedMessage(in_s, lambda: {**self._clip(at_ms), "detection": is_on}),)

    def _clip(self, at_ms: int) -> dict[str, str]:
        """Write the clip and return its path; empty if not configured or not available."""
        if not self._one.clips:
            return {}
        folder, zone = Path(self._one.clips), self._zone
        name = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).strftime("%Y%m%d-%H%M%S.mp4")
        span = Span(at_ms - EDGE_MS, at_ms + EDGE_MS)
        try:
            clip = self._clips.clip(self._camera, StreamName.MAIN, span, MOST_CLIP_BYTES)
            if clip is None:
                return {}
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = folder / f"{name}.part"
            with part.open("wb") as file:
                for portion in clip.read(0, clip.size_bytes):
                    file.write(portion)
                file.flush()
                os.fsync(file.fileno())
            part.rename(folder / name)
            for old in sorted(path for path in folder.iterdir() if _CLIP.fullmatch(path.name))[:-MOST_CLIPS]:
                old.unlink()
        except (OSError, StorageError) as error:
            log.warning("%s: a clip could not be written to %s: %s", self._camera, folder, error)
            return {}
        return {"h264": str(folder / name)}


MOST_WAITING = 1000
"""Queue limit; the oldest messages are dropped."""
IDLE_S = 30.0
MOST_ASKED_S = 60.0
"""How long, s, a message waits at most because its receiver asks for it: twice the usual longest delay."""
GIVEN_UP_S, GIVEN_UP_TRIES = 600.0, 10
"""How long, s, and how often at least, a message that the receiver fails with is sent again."""


class EmitterWorker:
    """Sends messages as an actor. Call `heard` from any thread."""

    def __init__(self, name: str, open_emitter: Callable[[], Emitter], form: MessageFormat, clock: Clock) -> None:
        self.name, self._open, self._form, self._clock = f"emit {name}", open_emitter, form, clock
        self._emitter: Emitter | None = None
        self._lock, self._order = threading.Lock(), itertools.count()
        self._due: list[tuple[float, int, Callable[[], dict[str, Any]]]] = []
        self._backoff, self._not_before_s = Backoff(), 0.0
        self._again: dict[str, Any] | None = None
        self._key, self._failures, self._failed_s = "", 0, 0.0
        """Of the current message: its key, and how often and since when, monotonic, the receiver failed with it."""
        self._is_busy = False
        self.handle = ActorHandle()
        self.sent = self.dropped = 0
        self.trouble = self.answer = ""
        """Error of the last message; empty if none. Response to the last message."""

    def on_message(self, message: Message) -> None:
        with self._lock:
            for text in self._form.of(message):
                self._put(text)
        self.handle.wake()

    def hurry(self) -> None:
        """Send now what is due later."""
        with self._lock:
            now_s = self._clock.mono_s()
            self._due = sorted((min(due_s, now_s), order, make) for due_s, order, make in self._due)
        self.handle.wake()

    def step(self) -> float:
        try:
            while (wait_s := self._wait_s()) <= 0:
                self._is_busy = True
                self._next()
        finally:
            self._is_busy = False
        return wait_s

    def close(self) -> None:
        emitter, self._emitter = self._emitter, None
        if emitter is not None:
            emitter.close()

    @property
    def waiting(self) -> int:
        return len(self._due) + (self._again is not None)

    @property
    def is_sending(self) -> bool:
        """Return whether messages will be sent soon: not one that the receiver has to be tried again for."""
        return self._is_busy or (bool(self._due) and self._again is None)

    def _put(self, formatted: FormattedMessage) -> None:
        if len(self._due) >= MOST_WAITING:
            self._due.remove(min(self._due, key=lambda one: one[1]))
            heapq.heapify(self._due)
            self.dropped += 1
        heapq.heappush(self._due, (self._clock.mono_s() + formatted.in_s, next(self._order), formatted.make))

    def _wait_s(self) -> float:
        now_s = self._clock.mono_s()
        with self._lock:
            due_s = self._due[0][0] if self._due else now_s + IDLE_S
        return max(self._not_before_s, now_s if self._again is not None else due_s) - now_s

    def _next(self) -> None:
        message = self._again
        if message is None:
            with self._lock:
                _, _, make = heapq.heappop(self._due)
            message = make()
            self._key, self._failures = secrets.token_hex(16), 0
        self._again = None
        emitter = self._emitter = self._emitter or self._open()
        try:
            self.answer = emitter.send(message, self._key)
        except DeliveryError as error:
            self._failed(message, error, tries_again=emitter.tries_again)
            return
        self.sent += 1
        self.trouble = ""
        self._backoff.reset()

    def _failed(self, message: dict[str, Any], error: DeliveryError, *, tries_again: bool) -> None:
        is_news, self.trouble = error.message != self.trouble, error.message
        tries_again = tries_again and isinstance(error, TargetUnreachable | ReceiverFailed)
        if is_news:
            remedy = error.do if tries_again or error.advice not in _RETRIED else ""
            end = "" if tries_again else "It isn't sent again."
            log.warning("%s", " ".join(filter(None, (error.message, remedy, end))))
        now_s = self._clock.mono_s()
        if isinstance(error, ReceiverFailed):
            self._failed_s = self._failed_s if self._failures else now_s
            self._failures += 1
            if self._failures >= GIVEN_UP_TRIES and now_s - self._failed_s >= GIVEN_UP_S:
                log.warning("%s %s was not sent: %s", message.get("type"), message.get("id"), error.message)
                tries_again = False
        if tries_again:
            asked_s = min(error.wait_s, MOST_ASKED_S) if isinstance(error, TargetBusy | ReceiverFailed) else 0.0
            self._again, self._not_before_s = message, now_s + max(self._backoff.next_s(), asked_s)
        else:
            self.dropped += 1
            self._backoff.reset()
