"""Settings of a camera's sound detection."""

from typing import Annotated

from pydantic import Field, model_validator

from tawny.config.quantities import Duration, Share
from tawny.config.retention import Table

Score = Annotated[int, Field(ge=1, le=100)]


class AudioSettings(Table):
    """Sound detection. Unless `listen` is on, audio is recorded but never decoded."""

    listen: bool = Field(default=False, description="Create events for loud sounds.")
    level: Score = Field(
        50, description="How much louder than usual a sound must be to create an event: 50 is 15 dB, 100 is 30 dB."
    )
    hold: Annotated[Duration, Field(ge=0.5, le=60)] = Field(3.0, description="The event ends after this much quiet.")
    model: str = Field(
        "",
        description="An ONNX model that classifies sounds (input: mono, 16 kHz; "
        "output: one score per class). Empty: none.",
    )
    labels: str = Field("", description="A text file with the model's class names, one per line, in order.")
    classes: tuple[str, ...] = Field((), description="Report only these classes, for example `Bark`. Empty: all.")
    sure: Share = Field(0.5, description="Minimum score for a class to be reported.")

    @model_validator(mode="after")
    def _both(self) -> "AudioSettings":
        if bool(self.model) != bool(self.labels):
            raise ValueError("`model` and `labels` must be set together")
        return self
