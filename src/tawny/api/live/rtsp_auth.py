"""Who is let in by RTSP: whoever holds a pass, to the cameras that it is for."""

import asyncio

from tawny.api.context import AppContext
from tawny.api.live.follow import showing
from tawny.live.follow_stream import FollowStream
from tawny.model.ids import CameraId


class PassAuthenticator:
    """`live.rtsp_server.session.RtspAuthenticator`. The user is a pass's id, the password its secret."""

    def __init__(self, site: AppContext) -> None:
        self._site, self._passes = site, site.passes

    async def digest_of(self, user: str) -> str | None:
        return await asyncio.to_thread(self._passes.digest_of, user)

    async def may_see(self, user: str, camera: CameraId) -> bool:
        holder = await asyncio.to_thread(self._passes.person, user)
        return holder is not None and holder.may_see(camera)

    async def followed(self, user: str) -> FollowStream | None:
        holder = await asyncio.to_thread(self._passes.person, user)
        if holder is None:
            return None
        here = self._site.of_person(holder)
        return here.follows.of(here) if showing(here) else None
