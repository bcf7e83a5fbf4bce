"""Streaming of recordings with continuous access checks, however slow the connection is."""

from base64 import b64encode
from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Send

from tawny.api.auth.access import has_ended
from tawny.api.context import the_site
from tawny.playback.segment_player import SegmentPlayback

LOOK_S = 4.0
PART_BYTES = 1 << 16
"""Bytes passed to the network at once, as they cannot be taken back."""


class GuardedStreamingResponse(StreamingResponse):
    """Aborts the response when access ends; the client detects the truncation."""

    def __init__(
        self, request: Request, data: Iterator[bytes], status_code: int, headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(data, status_code, headers, media_type)
        self._request, self._clock = request, the_site(request).recorder.clock

    async def stream_response(self, send: Send) -> None:
        looked_s = self._clock.mono_s()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self.body_iterator:
            assert isinstance(piece, bytes)
            for begin in range(0, len(piece), PART_BYTES):
                if self._clock.mono_s() - looked_s >= LOOK_S:
                    looked_s = self._clock.mono_s()
                    if await has_ended(self._request):
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
