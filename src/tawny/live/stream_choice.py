"""Stream selection for a viewer: main or sub stream, unchanged or transcoded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tawny.live.shared import share_once
from tawny.live.transcoded_stream import TranscodedStream
from tawny.model.ids import StreamName
from tawny.model.packets import VideoFormat
from tawny.stream.hub import Hub

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
        turned = share_once(TranscodedStream, self.source, lambda: TranscodedStream(self.source))
        turned.open()
        try:
            yield turned.hub
        finally:
            turned.close()


def choose_stream(hubs: Mapping[StreamName, Hub], wanted: str, can: list[str]) -> StreamChoice | None:
    """Select a stream, or return None without streams. can: codecs that the browser supports.

    A named but missing stream is replaced by the other one. `auto` selects the main stream. It selects the sub stream
    if the browser supports only that one, or if only that one is active. Streams with unsupported codecs are
    transcoded.
    """
    if not hubs:
        return None
    if wanted != "auto":
        name = next(name for name in (StreamName(wanted), *hubs) if name in hubs)
        return StreamChoice(name, hubs[name])
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
