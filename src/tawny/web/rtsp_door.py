"""Who is let in by RTSP: whoever holds a pass, to the cameras that it is for."""

import asyncio

from tawny.model.ids import CameraId
from tawny.web.passes import Passes


class RtspDoor:
    """`live.rtsp.talk.Doorman`. The user is a pass's id, the password its secret."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes

    async def digest_of(self, user: str) -> str | None:
        return await asyncio.to_thread(self._passes.digest_of, user)

    async def may_see(self, user: str, camera: CameraId) -> bool:
        holder = await asyncio.to_thread(self._passes.person, user)
        return holder is not None and holder.may_see(camera)
