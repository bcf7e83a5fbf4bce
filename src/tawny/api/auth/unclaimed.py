"""A recorder without an owner answers only its setup page, and only who has the setup link can create the account.

This computer itself is as before: who is signed in to it could also read the recordings.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tawny.api.errors import RequestRefused, as_answer
from tawny.api.request_handling import BY_HUB, is_local
from tawny.fleet.message_link import LINE_PATH
from tawny.fleet.standby_server import STANDBY_PATH
from tawny.model.errors import StorageError

if TYPE_CHECKING:
    from tawny.api.auth.accounts import Accounts
    from tawny.api.context import AppContext

log = logging.getLogger(__name__)
SETUP_PAGE: Final = "/setup"
ANSWERED: Final = frozenset(
    {
        ("GET", SETUP_PAGE),
        ("HEAD", SETUP_PAGE),
        ("GET", "/api/v1/session"),
        ("POST", "/api/v1/setup/claim"),
        ("POST", "/api/v1/setup/restore/file"),
        ("POST", "/api/v1/setup/restore"),
    }
)
"""Requests of other computers that are answered before there is an owner, in addition to the files of the page."""
NOT_SET_UP: Final = RequestRefused(
    403, "not_set_up", "This recorder isn't set up yet.",
    "Open the setup link that tawny has printed, or run `tawny setup-link` on the recorder for a new one.",
)  # fmt: skip
_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>tawny</title>
<meta name="viewport" content="width=device-width"><h1>This recorder isn't set up yet</h1>
<p>Open the setup link that tawny printed when it started, or scan its QR code. The link works once, for 30 minutes.</p>
<p>For a new one, run this command on the recorder:</p><pre>tawny setup-link</pre></html>
"""


class OwnerWatch:
    """Whether there is an owner. Once there is one, no request asks again. Single event loop."""

    def __init__(self, accounts: "Accounts") -> None:
        self._accounts = accounts
        self.has_owner = False

    async def look(self) -> bool:
        """Return whether there is an owner. Raises StorageError."""
        if not self.has_owner:
            self.has_owner = await asyncio.to_thread(self._accounts.has_owner)
        return self.has_owner


class UnclaimedGate:
    """ASGI middleware: refuses what other computers ask of a recorder without an owner."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        site: AppContext = scope["app"].state.site
        if site.owner.has_owner or _is_answered(scope, site) or await _is_claimed(site):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it opens: answered with 403
        else:
            await _refusal(scope)(scope, receive, send)


def _is_answered(scope: Scope, site: "AppContext") -> bool:
    if is_local(HTTPConnection(scope)) or BY_HUB in scope.get("state", {}):
        return True  # the owner of its folder let this recorder join a hub
    if scope["type"] != "http":
        return scope["path"] in (LINE_PATH, STANDBY_PATH)  # recorders prove their key or the code of their link there
    method, path = scope["method"], scope["path"]
    is_file = method in ("GET", "HEAD") and path != "/index.html" and path[1:] in site.interface.files
    is_language = method == "GET" and path.startswith("/api/v1/languages")
    return is_file or is_language or (method, path) in ANSWERED


async def _is_claimed(site: "AppContext") -> bool:
    try:
        return await site.owner.look()
    except StorageError as error:
        log.warning("cannot read the accounts: %s", error)
        return False


def _refusal(scope: Scope) -> Response:
    if scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get("accept", ""):
        return HTMLResponse(_PAGE, NOT_SET_UP.status)
    return as_answer(NOT_SET_UP)
