"""By what things in the picture get their names, as settings."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from tawny.config.keeping import Table
from tawny.config.quantities import Share

_SIZE = re.compile(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})")
CELL = 32
"""Models see a picture in cells of so many pixels."""


def _is_size(text: str) -> str:
    found = _SIZE.fullmatch(text)
    if found is None or int(found[1]) % CELL or int(found[2]) % CELL:
        raise ValueError(f'width and height in whole multiples of {CELL}, such as "640x384"')
    return text


class Suggest(Table):
    """From which mean score on what moves is said to be `perhaps` of a kind; 0: never. Nothing is recorded or told by
    it, unless a rule asks for what is suggested."""

    person: Share = Field(0.7, description="People.")
    vehicle: Share = Field(0.7, description="Vehicles.")
    animal: Share = Field(0.0, description="Animals: the model that comes with tawny is not good enough at them.")

    @property
    def triggers(self) -> dict[str, float]:
        """By kind, without those that are never suggested."""
        every = {"person": self.person, "vehicle": self.vehicle, "animal": self.animal}
        return {kind: share for kind, share in every.items() if share > 0}


class Objects(Table):
    """The model that names people, vehicles and animals: one that `tawny models` added needs no setting here."""

    model: str = Field(
        "", description="Name of a model of `tawny models list`, or `off`. Empty: the one that was added last, if any."
    )
    kinds: str = Field(
        "own",
        description=(
            "What suggests kinds while there is no model: `own`, the small one that comes with tawny; a file that "
            "`training` made, with its card beside it; or `off`."
        ),
    )
    size: Annotated[str, AfterValidator(_is_size)] = Field(
        "416x416", description="How large pictures are shown to models that take any size, in multiples of 32."
    )
    sure: Share | None = Field(
        None, description="Seen from this score on. Left out: what suits the model, 0.35 to 0.6."
    )
    by: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)] = Field(
        "cpu",
        description="What computes it: `cpu`; `cuda`, `openvino`, `coreml`, `tensorrt` where onnxruntime has them; or "
        "an installed accelerator. Where it is not there, the CPU does it, and the status says so.",
    )
