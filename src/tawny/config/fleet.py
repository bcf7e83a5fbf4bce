"""Settings of many recorders on one page: the tables `fleet` (this recorder has joined a hub) and `hub` (it is one)."""

import re
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator

from tawny.config.retention import Table
from tawny.config.secure import web_address

Share = Literal["health", "events", "live", "clips", "orders"]
SHARES: Final[tuple[Share, ...]] = ("health", "events", "live", "clips", "orders")
DEFAULT_SHARES: Final[tuple[Share, ...]] = ("health", "events", "live", "clips")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class FleetSettings(Table):
    """The hub that this recorder has joined. Written by `tawny fleet join`."""

    hub: Annotated[str, web_address("https://hub.example.org")] = Field(
        "", description="Address of the hub, for example https://hub.example.org. Empty: none."
    )
    hub_key: str = Field("", description="Fingerprint of the hub's key. This recorder connects to no other hub.")
    allow: tuple[Share, ...] = Field(
        DEFAULT_SHARES,
        description="What people at the hub may do here: see `health` and `events`, watch `live` video and `clips`, "
        "and give `orders` such as modes, PTZ and marks of events. Settings can't be changed from there.",
    )

    @field_validator("hub_key")
    @classmethod
    def _is_key(cls, text: str) -> str:
        if text and not _KEY.fullmatch(text):
            raise ValueError("43 letters, digits, `-` or `_`, as `tawny fleet join` writes them")
        return text

    @model_validator(mode="after")
    def _knows_its_hub(self) -> "FleetSettings":
        if self.hub and not self.hub_key:
            raise ValueError("with `hub`: its key as `hub_key`; use `tawny fleet join LINK`")
        return self


class HubSettings(Table):
    """A hub shows other recorders on its page."""

    enabled: bool = Field(
        default=False, description="Let other recorders join this one, and show them on its page “Recorders”."
    )
    database: str = Field(
        "",
        description="PostgreSQL database of what this hub knows, for example `postgresql:///tawny`; needs "
        "`pip install 'tawny[fleet]'`. Empty: the file `hub.db`. `tawny hub migrate` moves from one to the other.",
    )

    @field_validator("database")
    @classmethod
    def _is_postgres(cls, text: str) -> str:
        if text and not text.startswith(("postgresql://", "postgres://")):
            raise ValueError("an address such as `postgresql:///tawny`")
        return text
