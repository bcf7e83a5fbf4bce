"""Changes that arrive twice or too late, over lines that break: each is made once, or not at all.

A browser sends a request again when its connection is reset before the answer, also one that creates something. Pages
therefore send a random key with each change: the second request gets the answer to the first. They also say until when
it must arrive. What arrives later, because a dead line came back, isn't carried out: the user may have been informed
that it failed, and may have chosen something else since. Where a request without a session uses up what works once,
such as an invitation, its key alone shows that the same browser sends it again.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tawny.api.auth.access import SAFE, find_session
from tawny.api.errors import RequestRefused, as_answer
from tawny.api.request_handling import STREAMED, USED_UP, in_worker
from tawny.model.errors import StorageError
from tawny.model.system_limits import limit_reached

log = logging.getLogger(__name__)
KEY: Final = "idempotency-key"
"""The header as the IETF's draft has it."""
UNTIL: Final = "x-tawny-until"
"""Until when the change must arrive, by the recorder's clock, ms UTC."""
KEPT_S: Final = 300.0
MOST_KEPT: Final = 256
MOST_KEPT_BYTES: Final = 64 * 1024
"""Of one answer; a larger one isn't kept."""
ONCE: Final = frozenset(
    {
        "/api/v1/setup/claim",
        "/api/v1/setup/restore",
        "/api/v1/sign-in/code",
        "/api/v1/sign-in/link",
        "/api/v1/sign-in/passkey",
        "/api/v1/sign-in/second-step",
        "/api/v1/sign-in/second-step/setup",
        "/api/v1/phone/join",
        "/api/v1/address-check/open",
    }
)
"""Public routes that succeed once for each link, code or challenge: strangers can't fill the memory with answers."""
ONCE_KEPT_S: Final = 60.0
"""Their answers have a new session's secret, so they are forgotten sooner."""
LEAST_KEY: Final = 24
"""Length of a key, with its quotes, that can't be guessed. Shorter ones get no answer of these routes again."""
_ANYONE: Final = b"anyone"
_DIGITS: Final = 15
LATE: Final = RequestRefused(409, "arrived_late", "This request arrived too late and wasn't carried out.", "Try again.")


class RepeatedRequests:
    """ASGI middleware, below the security headers. Keeps answers in memory, by session, request and key.

    Requests of ONCE have no session: it may begin or end with them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: dict[bytes, asyncio.Event] = {}
        """Changes in progress; the event is set when one ends."""
        self._kept: OrderedDict[bytes, tuple[float, list[Message]]] = OrderedDict()
        """Answers, and until when they are kept, oldest first. A failed change has none: its repetition makes it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return
        key = Headers(scope=scope).get(KEY, "")
        try:
            session = await _sender(scope, key)
        except RequestRefused as refused:
            await as_answer(refused)(scope, receive, send)
            return
        if not session:
            await self._answer_in_time(scope, receive, send)
            return
        first = await receive()
        pending = [first]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        name = _name(scope, session, key, first.get("body", b""))
        while (running := self._running.get(name)) is not None:
            await running.wait()
        self._drop_old(scope["app"].state.site.recorder.clock.mono_s())
        if name in self._kept:  # also where it is late: the first one was made in time
            log.info("answered a repeated request as before: %s %s", scope["method"], scope["path"])
            for message in self._kept[name][1]:
                await send({**message})
            return
        await self._make(name, scope, replay, send)

    async def _answer_in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, unless the request came too late."""
        until = Headers(scope=scope).get(UNTIL, "")
        now_ms = scope["app"].state.site.recorder.clock.now_ms()
        is_late = until.isdecimal() and len(until) <= _DIGITS and int(until) < now_ms
        await (as_answer(LATE) if is_late else self._app)(scope, receive, send)

    async def _make(self, name: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and keep the answer if the change was made."""
        ended = self._running[name] = asyncio.Event()
        received: list[Message] = []

        async def send_and_keep(message: Message) -> None:
            if sum(len(one.get("body", b"")) for one in received) <= MOST_KEPT_BYTES:
                received.append({**message})
            if not message.get("more_body", False) and _is_kept(scope, received):
                now_s = scope["app"].state.site.recorder.clock.mono_s()
                kept_s = ONCE_KEPT_S if scope["path"] in ONCE else KEPT_S
                self._kept[name] = (now_s + kept_s, received)
                # also where no other change comes: it may have a session's secret
                asyncio.get_running_loop().call_later(kept_s, self._kept.pop, name, None)
                self._drop_old(now_s)
            await send(message)

        try:
            await self._answer_in_time(scope, receive, send_and_keep)
        finally:
            del self._running[name]
            ended.set()

    def _drop_old(self, now_s: float) -> None:
        for name in [name for name, (until_s, _) in self._kept.items() if until_s < now_s]:
            del self._kept[name]
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def _is_kept(scope: Scope, messages: list[Message]) -> bool:
    """Return whether this is a whole answer that something was done, or used up."""
    is_whole = messages[-1]["type"] == "http.response.body" and not messages[-1].get("more_body", False)
    size_bytes = sum(len(one.get("body", b"")) for one in messages)
    is_done = 200 <= messages[0]["status"] < 300 or scope.get("state", {}).get(USED_UP, False)
    return is_whole and is_done and size_bytes <= MOST_KEPT_BYTES


def _name(scope: Scope, session: bytes, key: str, body: bytes) -> bytes:
    """Return what two requests share of which one repeats the other."""
    address = scope.get("raw_path") or scope["path"].encode()
    parts = (session.hex().encode(), scope["method"].encode(), address, scope["query_string"], key.encode(), body)
    return hashlib.sha256(b"\0".join(parts)).digest()


async def _sender(scope: Scope, key: str) -> bytes:
    """Return the key of the signed-in session; empty without one. Its rights are the business of the route's rule.

    Raises RequestRefused: the system gives no thread to look.
    """
    if not key or (scope["method"], scope["path"]) in STREAMED:
        return b""
    if scope["path"] in ONCE and len(key) >= LEAST_KEY:
        return _ANYONE
    try:
        session = await in_worker(find_session, HTTPConnection(scope))
    except StorageError:  # the route's rule says so
        return b""
    except (RuntimeError, MemoryError) as error:
        if (reached := limit_reached(error)) is None:
            raise
        raise RequestRefused(503, reached.code, reached.message, reached.do) from error
    return session.key if session is not None else b""
