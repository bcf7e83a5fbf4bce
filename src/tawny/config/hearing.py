"""How a camera's sound is listened to, as settings."""

from typing import Annotated

from pydantic import Field, model_validator

from tawny.config.keeping import Table
from tawny.config.quantities import Duration, Share

Score = Annotated[int, Field(ge=1, le=100)]


class Sound(Table):
    """Whether and how the camera's sound is listened to. Without `listen` it is recorded and never decoded."""

    listen: bool = Field(default=False, description="Whether loud sounds are events.")
    level: Score = Field(
        50, description="How far above the quiet of the place a sound is an event: 50 is 15 dB, 100 is 30 dB."
    )
    hold: Annotated[Duration, Field(ge=0.5, le=60)] = Field(3.0, description="After so long without it, it is over.")
    model: str = Field(
        "", description="An ONNX file that names sounds: mono at 16 kHz in, a score for each class out. Empty: none."
    )
    labels: str = Field("", description="The names of its classes: a text file, one a line in their order.")
    classes: tuple[str, ...] = Field((), description="Only these are named, such as `Bark`. Empty: all of them.")
    sure: Share = Field(0.5, description="A class is named from this score on.")

    @model_validator(mode="after")
    def _both(self) -> "Sound":
        if bool(self.model) != bool(self.labels):
            raise ValueError("`model` and `labels` together")
        return self
