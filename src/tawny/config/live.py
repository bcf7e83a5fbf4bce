"""How live pictures reach browsers outside: the settings' table `live`."""

import ipaddress
import re

from pydantic import Field, field_validator, model_validator

from tawny.config.keeping import Table

_STUN = re.compile(r"stuns?:[^\s?]+")
_TURN = re.compile(r"turns?:[^\s?]+(\?transport=(udp|tcp))?")


class Turn(Table):
    """A TURN server, which passes packets on where nothing else gets through."""

    url: str = Field(description="`turn:HOST:3478`, `turn:HOST:3478?transport=tcp` or `turns:HOST:5349?transport=tcp`.")
    secret: str = Field("", description="A server of your own: coturn's `static-auth-secret`; logins last an hour.")
    user: str = Field("", description="A hosted service: the name it gave you.")
    password: str = Field("", description="And the password.")

    @field_validator("url")
    @classmethod
    def _turn(cls, text: str) -> str:
        if not _TURN.fullmatch(text):
            raise ValueError("turn:HOST:PORT, with ?transport=tcp for TCP")
        return text

    @model_validator(mode="after")
    def _one_login(self) -> "Turn":
        if bool(self.secret) == bool(self.user):
            raise ValueError("either `secret`, or `user` and `password`")
        return self


class Live(Table):
    """Live pictures in browsers. All of it can be left as it is; docs/live.md tells when not to."""

    webrtc: bool = Field(
        default=True, description="Offer WebRTC: the least delay, and what gets through to you from outside."
    )
    port: int = Field(0, ge=0, le=65_535, description="Its port, UDP and TCP, for your router. 0: any that is free.")
    listen: str = Field("", description="The address it listens on. Empty: that of the interface.")
    addresses: tuple[str, ...] = Field((), description="Addresses that this computer has outside, if its port is open.")
    stun: tuple[str, ...] = Field((), description="STUN servers, `stun:HOST:3478`. None is asked unless set here.")
    turn: tuple[Turn, ...] = Field((), description="TURN servers.")

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
