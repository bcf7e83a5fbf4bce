"""Live test pictures of cameras that are not added yet, while a page shows them.

Each preview has a thread of its own. It signs in once, and ends when no page has asked for it for some seconds. Nothing
of it is stored; its password is forgotten with it.
"""

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from tawny.engine.actor import start_thread
from tawny.media.codec.decoder import Decoder
from tawny.media.image.jpeg import jpeg
from tawny.model.errors import (
    NotDone,
    SettingsError,
    SourceError,
    SourceRefused,
    SourceUnreachable,
    TawnyError,
)
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.model.times import Clock
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.discovery.resolve import CameraStreams
from tawny.sources.source import SourceContext, read_packets

MOST_AT_ONCE: Final = 8
MOST_TRIES: Final = 3
"""Refused sign-ins of a camera before tawny stops asking it, because many lock the account after five."""
FORGET_TRIES_S: Final = 600.0
IDLE_S: Final = 6.0
"""Time without a question for the previews after which they end: the page is gone."""
WIDTH: Final = 480
_EVERY_S, _PAUSE_S, _MOST_RECONNECTS = 1.0, 2.0, 5
_LONGEST_S: Final = 3600.0
_NO_LONGER: Final = "This camera is no longer shown.", "Get its picture again."


class PreviewState(StrEnum):
    GETTING = "getting"
    LIVE = "live"
    NEEDS_LOGIN = "needs_login"
    WRONG_LOGIN = "wrong_login"
    NO_RTSP = "no_rtsp"
    FAILED = "failed"


ENDED: Final = frozenset(
    {PreviewState.NEEDS_LOGIN, PreviewState.WRONG_LOGIN, PreviewState.NO_RTSP, PreviewState.FAILED}
)


class LoginTries:
    """Counts refused sign-ins by camera. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._refused: dict[str, tuple[int, float]] = {}

    def check(self, host: str) -> None:
        """Raise NotDone if the camera has refused MOST_TRIES sign-ins within FORGET_TRIES_S."""
        with self._lock:
            count, since_s = self._refused.get(host, (0, 0.0))
        if count >= MOST_TRIES and self._clock.mono_s() - since_s < FORGET_TRIES_S:
            raise NotDone(
                f"{host} has refused {MOST_TRIES} sign-ins. Cameras lock the account after a few more.",
                "Check user name and password in the camera's own app, and try again in 10 minutes.",
            )

    def refused(self, host: str) -> None:
        now_s = self._clock.mono_s()
        with self._lock:
            count, since_s = self._refused.get(host, (0, now_s))
            if now_s - since_s >= FORGET_TRIES_S:
                count = 0
            self._refused[host] = count + 1, now_s

    def accepted(self, host: str) -> None:
        with self._lock:
            self._refused.pop(host, None)


@dataclass(frozen=True, slots=True)
class PreviewStatus:
    """number: of its newest picture, 0 without one. message, todo: why there is none; may be empty."""

    id: str
    place: str
    state: PreviewState = PreviewState.GETTING
    number: int = 0
    message: str = ""
    todo: str = ""


@dataclass(frozen=True, slots=True)
class PreviewSource:
    """What a preview found out. address: of the stream to show. wanted: as it was asked for, with the login."""

    address: str
    streams: CameraStreams | None
    wanted: object = field(repr=False)


@dataclass(slots=True)
class _Preview:
    status: PreviewStatus
    ended: threading.Event = field(default_factory=threading.Event)
    source: PreviewSource | None = None
    picture: bytes = b""


class CameraPreviews:
    """All previews of one recorder. Thread-safe."""

    def __init__(self, plugins: PluginRegistry, clock: Clock, tries: LoginTries) -> None:
        self._plugins, self._clock, self._tries = plugins, clock, tries
        self._lock = threading.Lock()
        self._previews: dict[str, _Preview] = {}
        self._asked_s = clock.mono_s()

    def start(self, place: str, find: Callable[[], PreviewSource], *, with_login: bool) -> PreviewStatus:
        """Begin to show a camera, instead of an earlier preview of it; one that is signing in now goes on.

        place: host or source. find: signs in and finds the streams; called on the preview's thread. Raises NotDone.
        """
        self._tries.check(place)
        with self._lock:
            self._asked_s = self._clock.mono_s()
            same = [one for one in self._previews.values() if one.status.place == place]
            if going := next((one for one in same if one.status.state is PreviewState.GETTING), None):
                return going.status
            running = [one for one in self._previews.values() if one.status.state not in ENDED and one not in same]
            if len(running) >= MOST_AT_ONCE:
                raise NotDone(f"{MOST_AT_ONCE} cameras are shown at once.", "Add some of them first.")
            for one in same:
                one.ended.set()
                del self._previews[one.status.id]
            made = _Preview(PreviewStatus(secrets.token_urlsafe(9), place))
            self._previews[made.status.id] = made
        start_thread(f"preview {place}"[:15], lambda: self._run(made, find, with_login=with_login))
        return made.status

    def now(self) -> list[PreviewStatus]:
        """Return all previews, in the order of their start. They go on for IDLE_S after the newest call."""
        with self._lock:
            self._asked_s = self._clock.mono_s()
            return [one.status for one in self._previews.values()]

    def picture(self, preview: str) -> bytes | None:
        with self._lock:
            found = self._previews.get(preview)
            return found.picture or None if found else None

    def source(self, preview: str) -> PreviewSource:
        """Return what was found out of a camera that is shown. Raises NotDone."""
        with self._lock:
            found = self._previews.get(preview)
        if found is None or found.source is None:
            raise NotDone(*_NO_LONGER)
        return found.source

    def stop(self, preview: str | None = None) -> None:
        """End one preview, or all."""
        with self._lock:
            ending = [one for name, one in self._previews.items() if preview in (None, name)]
            for one in ending:
                one.ended.set()
                del self._previews[one.status.id]

    # --- on the thread of a preview

    def _run(self, preview: _Preview, find: Callable[[], PreviewSource], *, with_login: bool) -> None:
        place = preview.status.place
        try:
            preview.source = find()
            self._tries.accepted(place)
            self._show(preview, preview.source)
        except SourceRefused as error:
            if with_login:
                self._tries.refused(place)
            state = PreviewState.WRONG_LOGIN if with_login else PreviewState.NEEDS_LOGIN
            self._fail(preview, state, error)
        except SettingsError as error:
            self._fail(preview, PreviewState.FAILED, error)
        except (NotDone, SourceUnreachable) as error:
            is_mute = preview.source is None
            self._fail(preview, PreviewState.NO_RTSP if is_mute else PreviewState.FAILED, error)
        except SourceError as error:
            self._fail(preview, PreviewState.FAILED, error)
        finally:
            if preview.status.state not in ENDED:  # also after an unforeseen error: pages wait for an end
                self._fail(preview, PreviewState.FAILED, NotDone(*_NO_LONGER))

    def _show(self, preview: _Preview, source: PreviewSource) -> None:
        """Read and decode the stream until the preview ends. Raises SourceError, NotDone."""
        begun_s, failures = self._clock.mono_s(), 0
        while self._goes_on(preview) and self._clock.mono_s() - begun_s < _LONGEST_S:
            before = preview.status.number
            try:
                self._read(preview, source)
            except SourceError:
                failures = 0 if preview.status.number > before else failures + 1
                if failures >= _MOST_RECONNECTS or preview.status.number == 0:
                    raise
                preview.ended.wait(_PAUSE_S)

    def _read(self, preview: _Preview, source: PreviewSource) -> None:
        opener = self._plugins.source_of(source.address)
        if opener is None:
            raise NotDone("Unknown type of address.", "Enter the camera's IP address.")
        options = opener.settings({})
        context = SourceContext(CameraId("preview"), StreamName.SUB, source.address, options, self._clock)
        connection = opener.open(context)
        pictures = _Pictures(self._clock)
        try:
            while self._goes_on(preview):
                for packet in read_packets(connection, self._clock, self._clock.mono_s() + _EVERY_S):
                    made = pictures.add(packet)
                    if made:
                        self._publish(preview, made)
                    if not self._goes_on(preview):
                        return
        finally:
            connection.close()

    def _goes_on(self, preview: _Preview) -> bool:
        if not preview.ended.is_set() and self._clock.mono_s() - self._asked_s > IDLE_S:
            self.stop(preview.status.id)
        return not preview.ended.is_set()

    def _publish(self, preview: _Preview, picture: bytes) -> None:
        with self._lock:
            preview.picture = picture
            preview.status = replace(preview.status, state=PreviewState.LIVE, number=preview.status.number + 1)

    def _fail(self, preview: _Preview, state: PreviewState, error: TawnyError) -> None:
        with self._lock:
            preview.source = None
            preview.status = replace(preview.status, state=state, message=error.message, todo=error.do)


class _Pictures:
    """Decodes a stream and makes a picture of it each second. One thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._next_s = clock, 0.0
        self._decoder: Decoder | None = None
        self._format: VideoFormat | None = None

    def add(self, packet: SourcePacket) -> bytes:
        """Return a JPEG if one is due, else nothing."""
        if not isinstance(packet.format, VideoFormat):
            return b""
        if packet.format != self._format:
            if not packet.is_keyframe:
                return b""
            self._decoder, self._format = Decoder(packet.format), packet.format
        assert self._decoder is not None
        frames = self._decoder.decode(packet)
        if not frames or self._clock.mono_s() < self._next_s:
            return b""
        self._next_s = self._clock.mono_s() + _EVERY_S
        with suppress(ValueError):
            return jpeg(frames[-1], WIDTH, 70)
        return b""
