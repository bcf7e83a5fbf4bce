"""Changes that arrive twice or too late, over lines that break: each is made once, or not at all.

A browser sends a request again when its connection is reset before the answer, also one that creates something. Pages
therefore send a random key with each change: the second request gets the answer to the first. They also say until when
they wait for the answer. What arrives later, because a dead line came back, isn't carried out: the user was informed
that it failed, and may have chosen something else since.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tawny.api.auth.access import SAFE, find_session
from tawny.api.errors import RequestRefused, as_answer
from tawny.api.request_handling import STREAMED, in_worker
from tawny.model.errors import StorageError

if TYPE_CHECKING:
    from tawny.api.context import AppContext

log = logging.getLogger(__name__)
KEY: Final = "idempotency-key"
"""The header as the IETF's draft has it."""
UNTIL: Final = "x-tawny-until"
"""When the page stops waiting, by the recorder's clock, ms UTC."""
KEPT_S: Final = 300.0
MOST_KEPT: Final = 256
MOST_KEPT_BYTES: Final = 64 * 1024
"""Of one answer; a larger one isn't kept."""
_DIGITS: Final = 15
TOO_LATE: Final = RequestRefused(409, "too_late", "This request arrived too late and wasn't carried out.", "Try again.")


@dataclass(eq=False)
class _Change:
    """A change that is being made, then its answer. Invariant: `answer` is set when `done` is."""

    begun_s: float
    done: asyncio.Event = field(default_factory=asyncio.Event)
    answer: list[Message] = field(default_factory=list)
    """Empty: it failed, so a repetition makes it."""


class RepeatedRequests:
    """ASGI middleware, the innermost. Keeps answers in memory, by session, request and key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._changes: OrderedDict[bytes, _Change] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return
        site: AppContext = scope["app"].state.site
        headers = Headers(scope=scope)
        until = headers.get(UNTIL, "")
        if until.isdecimal() and len(until) <= _DIGITS and int(until) < site.recorder.clock.now_ms():
            await as_answer(TOO_LATE)(scope, receive, send)
            return
        key = headers.get(KEY, "")
        session = await _session_key(scope) if key and (scope["method"], scope["path"]) not in STREAMED else b""
        if not session:
            await self._app(scope, receive, send)
            return
        first = await receive()
        pending = [first]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        name = _name(scope, session, key, first.get("body", b""))
        while (before := self._changes.get(name)) is not None:
            await before.done.wait()
            if before.answer:
                log.info("answered a repeated request as before: %s %s", scope["method"], scope["path"])
                for message in before.answer:
                    await send({**message})
                return
        await self._make(name, scope, replay, send)

    async def _make(self, name: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and keep the answer if the change was made."""
        now_s = scope["app"].state.site.recorder.clock.mono_s()
        while self._changes and (len(self._changes) >= MOST_KEPT or self._oldest_s < now_s - KEPT_S):
            self._changes.popitem(last=False)
        change = self._changes[name] = _Change(now_s)
        said: list[Message] = []

        async def send_and_keep(message: Message) -> None:
            if sum(len(one.get("body", b"")) for one in said) <= MOST_KEPT_BYTES:
                said.append({**message})
            if not message.get("more_body", False) and _is_kept(said):
                change.answer = said
            await send(message)

        try:
            await self._app(scope, receive, send_and_keep)
        finally:
            if not change.answer and self._changes.get(name) is change:
                del self._changes[name]
            change.done.set()

    @property
    def _oldest_s(self) -> float:
        return next(iter(self._changes.values())).begun_s


def _is_kept(said: list[Message]) -> bool:
    """Return whether this is a whole answer that something was done."""
    is_whole = said[-1]["type"] == "http.response.body" and not said[-1].get("more_body", False)
    size_bytes = sum(len(one.get("body", b"")) for one in said)
    return is_whole and 200 <= said[0]["status"] < 300 and size_bytes <= MOST_KEPT_BYTES


def _name(scope: Scope, session: bytes, key: str, body: bytes) -> bytes:
    """Return what two requests share of which one repeats the other."""
    address = scope.get("raw_path") or scope["path"].encode()
    parts = (session.hex().encode(), scope["method"].encode(), address, scope["query_string"], key.encode(), body)
    return hashlib.sha256(b"\0".join(parts)).digest()


async def _session_key(scope: Scope) -> bytes:
    """Return the key of the signed-in session; empty without one. Its rights are the business of the route's rule."""
    try:
        session = await in_worker(find_session, HTTPConnection(scope))
    except StorageError:  # the route's rule says so
        return b""
    return session.key if session is not None else b""
