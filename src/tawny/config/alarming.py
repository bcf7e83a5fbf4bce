"""Settings of how trouble is told to somebody who is not looking."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from tawny.config.keeping import Table
from tawny.config.quantities import Duration


class Alarm(Table):
    """A sign of life for another machine that raises the alarm when it stays away."""

    check_in: str = Field(
        "",
        description="Asked by GET while all is well, such as https://example.org/ping/TOKEN. Empty: nothing is sent.",
    )
    every: Annotated[Duration, Field(ge=10)] = Field(300.0, description="How often: 10 s or more.")

    @field_validator("check_in")
    @classmethod
    def _an_address(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("an address, such as https://example.org/ping/TOKEN")
        return text
