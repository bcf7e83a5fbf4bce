"""Settings of several recorders: the tables `fleet` (this one has joined a hub), `hub` (it is one) and `standby`."""

import re
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from tawny.config.quantities import Duration, LocalPath, Size
from tawny.config.retention import Table
from tawny.config.secure import is_web_address, server_address, web_address

Share = Literal["health", "events", "live", "clips", "orders", "copies", "settings", "scans", "training", "updates"]
SHARES: Final[tuple[Share, ...]] = get_args(Share)
DEFAULT_SHARES: Final[tuple[Share, ...]] = ("health", "events", "live", "clips")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def is_nats_address(text: str) -> bool:
    """Return whether a text is the address of a NATS server. Passwords are settings of their own."""
    parts = server_address(text, ("nats", "tls"))
    return parts is not None and "@" not in parts.netloc and not (parts.path or parts.query or parts.fragment)


def _checked_nats(text: str) -> str:
    if text and not is_nats_address(text):
        raise ValueError("an address without password, for example nats://hub.example.org:4222 or tls://…")
    return text


def _checked_hub(text: str) -> str:
    if text and not is_web_address(text) and not is_nats_address(text):
        raise ValueError("an address, for example https://hub.example.org or nats://hub.example.org:4222")
    return text


class NatsLogin(Table):
    """How to sign in to a NATS server. Without any of these: by nothing."""

    user: str = Field("", description="User name at the NATS server.")
    password: str = Field("", description="Its password.")
    credentials: str = Field("", description="File with credentials (`.creds`) or the seed of an nkey, instead.")
    authority: str = Field(
        "", description="File with the authority of the NATS server's certificate (PEM). Empty: the system's."
    )

    @model_validator(mode="after")
    def _one_way(self) -> "NatsLogin":
        if bool(self.user) != bool(self.password) or (self.user and self.credentials):
            raise ValueError("either `user` and `password`, or `credentials`")
        return self


class HubNatsSettings(NatsLogin):
    """A NATS server through which recorders reach this hub, in addition to its own address."""

    address: Annotated[str, AfterValidator(_checked_nats)] = Field(
        "",
        description="NATS server to which this hub connects, for example nats://127.0.0.1:4222 or tls://…; needs "
        "`pip install 'tawny[fleet]'`. Empty: none.",
    )
    public_address: Annotated[str, AfterValidator(_checked_nats)] = Field(
        "", description="Address of the same server for other recorders, which links to join contain. Empty: `address`."
    )

    @property
    def link_address(self) -> str:
        """The address that other recorders use; empty: none."""
        return (self.public_address or self.address) if self.address else ""


class FleetSettings(Table):
    """The hub that this recorder has joined. Written by `tawny fleet join`."""

    hub: Annotated[str, AfterValidator(_checked_hub)] = Field(
        "",
        description="Address of the hub, for example https://hub.example.org, or of the NATS server through which it "
        "is reached, for example nats://hub.example.org:4222 or tls://…. Empty: none.",
    )
    hub_key: str = Field("", description="Fingerprint of the hub's key. This recorder connects to no other hub.")
    allow: tuple[Share, ...] = Field(
        DEFAULT_SHARES,
        description="What people at the hub may do here: see `health` and `events`, watch `live` video and `clips`, "
        "and give `orders` such as modes, PTZ and marks of events. Settings can't be changed from there. `copies`: the "
        "hub may copy recordings, and keeps them even if this recorder is lost. `settings`: owners and installers at "
        "the hub may read these settings, without secrets. `scans`: the hub may have recordings "
        "scanned here (`tawny scan --on boxes`), behind everything else that this computer does. `training`: the hub "
        "may take small gray images of events that people here labeled (`tawny kinds export --on boxes`). "
        "`updates`: the hub may start `updates.command` here.",
    )
    nats: NatsLogin = NatsLogin()

    @field_validator("hub_key")
    @classmethod
    def _check_key(cls, text: str) -> str:
        if text and not _KEY.fullmatch(text):
            raise ValueError("43 letters, digits, `-` or `_`, as `tawny fleet join` writes them")
        return text

    @model_validator(mode="after")
    def _knows_its_hub(self) -> "FleetSettings":
        if self.hub and not self.hub_key:
            raise ValueError("with `hub`: its key as `hub_key`; use `tawny fleet join LINK`")
        return self


class CopySettings(Table):
    """Recordings that a hub copies from other recorders that allow it (`copies` in their `fleet.allow`)."""

    recorder: str = Field("", description="Its ID in `tawny hub list`. Empty: every recorder that allows it.")
    cameras: tuple[str, ...] = Field((), description="IDs of its cameras. Empty: all.")
    streams: Literal["all", "main", "sub"] = Field("all", description="Streams to copy.")
    max: Annotated[Duration, Field(gt=0)] = Field(
        7 * 86_400.0,
        description="How long copies are kept while their recorder is in contact. Older recordings are not copied.",
    )
    max_size: Size = Field(
        50 * 1024**3, description="Space for the copies of one recorder; the oldest are deleted first."
    )
    max_kbit_s: int = Field(0, ge=0, description="Maximum rate of copying from one recorder, kbit/s. 0: no limit.")


class HubSettings(Table):
    """A hub shows other recorders on its page."""

    enabled: bool = Field(
        default=False, description="Let other recorders join this one, and show them on its page “Recorders”."
    )
    copies: tuple[CopySettings, ...] = Field(
        (), description="Recordings to copy from other recorders. Of several that match, the first applies."
    )
    copies_folder: LocalPath = Field(
        "", description="Folder for these copies, best on a disk of its own. Empty: `copies` in the data folder."
    )
    database: str = Field(
        "",
        description="PostgreSQL database of what this hub knows, for example `postgresql:///tawny`; needs "
        "`pip install 'tawny[fleet]'`. Empty: the file `hub.db`. `tawny hub migrate` moves from one to the other.",
    )
    nats: HubNatsSettings = HubNatsSettings()

    @field_validator("database")
    @classmethod
    def _check_database(cls, text: str) -> str:
        if text and not text.startswith(("postgresql://", "postgres://")):
            raise ValueError("an address such as `postgresql:///tawny`")
        return text


class StandbySettings(Table):
    """A second recorder that takes over the cameras of one that fails. Written by `tawny standby`."""

    enabled: bool = Field(
        default=False,
        description="Take over the cameras of recorders that have this one as their standby (`tawny standby link`).",
    )
    address: Annotated[str, web_address("http://192.168.1.6:8000")] = Field(
        "", description="Address of the standby that takes over this recorder's cameras if it fails. Empty: none."
    )
    key: str = Field("", description="Fingerprint of the standby's key. This recorder trusts no other one.")

    @field_validator("key")
    @classmethod
    def _check_standby_key(cls, text: str) -> str:
        if text and not _KEY.fullmatch(text):
            raise ValueError("43 letters, digits, `-` or `_`, as `tawny standby join` writes them")
        return text

    @model_validator(mode="after")
    def _knows_its_standby(self) -> "StandbySettings":
        if self.address and not self.key:
            raise ValueError("with `address`: the standby's key as `key`; use `tawny standby join LINK`")
        return self
