"""Settings of the heartbeat to an external monitor."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from tawny.config.quantities import Duration
from tawny.config.retention import Table


class HeartbeatSettings(Table):
    """A heartbeat for an external monitor, which warns you if it stops."""

    url: str = Field(
        "",
        description="tawny sends a GET request here while everything is fine, for example "
        "https://example.org/ping/TOKEN. Empty: off.",
    )
    interval: Annotated[Duration, Field(ge=10)] = Field(300.0, description="How often. Minimum 10 s.")

    @field_validator("url")
    @classmethod
    def _an_address(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("an address, for example https://example.org/ping/TOKEN")
        return text
