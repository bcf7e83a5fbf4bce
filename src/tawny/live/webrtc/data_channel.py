"""WebRTC data channels (RFC 8831) over the connection's existing DTLS."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, cast

from aiortc import RTCDataChannel, RTCSctpTransport
from aiortc.rtcdtlstransport import RTCDtlsTransport

log = logging.getLogger(__name__)
_TAKES = "_handle_data"
Hear = Callable[[str, str], None]
"""Called with a channel's label and a received text message."""


def deaf(label: str, text: str) -> None:
    """Ignore the message."""


class _Below:
    """Adapter with the DTLS transport interface that aiortc's SCTP requires."""

    state = "connected"
    _role = "server"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self.take: Callable[[bytes], Coroutine[Any, Any, None]] | None = None

    def _register_data_receiver(self, receiver: object) -> None:
        self.take = getattr(receiver, _TAKES)

    def _unregister_data_receiver(self, receiver: object) -> None:
        self.take = None

    async def _send_data(self, data: bytes) -> None:
        self._send(data)


class DataChannels:
    """The data channels opened by the viewer. send: transmits data over DTLS."""

    def __init__(self, send: Callable[[bytes], None], hear: Hear) -> None:
        self._below = _Below(send)
        self._hear = hear
        self._sctp = RTCSctpTransport(cast(RTCDtlsTransport, self._below))
        self._sctp.on("datachannel", self._opened)
        self._open: dict[str, RTCDataChannel] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, remote_port: int) -> None:
        self._do(self._sctp.start(None, remote_port))

    def take(self, data: bytes) -> None:
        if self._below.take is not None:
            self._do(self._below.take(data))

    def tell(self, label: str, text: str) -> bool:
        """Send a text message. Return False if the channel is not open."""
        channel = self._open.get(label)
        if channel is None or channel.readyState != "open":
            return False
        channel.send(text)
        return True

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        if self._sctp.state == "connected":
            await self._sctp.stop()

    def _opened(self, channel: RTCDataChannel) -> None:
        self._open[channel.label] = channel
        channel.on("message", lambda said: self._hear(channel.label, said) if isinstance(said, str) else None)

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
