"""RTSP server in an existing event loop."""

import asyncio
import errno

from tawny.live.rtsp_server.messages import MOST_HEAD_BYTES
from tawny.live.rtsp_server.session import ServerContext, ServerSession
from tawny.model.errors import NotDone, PortInUse

MOST_PLAYERS = 64


class RtspServer:
    """Call `start` once and `stop` once, both in the serving event loop."""

    def __init__(self, house: ServerContext, host: str, port: int) -> None:
        """port 0: any free port."""
        self._house, self._host, self._port = house, host, port
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Return `host:port`, for example `127.0.0.1:8554`. Valid after `start`."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def start(self) -> None:
        """Start listening. Raises PortInUse or NotDone."""
        try:
            self._server = await asyncio.start_server(self._accept, self._host, self._port, limit=MOST_HEAD_BYTES)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(self.address) from error
            what = f"Can't listen for RTSP on {self.address}: {error.strerror}."
            raise NotDone(what, "Choose another address in `web.rtsp`, for example 0.0.0.0:8554.") from error
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._talks) >= MOST_PLAYERS:
            writer.close()
            return
        task = asyncio.create_task(ServerSession(self._house, reader, writer).run())
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)
