"""An RTSP camera for tests: serves a clip in a loop, records what it sent, and simulates faults at run time.

Runs in one thread with its own asyncio loop; call all methods from any thread. Each viewer gets the clip from its
start, at its rate times the setup's `speed`.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tawny.testing.clips import SampleClip
from tawny.testing.rtsp_session import FakeRtspSession
from tawny.testing.rtsp_viewer import CameraFaults, CameraSetup, FakeRtspViewer

_ANSWER_S = 5.0
_LET_IN_S = 0.02
"""Delay after which connections accepted at the last moment can be dropped, s."""


class RtspCamera:
    """A context manager: listens on its host while active; leaves no thread. host: one of this computer's own."""

    def __init__(self, clip: SampleClip, setup: CameraSetup | None = None, host: str = "127.0.0.1") -> None:
        self.host = host
        self.clip = clip
        """The clip; a replacement is played from its start after the current unit."""
        self.setup = setup or CameraSetup()
        self.faults = CameraFaults()
        self.viewers: list[FakeRtspViewer] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._talks: set[FakeRtspSession] = set()
        self._thread = threading.Thread(target=self._run, name="rtsp-camera", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._shut)
        self._do(self._clear)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        """URL, with login if required."""
        user, password = quote(self.setup.user, safe=""), quote(self.setup.password, safe="")
        login = f"{user}:{password}@" if self.setup.login else ""
        return f"rtsp://{login}{self.host}:{self.port}/stream"

    @property
    def playing(self) -> list[FakeRtspViewer]:
        """All viewers that were ever sent media, in order."""
        return [viewer for viewer in self.viewers if viewer.is_playing]

    def kick(self) -> None:
        """Reset all connections (RST)."""
        self._do(lambda: self._drop(reset=True))

    def hang_up(self) -> None:
        """Close all connections (FIN)."""
        self._do(lambda: self._drop(reset=False))

    def down(self) -> None:
        """Go offline: stop listening, reset all connections."""
        self._do(self._shut)

    def up(self) -> None:
        """Go online again on the same port."""
        self._do(self._listen)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(do(), self._loop).result(_ANSWER_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._drop(reset=True)

    async def _clear(self) -> None:
        await asyncio.sleep(_LET_IN_S)
        await self._drop(reset=True)

    async def _drop(self, *, reset: bool) -> None:
        talks = list(self._talks)
        for talk in talks:
            talk.end("reset" if reset else "hung up", reset=reset)
        for talk in talks:
            await talk.over.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        viewer = FakeRtspViewer()
        self.viewers.append(viewer)
        talk = FakeRtspSession(self, viewer, reader, writer)
        self._talks.add(talk)
        try:
            await talk.run()
        finally:
            self._talks.discard(talk)
