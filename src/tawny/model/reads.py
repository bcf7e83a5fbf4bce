"""Recognized texts and faces."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecognisedText:
    """Result of a recognizer for an object in an event.

    by: the recognizer's name, such as `plates`. score: 0..1. text: recognized text, such as a license plate; empty for
    a face. who: id of a known identity; empty if unknown. Its name is used only while it stays known.
    """

    by: str
    text: str
    score: float
    who: str = ""


def spoken(word: str) -> str:
    """Normalize a text: lower case, letters and digits only."""
    return "".join(one for one in word.lower() if one.isalnum())
