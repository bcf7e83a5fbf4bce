"""Object types: the type of a label, and the type of an event from its labels."""

from collections.abc import Iterable

MOTION = "motion"
"""Type of an event without an identified object."""
PERSON, VEHICLE, ANIMAL, OBJECT = "person", "vehicle", "animal", "object"
NOTHING = "nothing"
"""No object: set by a user or suggested by the small model for a shadow, a branch or a reflection."""
KINDS = (PERSON, VEHICLE, ANIMAL, OBJECT)
"""Types in priority order: an event gets the first one it contains."""
_MEMBERS = {
    VEHICLE: frozenset({"bicycle", "car", "motorcycle", "bus", "train", "truck", "boat"}),
    ANIMAL: frozenset({"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}),
}


def kind_of(label: str) -> str:
    """Return `person`, `vehicle`, `animal`, or `object` for all other labels. A type returns itself."""
    if label in KINDS:
        return label
    return next((kind for kind, members in _MEMBERS.items() if label in members), OBJECT)


def kind_of_all(labels: Iterable[str]) -> str:
    """Return the type of an event with these labels."""
    seen = {kind_of(label) for label in labels}
    return next((kind for kind in KINDS if kind in seen), MOTION)


def is_meant(label: str, wanted: Iterable[str]) -> bool:
    """Return whether `wanted` contains the label or its type."""
    return any(one in (label, kind_of(label)) for one in wanted)
