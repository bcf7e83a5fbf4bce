"""Names and labels that people read: without characters that hide or reorder what stands beside them.

Bidirectional control characters (Unicode, UAX 9) make `gpj.exe` read `exe.jpg`, and a camera's name take in the text
after it. Letters of right-to-left scripts need none of them.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

_HIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
ALLOWED: Final = "text without control characters or marks for the direction of writing"


def has_hidden(text: str) -> bool:
    return _HIDDEN.search(text) is not None


def check_label(text: str) -> str:
    """Return the text. Raises ValueError: when it has such characters, with what is allowed."""
    if has_hidden(text):
        raise ValueError(ALLOWED)
    return text


def clean_label(text: str) -> str:
    """Return a text from a camera or a model without such characters."""
    return _HIDDEN.sub("", text)


CHECKED = AfterValidator(check_label)
"""For fields of settings and requests that hold what a user has typed."""
LabelText = Annotated[str, CHECKED]
