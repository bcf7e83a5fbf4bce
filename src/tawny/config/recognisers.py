"""Recognisers, as settings: what reads things that were seen."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from tawny.config.keeping import Table
from tawny.config.quantities import Duration, Share, Size


class Recogniser(Table):
    """One recogniser. Settings of an installed part, such as `plates`, are in the same table."""

    model_config = ConfigDict(extra="allow", frozen=True)

    file: str = Field("", description="A Python file with `read(picture)`. Empty: the installed part of this name.")
    kinds: tuple[str, ...] = Field(("person",), description="With `file`: what it is shown, by kind or label.")
    alike: Share = Field(0.4, description="Prints at least so alike (0 to 1) are of the same face.")
    deadline: Annotated[Duration, Field(ge=0.05, le=5)] = Field(
        1.0, description="With `file`: how long a call may take."
    )
    memory: Annotated[Size, Field(ge=50_000_000)] = Field(
        1_000_000_000, description="With `file`: how much memory it may have."
    )

    @property
    def options(self) -> dict[str, Any]:
        """The settings of an installed part."""
        return dict(self.model_extra or {})
