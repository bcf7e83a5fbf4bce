"""RTSP authentication with access tokens."""

import asyncio

from tawny.api.auth.audit_counts import ACCESS_REFUSED
from tawny.api.context import AppContext
from tawny.api.live.follow import showing
from tawny.live.follow_stream import FollowStream
from tawny.model.ids import CameraId


class PassAuthenticator:
    """A `live.rtsp_server.session.RtspAuthenticator`. User name: a token's ID; password: its secret."""

    def __init__(self, site: AppContext) -> None:
        self._site, self._passes = site, site.passes

    async def digest_of(self, user: str) -> str | None:
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
        here = self._site.of_person(holder)
        return here.follows.of(here) if showing(here) else None
