"""Pydantic types of values with units (`units.py`): text in the file, a number in the program.

A module of its own: commands that only format values do not wait for pydantic.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from tawny.config.units import seconds, share, size
from tawny.model.validation import UNUSABLE, USABLE, check_label, unusable_texts


def _reading(read: Any, wanted: str) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str):
            return read(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
            return 0
        raise ValueError(f"text with a unit, for example {wanted}")

    return BeforeValidator(check, json_schema_input_type=str)


Duration = Annotated[float, _reading(seconds, "5 s, 10 min, 14 days")]
"""Seconds."""
Size = Annotated[int, _reading(size, "200 GB")]
"""Bytes."""
Microphone = Annotated[str, Field(max_length=207, pattern=r"^$|^(alsa|pulse):[A-Za-z0-9_][A-Za-z0-9_.:,=-]*$")]
"""A microphone of this computer; empty: none."""
Share = Annotated[float, _reading(share, "10 %")]
"""Share, 0..1."""

CHECKED = AfterValidator(check_label)
"""For fields of settings and requests that hold what a user has typed."""
LabelText = Annotated[str, CHECKED]


def refuse_unusable(value: object, title: str) -> None:
    """Raise ValidationError, with the places, if a table or request has a text that no file could have as its name.

    It never has the texts themselves: any of them may be a secret.
    """
    refused = PydanticCustomError(UNUSABLE, USABLE)
    problems = [InitErrorDetails(type=refused, loc=place, input=has) for place, has in unusable_texts(value)]
    if problems:
        raise ValidationError.from_exception_data(title, problems)


def check_home(text: str) -> str:
    """Return the path. Raises ValueError: when it begins with the home folder of an unknown user."""
    try:
        Path(text).expanduser()
    except RuntimeError:  # whatever uses the path would end with it
        user = text.partition("/")[0].removeprefix("~")
        if not user:
            raise ValueError("a whole path: the home folder of this user isn't known") from None
        raise ValueError(f"a whole path: there is no user {user} on this computer") from None
    return text


LocalPath = Annotated[str, AfterValidator(check_home)]
"""A path of this computer; `~` and `~USER` are home folders. Empty: none."""


def _checked_program(words: tuple[str, ...]) -> tuple[str, ...]:
    if words and not words[0].startswith("/"):
        raise ValueError('a program by its full path, and its arguments, for example ["/usr/local/bin/update"]')
    return words


Program = Annotated[tuple[str, ...], AfterValidator(_checked_program)]
"""A program of this computer, and its arguments; empty: none."""
