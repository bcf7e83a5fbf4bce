"""Which of a camera's streams somebody sees, and as what: as it comes, or encoded again where nothing else plays."""

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
    """source: the camera's own. turns: it must be encoded again."""

    name: StreamName
    source: Hub
    turns: bool = False

    def covered(self) -> "StreamChoice":
        """For those for whom no page covers what is private: where something is, encoded again with it black."""
        return replace(self, turns=True) if self.source.private else self

    @property
    def is_bare(self) -> bool:
        """Something is private, and is in it."""
        return bool(self.source.private) and not self.turns

    @contextmanager
    def opened(self) -> Iterator[Hub]:
        """What to show, as long as it is shown."""
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
    """None when there is no stream. can: codecs that the browser plays.

    A stream that is named but not there is replaced by the other. `auto`: the large picture, unless the browser cannot
    play it and can play the small one, or only the small one is coming; what it cannot play at all is turned.
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
        return StreamChoice(coming[-1], hubs[coming[-1]], turns=True)  # the smaller picture costs less to encode
    return StreamChoice(coming[0], hubs[coming[0]])


def codec_of(hub: Hub) -> str | None:
    """Of what comes at present."""
    keyframe = next(iter(hub.recent(0.0)), None)
    return keyframe.format.codec if keyframe and isinstance(keyframe.format, VideoFormat) else None
