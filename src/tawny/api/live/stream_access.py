"""Access to live streams: which one a session gets, whether it must be masked, and sign-in by RTSP.

Pages of signed-in users draw privacy masks themselves. Programs with an access token cannot, so they get video that is
re-encoded with masks.
"""

import asyncio

from tawny.api.auth.accounts import LoginSession, Role
from tawny.api.auth.audit_counts import ACCESS_REFUSED
from tawny.api.client_address import is_loopback
from tawny.api.context import AppContext
from tawny.api.live.follow import showing
from tawny.live.follow_stream import FollowStream
from tawny.live.stream_choice import StreamChoice, choose_stream
from tawny.model.ids import CameraId


def stream_for_session(
    context: AppContext, session: LoginSession, camera: CameraId, stream: str, can: list[str]
) -> StreamChoice | None:
    """Return the stream to send; None if the camera does not exist."""
    choice = choose_stream(context.hubs(camera), stream, can, context.recorder.clock.now_ms())
    return choice.covered() if choice and is_program(session) else choice


def gets_masked_stream(context: AppContext, session: LoginSession, camera: CameraId) -> bool:
    """Return whether this session must receive the stream with privacy masks."""
    return is_program(session) and any(hub.private for hub in context.hubs(camera).values())


def sees_unmasked(session: LoginSession, choice: StreamChoice) -> bool:
    """Return whether the session receives unmasked video although masks have been added: its connection must end."""
    return is_program(session) and choice.is_bare


def is_program(session: LoginSession) -> bool:
    return session.person.role is Role.HOLDER


# RTSP authentication with access tokens.


class PassAuthenticator:
    """A `live.rtsp_server.session.RtspAuthenticator`. User name: a token's ID; password: its secret."""

    def __init__(self, site: AppContext) -> None:
        self._site, self._passes = site, site.passes

    async def digest_of(self, user: str, address: str) -> str | None:
        if not is_loopback(address) and not await self._site.owner.look():
            return None  # a recorder without an owner shows nothing to other computers
        return await asyncio.to_thread(self._passes.digest_of, user)

    async def may_see(self, user: str, camera: CameraId) -> bool:
        holder = await asyncio.to_thread(self._passes.person, user)
        return holder is not None and holder.may_see(camera)

    def refused(self, user: str, address: str) -> None:
        self._site.accounts.counts.count(ACCESS_REFUSED, user, address)

    async def followed(self, user: str) -> FollowStream | None:
        holder = await asyncio.to_thread(self._passes.person, user)
        if holder is None:
            return None
        context = self._site.of_person(holder)
        return context.follows.of(context) if showing(context) else None
