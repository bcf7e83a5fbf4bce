"""Cameras that only offer a JPEG snapshot over HTTP. `snapshot+http://user:password@host/path`, or `snapshot+https`.

The source fetches a snapshot when a frame is due and encodes it to H.264. It has no threads.
"""

import base64
import http.client
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np

from tawny.media.codec.encoder import Encoder
from tawny.model.errors import SourceClosed, SourceNotFound, SourceRefused, SourceUnreachable, SourceUnusable
from tawny.model.packets import VIDEO_RATE, SourcePacket
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext

SCHEMES = ("snapshot+http://", "snapshot+https://")
TIMEOUT_S = 2.5
"""`read` may block for at most 3 s."""
MOST_BYTES = 20_000_000
LATE_S = 1.0
"""A frame that is due for longer is skipped."""


class SnapshotSource:
    """A JPEG snapshot over HTTP, with basic authentication.

    - `fps` (1.0): frames per second, 0.2 to 10.
    """

    scheme: ClassVar[str] = "snapshot"

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        for key in table:
            if key != "fps":
                raise ValueError(f"{key}: found an unknown key; allowed: fps")
        fps = table.get("fps", 1.0)
        if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0.2 <= fps <= 10:
            raise ValueError(f"fps: found {fps!r}; allowed: a number from 0.2 to 10")
        return {"fps": float(fps)}

    def claims(self, address: str) -> bool:
        return address.startswith(SCHEMES)

    def public(self, address: str) -> str:
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def open(self, opening: SourceContext) -> CameraConnection:
        return _SnapshotConnection(opening, self.public(opening.address), self.settings(opening.options)["fps"])


class _SnapshotConnection:
    def __init__(self, opening: SourceContext, public: str, fps: float) -> None:
        self._address, self._public = urlsplit(opening.address.removeprefix("snapshot+")), public
        self._clock, self._fps = opening.clock, fps
        first = self._fetch()
        self._size = first.shape[:2]
        self._encoder = Encoder(first.shape[1], first.shape[0], fps)
        self._begun_s, self._frames = self._clock.mono_s(), 1
        self._ready = deque(self._encoder.encode(first, 0))

    @property
    def notes(self) -> Mapping[str, Any]:
        return {"fps": self._fps, "encoder": self._encoder.name}

    def read(self) -> SourcePacket | IdleUntil:
        if self._ready:
            return self._ready.popleft()
        past_s = self._clock.mono_s() - self._begun_s
        wait_s = self._frames / self._fps - past_s
        if wait_s > 1e-6:
            return IdleUntil(wait_s)
        if wait_s < -LATE_S:
            self._frames = int(past_s * self._fps)
        picture = self._fetch()
        if picture.shape[:2] != self._size:
            raise SourceClosed(self._public, "its pictures have another size now")
        self._ready.extend(self._encoder.encode(picture, round(self._frames * VIDEO_RATE / self._fps)))
        self._frames += 1
        return self._ready.popleft() if self._ready else IdleUntil(0.0)

    def close(self) -> None:
        self._ready.clear()
        self._encoder.close()

    def _fetch(self) -> Any:
        """Return a snapshot, uint8 [height, width, 3], RGB, of even size. Raises SourceError without secrets."""
        kind = http.client.HTTPSConnection if self._address.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._address.hostname or "", self._address.port, timeout=TIMEOUT_S)
        path = (self._address.path or "/") + (f"?{self._address.query}" if self._address.query else "")
        try:
            connection.request("GET", path, headers=self._login())
            answer = connection.getresponse()
            data = answer.read(MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise SourceUnreachable(self._public, type(error).__name__) from None  # its text may contain secrets
        finally:
            connection.close()
        if answer.status in (401, 403):
            raise SourceRefused(self._public)
        if answer.status != 200:
            raise SourceNotFound(self._public, f"it responded with {answer.status}")
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if picture is None:
            raise SourceUnusable(self._public, "the response is no picture")
        height, width = (length // 2 * 2 for length in picture.shape[:2])
        return np.ascontiguousarray(picture[:height, :width, ::-1])

    def _login(self) -> dict[str, str]:
        if not self._address.username:
            return {}
        words = f"{unquote(self._address.username)}:{unquote(self._address.password or '')}"
        return {"Authorization": f"Basic {base64.b64encode(words.encode()).decode()}"}
