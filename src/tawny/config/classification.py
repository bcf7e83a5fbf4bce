"""Settings of object classification."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from tawny.config.quantities import Share
from tawny.config.retention import Table

_SIZE = re.compile(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})")
CELL = 32
"""Models require image sides in multiples of this many pixels."""


def _is_size(text: str) -> str:
    found = _SIZE.fullmatch(text)
    if found is None or int(found[1]) % CELL or int(found[2]) % CELL:
        raise ValueError(f'width and height in whole multiples of {CELL}, such as "640x384"')
    return text


class FallbackKindSettings(Table):
    """Minimum mean score for the guess "possible person" and so on. 0: never. Such a guess is neither recorded nor
    notified about, unless a rule includes it with `include_possible`.
    """

    person: Share = Field(0.7, description="Minimum mean score for people.")
    vehicle: Share = Field(0.7, description="Minimum mean score for vehicles.")
    animal: Share = Field(
        0.0, description="Minimum mean score for animals. Off by default: the built-in model isn't accurate enough."
    )

    @property
    def triggers(self) -> dict[str, float]:
        """Return the minimum score by event type, without disabled types."""
        every = {"person": self.person, "vehicle": self.vehicle, "animal": self.animal}
        return {kind: share for kind, share in every.items() if share > 0}


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
    size: Annotated[str, AfterValidator(_is_size)] = Field(
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
