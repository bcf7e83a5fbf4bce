"""Stream selection for a viewer: main or sub stream, unchanged or transcoded."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tawny.engine.actor import start_thread
from tawny.live.wakeup import share_once
from tawny.media.codec.transcoder import Reencoder
from tawny.model.errors import SourceUnusable
from tawny.model.ids import RunId, StreamName
from tawny.model.packets import Packet, VideoFormat
from tawny.stream.hub import Hub, live_hubs, without_backlog

# Transcoded variant of a stream that a browser does not support: encoded once for all viewers.

WIDTH = 1280
KEEP_S = 12.0
"""Seconds of encoded video kept for new viewers."""
BEHIND_MS = 1_000
_LOOK_BACK_S, _USUAL_FPS = 2.0, 15.0
_IDLE_S = 1.0
log = logging.getLogger(__name__)


class TranscodedStream:
    """hub: the transcoded stream. Call `open` before use and `close` afterwards; the last `close` stops the thread."""

    def __init__(self, source: Hub) -> None:
        self.hub = Hub(keep_s=KEEP_S)
        self._source = source
        self._lock = threading.Lock()
        self._holders = 0
        self._due = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        with self._lock:
            if self._thread is None:  # first: it raises where the system has no more threads
                self._thread = start_thread("turned", self._run)
            self._holders += 1

    def close(self) -> None:
        with self._lock:
            self._holders -= 1
        self._due.set()

    def _is_wanted(self) -> bool:
        with self._lock:
            if not self._holders:
                self._thread = None
            return self._holders > 0

    def _run(self) -> None:
        reader = self._source.reader(wake=self._due.set)
        work: Reencoder | None = None
        number = self._next_number()
        run = source_run = RunId("")
        try:
            while self._is_wanted():
                for packet in without_backlog([each for each in reader.take().packets if each.is_video], BEHIND_MS):
                    assert isinstance(packet.format, VideoFormat)
                    if work is None or work.format != packet.format or packet.run != source_run:
                        if not packet.is_keyframe:
                            continue
                        work, source_run = self._begun(work, packet.format), packet.run
                        run = RunId(f"turned-{packet.run}-{number}")
                    for coded, at_ms in work.turn(packet, self._source.private):
                        whole = Packet(run, number, coded.format, coded.data, coded.pts, at_ms, coded.is_keyframe)
                        self.hub.append(whole)
                        number += 1
                self._due.wait(_IDLE_S)
                self._due.clear()
        except SourceUnusable as error:
            log.warning("Cannot transcode for browsers that do not support the camera's codec: %s", error)
        finally:
            reader.close()
            if work is not None:
                work.close()
            with self._lock:
                if self._thread is threading.current_thread():  # after an error: the next viewer starts another
                    self._thread = None

    def _begun(self, before: Reencoder | None, video: VideoFormat) -> Reencoder:
        if before is not None:
            before.close()
            if before.format == video:  # another run, whose times may be before those of the last one
                return Reencoder(video, WIDTH, before.fps)
        times = [packet.at_ms for packet in self._source.recent(_LOOK_BACK_S) if packet.is_video]
        passed_ms = max(times, default=0) - min(times, default=0)
        return Reencoder(video, WIDTH, (len(times) - 1) * 1000 / passed_ms if passed_ms > 0 else _USUAL_FPS)

    def _next_number(self) -> int:
        newest = self.hub.newest
        return newest.number + 1 if newest else 0


ORDER = (StreamName.MAIN, StreamName.SUB)


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """A selected stream. source: the camera's hub. turns: transcoding is required."""

    name: StreamName
    source: Hub
    turns: bool = False

    def covered(self) -> "StreamChoice":
        """Return a variant with privacy masks applied by transcoding, for clients that cannot draw masks themselves."""
        return replace(self, turns=True) if self.source.private else self

    @property
    def is_bare(self) -> bool:
        """The stream has privacy masks that are not applied."""
        return bool(self.source.private) and not self.turns

    @contextmanager
    def opened(self) -> Iterator[Hub]:
        """Yield the hub to read from, transcoded if required. Holds the transcoder while entered."""
        if not self.turns:
            yield self.source
            return
        # with other masks it is another one: this one's last seconds were encoded without them
        turned = share_once(TranscodedStream, self.source, lambda: TranscodedStream(self.source), self.source.private)
        turned.open()
        try:
            yield turned.hub
        finally:
            turned.close()


def choose_stream(hubs: Mapping[StreamName, Hub], wanted: str, can: list[str], now_ms: int) -> StreamChoice | None:
    """Select a stream, or return None without streams. can: codecs that the browser supports.

    A named but missing stream is replaced by the other one. `auto` selects the main stream. It selects the sub stream
    if the browser supports only that one, or if only that one is live. Streams with unsupported codecs are transcoded.
    """
    if not hubs:
        return None
    if wanted != "auto":
        name = next(name for name in (StreamName(wanted), *hubs) if name in hubs)
        return StreamChoice(name, hubs[name])
    hubs = live_hubs(hubs, now_ms) or hubs
    codecs = {name: codec_of(hubs[name]) for name in ORDER if name in hubs}
    for name, codec in codecs.items():
        if codec in can:
            return StreamChoice(name, hubs[name])
    coming = [name for name, codec in codecs.items() if codec is not None] or list(codecs)
    if "h264" in can and codecs[coming[-1]] is not None:
        return StreamChoice(coming[-1], hubs[coming[-1]], turns=True)  # the smaller stream costs less to encode
    return StreamChoice(coming[0], hubs[coming[0]])


def codec_of(hub: Hub) -> str | None:
    """Return the codec of the newest keyframe; None without one."""
    keyframe = next(iter(hub.recent(0.0)), None)
    return keyframe.format.codec if keyframe and isinstance(keyframe.format, VideoFormat) else None
