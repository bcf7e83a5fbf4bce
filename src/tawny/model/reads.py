"""What is read of things that were seen: plates, and who it was."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecognisedText:
    """What a recogniser read of something in an event. by: its name, such as `plates`. score: 0..1.

    text: what was to be read, such as a number plate; empty of a face. who: the id of somebody known, who is called by
    name only as long as they are known; empty where nobody was.
    """

    by: str
    text: str
    score: float
    who: str = ""


def spoken(word: str) -> str:
    """As people may say it: small, and a plate without gaps and hyphens."""
    return "".join(one for one in word.lower() if one.isalnum())
