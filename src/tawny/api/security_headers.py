"""ASGI middleware: security headers on every response, and limits on request addresses and bodies."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tawny.api.errors import MOST_ADDRESS_BYTES, address_too_long, answer, as_answer

MOST_BODY_BYTES = 64 * 1024
STREAMED = frozenset({("PUT", "/api/v1/inbox/file")})
"""Routes with a file as body, streamed by the route within the token's quota."""
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; style-src 'self'; "
    "script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

FRAMED = "frame-ancestors *"
"""In the policy of responses that may be framed by other sites."""
OF_FRAMES = frozenset({"Content-Security-Policy", "X-Frame-Options", "Cross-Origin-Resource-Policy"})
"""Headers that such a response sets itself."""
UNLOCKED = "unlocked"
"""Request state: the session has unlocked encrypted recordings, so nothing may be cached."""


class SecurityHeadersMiddleware:
    """ASGI middleware. Keeps a response's own Cache-Control; the default is `no-store`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_too_long(scope):
            await as_answer(address_too_long())(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        scope.setdefault("state", {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                may_be_framed = FRAMED in headers.get("Content-Security-Policy", "")
                for name, value in HEADERS.items():
                    if not (may_be_framed and name in OF_FRAMES):
                        headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                if scope["state"].get(UNLOCKED):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        body = await _body_within(scope, receive)
        if body is None:
            refused = answer(413, "too_large", "This request is too large.", "Send less at once.")
            await refused(scope, receive, send_with_headers)
        else:
            await self._app(scope, body, send_with_headers)


def _is_too_long(scope: Scope) -> bool:
    path = scope.get("raw_path") or scope.get("path", "").encode()
    return len(path) + len(scope.get("query_string", b"")) > MOST_ADDRESS_BYTES


async def _body_within(scope: Scope, receive: Receive) -> Receive | None:
    """Return the request with its body buffered; None if the body exceeds MOST_BODY_BYTES."""
    if scope["method"] in ("GET", "HEAD") or (scope["method"], scope["path"]) in STREAMED:
        return receive
    parts: list[bytes] = []
    size_bytes, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return receive  # the client disconnected
        parts.append(message.get("body", b""))
        size_bytes += len(parts[-1])
        more = message.get("more_body", False)
        if size_bytes > MOST_BODY_BYTES:
            return None
    pending: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
