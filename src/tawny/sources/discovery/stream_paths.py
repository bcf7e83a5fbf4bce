"""Stream paths that are known of makers, tried where a camera does not answer to ONVIF."""

from collections.abc import Callable
from dataclasses import replace
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
from tawny.sources.discovery.known_cameras import StreamPaths, candidates
from tawny.sources.network_address import NetworkAddress
from tawny.sources.rtsp.ffmpeg_guard import describe

MOST_TRIES: Final = 16
_MOST_SILENT: Final = 2
TRY_S: Final = 4.0


def find_paths(
    place: NetworkAddress,
    text: str,
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
    announced = [StreamPaths(first if first.startswith("/") else f"/{first}")] if first else []
    for paths in islice(chain(announced, candidates(text)), MOST_TRIES):
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
