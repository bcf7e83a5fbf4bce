"""Stream addresses that makers document, tried where a camera does not answer to ONVIF.

Paths are facts from manuals and from what users of other recorders report.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

from tawny.model.errors import (
    SourceError,
    SourceLoginWeaker,
    SourceRedirected,
    SourceRefused,
    SourceUnreachable,
)
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginRecord
from tawny.sources.network_address import NetworkAddress
from tawny.sources.rtsp.ffmpeg_guard import describe

MOST_TRIES: Final = 16
_MOST_SILENT: Final = 2
TRY_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class StreamPaths:
    """Paths of a maker's main and sub stream. sub: may be empty. names: in maker, model or server name."""

    maker: str
    names: str
    main: str
    sub: str


KNOWN: Final = (
    StreamPaths(
        "Hikvision", r"hikvision|hiwatch|annke|ezviz|ds-2", "/Streaming/Channels/101", "/Streaming/Channels/102",
    ),
    StreamPaths(
        "Dahua", r"dahua|amcrest|lorex|imou|intelbras|ipc-h", "/cam/realmonitor?channel=1&subtype=0",
        "/cam/realmonitor?channel=1&subtype=1",
    ),
    StreamPaths("Reolink", r"reolink|rlc-", "/h264Preview_01_main", "/h264Preview_01_sub"),
    StreamPaths("Reolink", r"reolink|rlc-", "/Preview_01_main", "/Preview_01_sub"),
    StreamPaths("TP-Link", r"tapo|tp-?link|vigi", "/stream1", "/stream2"),
    StreamPaths("Axis", r"axis", "/axis-media/media.amp", "/axis-media/media.amp?resolution=640x360"),
    StreamPaths("Uniview", r"uniview|unv\b", "/media/video1", "/media/video2"),
    StreamPaths("Hanwha", r"hanwha|samsung|wisenet", "/profile2/media.smp", "/profile3/media.smp"),
    StreamPaths("Foscam", r"foscam|ipc server", "/videoMain", "/videoSub"),
    StreamPaths("Vivotek", r"vivotek", "/live1s1.sdp", "/live1s2.sdp"),
    StreamPaths("Bosch", r"bosch", "/rtsp_tunnel", "/rtsp_tunnel?inst=2"),
    StreamPaths("Ubiquiti", r"ubiquiti|unifi|uvc", "/s0", "/s1"),
    StreamPaths("EZVIZ", r"ezviz", "/h264/ch1/main/av_stream", "/h264/ch1/sub/av_stream"),
    StreamPaths("Panasonic", r"panasonic|i-pro", "/MediaInput/h264/stream_1", "/MediaInput/h264/stream_2"),
    StreamPaths("", r"hisilicon|hipcam|h264dvr", "/11", "/12"),
    StreamPaths("", r"", "/live/ch00_0", "/live/ch00_1"),
    StreamPaths("", r"", "/onvif1", "/onvif2"),
    StreamPaths("", r"", "/live", ""),
    StreamPaths("", r"", "/", ""),
)  # fmt: skip
"""The more likely first."""


def candidates(said: str) -> Iterator[StreamPaths]:
    """Yield the paths to try, those of the maker first. said: maker, model and server name of the camera."""
    own = [one for one in KNOWN if one.names and re.search(one.names, said, re.IGNORECASE)]
    yield from own
    yield from (one for one in KNOWN if one not in own)


def find_paths(
    place: NetworkAddress,
    said: str,
    clock: Clock,
    record: LoginRecord | None = None,
    ask: Callable[..., object] = describe,
    first: str = "",
) -> StreamPaths | None:
    """Try paths one after another, and return the first with video; None if none has. path of `place`: not used.

    first: a path that the camera announces; tried before all others.

    A refused login ends it at once, so that no camera locks its account. Raises SourceRefused, SourceLoginWeaker,
    SourceRedirected, SourceUnreachable.
    """
    silent = 0
    announced = [StreamPaths("", "", first if first.startswith("/") else f"/{first}", "")] if first else []
    for paths in islice(chain(announced, candidates(said)), MOST_TRIES):
        try:
            if not _answers(place, paths.main, clock, record, ask):
                continue
            has_sub = bool(paths.sub) and _answers(place, paths.sub, clock, record, ask)
        except SourceUnreachable:  # some hang up at a path that they don't know
            silent += 1
            if silent == _MOST_SILENT:
                raise
            continue
        return paths if has_sub else replace(paths, sub="")
    return None


def _answers(
    place: NetworkAddress, path: str, clock: Clock, record: LoginRecord | None, ask: Callable[..., object]
) -> bool:
    try:
        ask(replace(place, path=path), clock, TRY_S, record)
    except (SourceRefused, SourceLoginWeaker, SourceRedirected, SourceUnreachable):
        raise
    except SourceError:  # not found, or no video there
        return False
    return True
