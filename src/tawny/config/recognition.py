"""Settings of recognizers, sounds, object models and the built-in classifier."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from tawny.config.quantities import Duration, LocalPath, Share, Size
from tawny.config.retention import Table

Score = Annotated[int, Field(ge=1, le=100)]


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


class SearchSettings(Table):
    """Search by what events looked like. Settings of an installed plug-in go in the same table."""

    model_config = ConfigDict(extra="allow", frozen=True)

    colours: bool = Field(default=True, description="Measure colours and sizes in event images, for search.")
    model: LocalPath = Field(
        "",
        description="A folder with a CLIP model (`image.onnx`, `text.onnx`, `merges.txt`), or the name of an installed "
        "plug-in. Empty: search by colours and sizes only.",
    )

    @property
    def options(self) -> dict[str, Any]:
        """Return the settings of an installed plug-in."""
        return dict(self.model_extra or {})


# Settings of object classification.

_SIZE = re.compile(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})")
CELL = 32
"""Models require image sides in multiples of this many pixels."""


def _checked_size(text: str) -> str:
    found = _SIZE.fullmatch(text)
    if found is None or int(found[1]) % CELL or int(found[2]) % CELL:
        raise ValueError(f'width and height in whole multiples of {CELL}, such as "640x384"')
    return text


class FallbackKindSettings(Table):
    """Minimum evidence (0 to 1) from which the built-in model sets an event's type. Not set: the model card's value,
    above which at least 95 % of its names were right on cameras it had never seen. 0: never.
    """

    person: Share | None = Field(None, description="Minimum evidence for people.")
    vehicle: Share | None = Field(None, description="Minimum evidence for vehicles.")
    animal: Share | None = Field(None, description="Minimum evidence for animals.")

    @property
    def triggers(self) -> dict[str, float]:
        """Return the minimum evidence by event type where it is set."""
        every = {"person": self.person, "vehicle": self.vehicle, "animal": self.animal}
        return {kind: share for kind, share in every.items() if share is not None}


class ObjectModelSettings(Table):
    """Object detection. A model added with `tawny models` needs no settings here."""

    model: str = Field(
        "", description="A model from `tawny models list`, or `off`. Empty: the one you added last, if any."
    )
    kinds: str = Field(
        "own",
        description=(
            "What guesses the event type while no model is installed: `own` (built in), a file made by "
            "`training` with its model card in the same folder, or `off`."
        ),
    )
    size: Annotated[str, AfterValidator(_checked_size)] = Field(
        "416x416", description="Image size for models that accept any size, in multiples of 32."
    )
    sure: Share | None = Field(
        None, description="Minimum score of a detection. Not set: the model's default, 0.35 to 0.6."
    )
    device: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)] = Field(
        "cpu",
        description="Where detection runs: `cpu`; `cuda`, `openvino`, `coreml` or `tensorrt` if onnxruntime "
        "supports them here; or an installed accelerator. If it isn't available, tawny uses the CPU and "
        "`tawny status` says so.",
    )


class AudioSettings(Table):
    """Sound detection. Unless `listen` is on, audio is not analyzed."""

    listen: bool = Field(default=False, description="Create events for loud sounds, and with `model` for known ones.")
    level: Score = Field(
        50, description="How much louder than usual a sound must be to create an event: 50 is 15 dB, 100 is 30 dB."
    )
    hold: Annotated[Duration, Field(ge=0.5, le=60)] = Field(3.0, description="The event ends after this much quiet.")
    model: LocalPath = Field(
        "",
        description="What classifies sounds: a sound model from `tawny models list`, an ONNX file (mono, 16 kHz; one "
        "score per class), a Python file with `hear(sound)`, or an installed plug-in. Empty: nothing.",
    )
    labels: LocalPath = Field(
        "", description="With an ONNX file: a text file with its class names, one per line, in order."
    )
    input: Literal["waveform", "log-mel"] = Field(
        "waveform", description="With an ONNX file: what it takes, samples or a spectrogram [frames, mel bands]."
    )
    loud: bool = Field(
        default=True, description="With `model`: also create events for loud sounds that it doesn't know."
    )
    classes: tuple[str, ...] = Field(
        (),
        description="Report only these classes or labels, for example `glass` or `Meow`. Empty: `glass`, `alarm`, "
        "`bark`, `voices`, `baby`, `knock`, `doorbell` and `gunshot`, or all labels of a model without them.",
    )
    sure: Share = Field(0.5, description="Minimum score for a class to be reported.")
    thresholds: dict[str, Share] = Field(
        default_factory=dict, description='The same for single classes, for example `{ glass = "30 %" }`.'
    )
    groups: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description='Labels of the model by class, in place of the built-in ones: `{ bark = ["Dog", "Wolf"] }`.',
    )
    cooldown: Annotated[Duration, Field(ge=0, le=3600)] = Field(
        60.0, description="After an event of a class ends, it makes no further event for this time."
    )

    @model_validator(mode="after")
    def _both(self) -> "AudioSettings":
        if self.labels and not self.is_file:
            raise ValueError("`labels` is only for a model that is an ONNX file")
        if self.is_file and not self.labels:
            raise ValueError("`model` and `labels` must be set together, if the model is an ONNX file")
        return self

    @property
    def is_file(self) -> bool:
        """Whether the model is an ONNX file rather than the name of one, a script or a plug-in."""
        return ("/" in self.model and not self.model.endswith(".py")) or self.model.endswith(".onnx")
