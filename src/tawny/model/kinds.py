"""Kinds of things: what a label belongs to, and what an event is called after what was seen."""

from collections.abc import Iterable

MOTION = "motion"
"""Nobody said what it was."""
PERSON, VEHICLE, ANIMAL, OBJECT = "person", "vehicle", "animal", "object"
NOTHING = "nothing"
"""What a person says, or the small model thinks, of a shadow, a branch, a reflection."""
KINDS = (PERSON, VEHICLE, ANIMAL, OBJECT)
"""An event is called by the first of those that were in it."""
_MEMBERS = {
    VEHICLE: frozenset({"bicycle", "car", "motorcycle", "bus", "train", "truck", "boat"}),
    ANIMAL: frozenset({"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}),
}


def kind_of(label: str) -> str:
    """`person`, `vehicle`, `animal`, or `object` for all the rest; a kind is its own."""
    if label in KINDS:
        return label
    return next((kind for kind, members in _MEMBERS.items() if label in members), OBJECT)


def kind_of_all(labels: Iterable[str]) -> str:
    """What an event is called in which these were seen."""
    seen = {kind_of(label) for label in labels}
    return next((kind for kind in KINDS if kind in seen), MOTION)


def is_meant(label: str, wanted: Iterable[str]) -> bool:
    """Whether it is among what was asked for by label or by kind."""
    return any(one in (label, kind_of(label)) for one in wanted)
