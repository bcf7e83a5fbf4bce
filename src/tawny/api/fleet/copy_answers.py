"""Answers requests for a box from its copies on this hub, by the same routes that answer for a running recorder.

`/boxes/NAME/…` is answered so while the box is offline; `/boxes/NAME--copies/…` always, also for what the box no longer
has. Only reading is possible, with the rights of who asks here, and as far as the box's owner allowed it last. The
hub's owner, who has the files, may read all of it.
"""

import asyncio
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from tawny.api.auth.accounts import LoginSession, Role
from tawny.api.context import AppContext
from tawny.api.errors import not_found
from tawny.api.fleet.allowed_requests import is_of_copies
from tawny.api.fleet.box_requests import refusal
from tawny.api.request_handling import BY_HUB, COPIED
from tawny.fleet.copy_store import CopiedBox
from tawny.service.copied_recorder import CopiedRecorder

MARK: Final = "--copies"
"""End of the name of a recorder's copies in addresses. No recorder's name has two hyphens."""
_SESSION: Final = "/api/v1/session"


class CopiesResponse(Response):
    """The answer of this application about the copies of a box."""

    def __init__(self, box: str, copied: CopiedRecorder, signed: LoginSession) -> None:
        super().__init__()
        self._box, self._copied, self._signed = box, copied, signed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"](_about_copies(scope, self._box, self._copied, self._signed), receive, send)


async def serve_socket(socket: WebSocket, box: str, copied: CopiedRecorder, signed: LoginSession) -> None:
    """Serve a WebSocket about the copies of a box."""
    scope = socket.scope
    await scope["app"](_about_copies(scope, box, copied, signed), socket.receive, socket.send)


async def copies_for(
    connection: HTTPConnection, method: str, box: str, context: AppContext, signed: LoginSession
) -> CopiedRecorder | None:
    """Return the copies that answer a request; None: the box itself is to be asked. Raises RequestRefused.

    here: of a hub.
    """
    hub, folder, is_for_copies = context.hub, box.removesuffix(MARK), box.endswith(MARK)
    assert hub is not None
    if not is_for_copies and hub.is_online(box):
        return None
    found = context.copies.store.find(folder) if context.copies is not None else None
    path = unquote(_path(connection.scope, box))
    if found is None or not is_of_copies(method, path):
        if is_for_copies:
            raise not_found("Copies have no such thing.", "Open the recorder itself.")
        return None
    known = await asyncio.to_thread(hub.index.box_of, bytes.fromhex(found.state.key))
    is_same = known is not None and known.id == found.state.id
    if not is_same and not is_for_copies and folder in {one.id for one in await asyncio.to_thread(hub.index.boxes)}:
        return None  # these are of another recorder, which had this name before
    allow = known.allow if known is not None else await asyncio.to_thread(_last_allowed, found)
    refused = refusal(method, path, 0, frozenset(allow), signed.person.role.value)
    if refused is not None and signed.person.role is not Role.OWNER:
        raise refused

    def is_offline() -> bool:
        return not (is_same and hub.is_online(found.state.id))

    name = f"{found.state.name} (copies)"
    return await asyncio.to_thread(CopiedRecorder, found.copied, name, context.recorder.clock, is_offline)


def _last_allowed(found: CopiedBox) -> list[str]:
    """Return what the owner of a box that is no longer here allowed when it was copied."""
    answer = found.copied.notes.about().get("allow")
    return [str(one) for one in answer] if isinstance(answer, list) else []


def _path(scope: Scope, box: str) -> str:
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    return str(path).removeprefix(f"/boxes/{box}")


def _about_copies(scope: Scope, box: str, copied: CopiedRecorder, signed: LoginSession) -> Scope:
    """Return the request as it would be asked of the box itself, in the name of the signed-in user."""
    path = _path(scope, box)
    made = {name: value for name, value in scope.items() if name not in ("path_params", "route", "endpoint", "router")}
    made |= {"path": unquote(path), "raw_path": path.encode("latin-1"), "root_path": ""}
    if path == _SESSION and signed.person.role in (Role.OWNER, Role.MEMBER):
        signed = replace(signed, person=replace(signed.person, role=Role.VIEWER))  # pages then offer no changes
    made["state"] = {BY_HUB: signed, COPIED: copied}
    return made
