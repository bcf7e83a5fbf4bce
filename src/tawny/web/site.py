"""What all routes share: the recorder, the accounts, and what is kept between requests."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends
from starlette.requests import HTTPConnection

from tawny.live.pictures import Pictures
from tawny.live.viewer import Viewers
from tawny.playback.clip import Clips
from tawny.playback.frames import Frames
from tawny.web.accounts import Accounts
from tawny.web.attempts import Attempts
from tawny.web.health import HealthDesk
from tawny.web.interface import Interface
from tawny.web.passwords import Passwords
from tawny.web.recorder import Recorder

AT_ONCE = 2
"""Pictures decoded, and clips cut, side by side: a flood of them must not keep other requests from their threads."""


@dataclass
class Site:
    """Made once an application."""

    recorder: Recorder
    accounts: Accounts
    interface: Interface
    passwords: Passwords = field(default_factory=Passwords)
    metrics_token: str = ""

    def __post_init__(self) -> None:
        self.attempts = Attempts(self.recorder.clock)
        self.viewers = Viewers(self.recorder.watched)
        self.pictures = Pictures()
        self.frames = Frames(self.recorder)
        self.clips = Clips(self.recorder)
        self.decoding, self.cutting = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)
        self.health = HealthDesk(self.recorder)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.recorder.zone)


def the_site(connection: HTTPConnection) -> Site:
    site: Site = connection.app.state.site
    return site


Here = Annotated[Site, Depends(the_site)]
