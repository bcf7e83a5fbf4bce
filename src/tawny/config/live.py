"""Settings of live view in browsers: the table `live`."""

import ipaddress
import re

from pydantic import Field, field_validator, model_validator

from tawny.config.retention import Table

_STUN = re.compile(r"stuns?:[^\s?]+")
_TURN = re.compile(r"turns?:[^\s?]+(\?transport=(udp|tcp))?")


class TurnServerSettings(Table):
    """A TURN server, used when no direct connection is possible."""

    url: str = Field(
        description="For example `turn:HOST:3478`, `turn:HOST:3478?transport=tcp` or `turns:HOST:5349?transport=tcp`."
    )
    secret: str = Field(
        "", description="For your own server: coturn's `static-auth-secret`. Credentials are valid for one hour."
    )
    user: str = Field("", description="For a hosted service: your user name.")
    password: str = Field("", description="For a hosted service: your password.")

    @field_validator("url")
    @classmethod
    def _turn(cls, text: str) -> str:
        if not _TURN.fullmatch(text):
            raise ValueError("turn:HOST:PORT, with ?transport=tcp for TCP")
        return text

    @model_validator(mode="after")
    def _one_login(self) -> "TurnServerSettings":
        if bool(self.secret) == bool(self.user):
            raise ValueError("either `secret`, or `user` and `password`")
        return self


class LiveSettings(Table):
    """Live video in browsers. The defaults suit most networks; see docs/how-to/remote-access.md for others."""

    webrtc: bool = Field(default=True, description="Offer WebRTC: lowest latency, and works through most firewalls.")
    port: int = Field(
        0, ge=0, le=65_535, description="WebRTC port (UDP and TCP) to forward in your router. 0: any free port."
    )
    listen: str = Field("", description="Address WebRTC listens on. Empty: same as the web interface.")
    addresses: tuple[str, ...] = Field((), description="Public addresses of this computer, if the port is forwarded.")
    stun: tuple[str, ...] = Field(
        (), description="STUN servers, for example `stun:HOST:3478`. None is contacted unless set here."
    )
    turn: tuple[TurnServerSettings, ...] = Field((), description="TURN servers.")

    @field_validator("addresses")
    @classmethod
    def _are_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for text in addresses:
            ipaddress.ip_address(text)
        return addresses

    @field_validator("stun")
    @classmethod
    def _are_stun(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_STUN.fullmatch(url) for url in urls):
            raise ValueError("stun:HOST:PORT")
        return urls
