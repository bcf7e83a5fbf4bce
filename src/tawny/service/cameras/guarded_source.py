"""Opens cameras through sources that may be plug-ins: whatever these raise becomes a SourceError."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tawny.config.settings import CameraSettings
from tawny.engine.plugins import PluginFailed, close_part, is_own, plug_in_code
from tawny.model.errors import SourceError
from tawny.model.packets import SourcePacket
from tawny.sources.source import (
    CameraConnection,
    CameraSource,
    IdleUntil,
    SharedSource,
    SourceContext,
    Speaker,
    SpeakingSource,
)

log = logging.getLogger(__name__)


def open_camera(
    source: CameraSource,
    opening: Callable[[], SourceContext],
    begin: Callable[[SourceContext], CameraConnection] | None = None,
) -> CameraConnection:
    """Connect. Raises SourceError, also for any other error of a plug-in. begin: None: `source.open`."""
    if is_own(source):
        return (begin or source.open)(opening())
    with as_source_error(source.scheme):
        connection = (begin or source.open)(opening())
        if not callable(getattr(connection, "read", None)):
            raise TypeError("`open` returned no connection")
        return GuardedConnection(source.scheme, connection)


def settings_of(source: CameraSource, camera: CameraSettings) -> Mapping[str, Any]:
    """Return the camera's settings of its source. Raises SourceError: refused, as a start may tolerate, or it fails."""
    try:
        with as_source_error(source.scheme, ValueError):
            return source.settings(camera.table(source.scheme))
    except ValueError as error:
        raise SourceError(source.scheme, f"its settings are invalid: {error}") from error


def shares(source: SharedSource, opening: Callable[[], SourceContext]) -> bool:
    """Return whether the connection can share a thread; no if a plug-in fails, which `open_camera` then says."""
    try:
        with plug_in_code("source"):
            return source.shares(opening().options)
    except PluginFailed:
        return False


def speaker_of(source: SpeakingSource, opening: Callable[[], SourceContext]) -> Speaker | None:
    """Return its loudspeaker, not yet connected; None if a plug-in fails, or its settings are refused.

    Raises SourceError.
    """
    try:
        context = opening()
    except SourceError as error:
        log.warning("no loudspeaker: %s", error)
        return None
    try:
        with plug_in_code(source.scheme, SourceError):
            return source.speaker(context)
    except PluginFailed as error:
        log.warning("no loudspeaker: %s", error)
        return None


class GuardedConnection:
    """A connection of a plug-in. Read from one thread."""

    def __init__(self, plug_in: str, connection: CameraConnection) -> None:
        self._plug_in, self._connection = plug_in, connection

    def read(self) -> SourcePacket | IdleUntil:
        with as_source_error(self._plug_in):
            got = self._connection.read()
            if not isinstance(got, SourcePacket | IdleUntil):
                raise TypeError("`read` returned neither a SourcePacket nor IdleUntil")
            return got

    def close(self) -> None:
        close_part(self._plug_in, self._connection)

    @property
    def notes(self) -> Mapping[str, Any]:
        with as_source_error(self._plug_in):
            return self._connection.notes


@contextmanager
def as_source_error(plug_in: str, *expected: type[Exception]) -> Iterator[None]:
    """Raise a SourceError for any error that isn't expected."""
    try:
        with plug_in_code(plug_in, SourceError, *expected):
            yield
    except PluginFailed as error:
        raise SourceError(plug_in, str(error)) from error
