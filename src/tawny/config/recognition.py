"""Settings of recognizers."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from tawny.config.quantities import Duration, Share, Size
from tawny.config.retention import Table


class RecogniserSettings(Table):
    """A recognizer for plates, faces or something of your own.

    Settings of an installed plug-in such as `plates` go in the same table.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    file: str = Field(
        "", description="A Python file with a function `read(picture)`. Empty: the installed plug-in of this name."
    )
    kinds: tuple[str, ...] = Field(("person",), description="With `file`: the event types or labels it is called for.")
    min_similarity: Share = Field(
        0.4, description="Minimum similarity (0 to 1) for two faces to count as the same person."
    )
    deadline: Annotated[Duration, Field(ge=0.05, le=5)] = Field(1.0, description="With `file`: time limit per call.")
    memory: Annotated[Size, Field(ge=50_000_000)] = Field(1_000_000_000, description="With `file`: memory limit.")
    allow_read: tuple[str, ...] = Field(
        (), description="With `file`: files and folders it may read, besides models and Python files beside it."
    )

    @property
    def options(self) -> dict[str, Any]:
        """Return the settings of an installed plug-in."""
        return dict(self.model_extra or {})
