"""Opens a blocking connection in a short-lived thread, for callers that must not block."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from tawny.model.errors import SourceError
from tawny.model.packets import SourcePacket
from tawny.sources.source import CameraConnection, IdleUntil

_LOOK_S = 0.1


class BackgroundOpen:
    """Starts to open on creation; `read` polls the result. The opened connection must not block in `read`."""

    def __init__(self, open_it: Callable[[], CameraConnection]) -> None:
        self._open = open_it
        self._lock = threading.Lock()
        self._inner: CameraConnection | None = None
        self._error: SourceError | None = None
        self._is_closed = False
        threading.Thread(target=self._run, name="open", daemon=True).start()

    def read(self) -> SourcePacket | IdleUntil:
        if self._inner is not None:
            return self._inner.read()
        if self._error is not None:
            raise self._error
        return IdleUntil(_LOOK_S)

    def close(self) -> None:
        """Close the connection; one that is still opening is closed as soon as it is open."""
        with self._lock:
            self._is_closed = True
            inner = self._inner
        if inner is not None:
            inner.close()

    @property
    def notes(self) -> Mapping[str, Any]:
        return self._inner.notes if self._inner is not None else {}

    def _run(self) -> None:
        try:
            opened = self._open()
        except SourceError as error:
            self._error = error
            return
        with self._lock:
            self._inner = opened
            is_late = self._is_closed
        if is_late:
            opened.close()
