"""Streaming with continuous access checks, however slow the connection is and however long nothing is sent."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterable, Callable, Iterable, Mapping

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Send

from tawny.api.auth.access import LOOK_S as RIGHTS_S
from tawny.api.auth.access import has_ended
from tawny.api.context import the_site
from tawny.playback.segment_player import SegmentPlayback

LOOK_S = RIGHTS_S
PART_BYTES = 1 << 16
"""Bytes passed to the network at once, as they cannot be taken back."""


class GuardedStreamingResponse(StreamingResponse):
    """Aborts the response when access ends; the client detects the truncation.

    is_there: returns whether what is sent still exists; called as often as access is checked.
    """

    def __init__(
        self,
        request: Request,
        data: Iterable[bytes] | AsyncIterable[bytes],
        status_code: int,
        headers: Mapping[str, str],
        media_type: str,
        is_there: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(data, status_code, headers, media_type)
        self._request, self._clock, self._is_there = request, the_site(request).recorder.clock, is_there

    async def stream_response(self, send: Send) -> None:
        """Send until the end, or until access ends, also while the client reads nothing or nothing is there to send."""
        tasks = [asyncio.create_task(self._send_all(send)), asyncio.create_task(self._await_end())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
                raise error

    async def _await_end(self) -> None:
        await asyncio.sleep(LOOK_S)
        while not await self._is_over():
            await asyncio.sleep(LOOK_S)

    async def _is_over(self) -> bool:
        return not await asyncio.to_thread(self._is_there) or await has_ended(self._request)

    async def _send_all(self, send: Send) -> None:
        looked_s = self._clock.mono_s()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self.body_iterator:
            assert isinstance(piece, bytes)
            for begin in range(0, len(piece), PART_BYTES):
                if self._clock.mono_s() - looked_s >= LOOK_S:
                    looked_s = self._clock.mono_s()
                    if await self._is_over():
                        return  # no final chunk: the server closes the connection
                part = piece[begin : begin + PART_BYTES]
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def stream_recording(request: Request, playing: SegmentPlayback, **told: str) -> GuardedStreamingResponse:
    """Return the response. `X-Start-Ms`: UTC of media time 0. told: additional headers."""
    headers = {"X-Start-Ms": str(playing.start_ms), "X-Codecs": playing.codecs, **told}
    if playing.size_bytes is not None:
        headers["Content-Length"] = str(playing.size_bytes)
    return GuardedStreamingResponse(request, playing.data, 200, headers, "video/mp4")


def wrapped_told(wrapped: bytes) -> dict[str, str]:
    """Return the header `X-Wrapped`: an encrypted file's key as in its day's key ring, for decryption in the page."""
    return {"X-Wrapped": b64encode(wrapped).decode()} if wrapped else {}
