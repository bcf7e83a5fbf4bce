"""Texts for refused values: what was found and what is allowed, in the words of settings files and JSON.

Validators of Python speak of tuples, dictionaries and None. People who write settings or call the API never see those.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

_LIST, _TABLE, _TEXT, _NUMBER, _WHOLE, _SWITCH = (
    *("a list", "a table of names and values", "text", "a number", "a whole number", "true or false"),
)
_ALLOWED: Final = {
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type", "iterable_type"), _LIST),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"), _TABLE),
    **dict.fromkeys(("string_type", "string_unicode", "invalid_key"), _TEXT),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), _NUMBER),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), _SWITCH),
    "none_required": "nothing",
    "string_not_ascii": "letters without accents, digits and signs",
    "string_pattern_mismatch": "text of the form `{pattern}`",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "multiple_of": "a multiple of {multiple_of}",
    "enum": "{expected}",
    "literal_error": "{expected}",
    "union_tag_invalid": "{expected_tags}",
    "missing": "a value (it is required)",
    "extra_forbidden": "only known names",
}
"""By pydantic's error type. tests/config/test_allowed_words.py tries every type there is."""
_LABELS: Final = frozenset({"str", "int", "float", "bool", "none", "constrained-str", "constrained-int"})
_OTHER: Final = "a value of another kind"


CONFLICT: Final = "conflict"
"""Error type of tawny's own checks of values against each other. The message is a whole sentence."""
UNUSABLE: Final = "unusable_text"
"""Error type of texts with unusable characters. Its `input` says what they have, as they themselves may be secrets."""


def is_own_text(error: Mapping[str, Any]) -> bool:
    """Return whether tawny's own check refused the value. Its message is a text for people."""
    return str(error["type"]) in ("value_error", CONFLICT, UNUSABLE)


def allowed_text(error: Mapping[str, Any]) -> str:
    """Return what is allowed, such as `a list`, or the message of tawny's own check. error: of pydantic."""
    if is_own_text(error):
        return str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return _ALLOWED.get(str(error["type"]), _OTHER).format_map(error.get("ctx", {}))


def requirement_text(error: Mapping[str, Any]) -> str:
    """Return the same as part of a sentence: `must be a list`, or the message of tawny's own check."""
    if is_own_text(error):
        return allowed_text(error)
    return {"missing": "missing", "extra_forbidden": "unknown"}.get(error["type"], f"must be {allowed_text(error)}")


def path_parts(error: Mapping[str, Any]) -> list[str]:
    """Return the names of the place without pydantic's labels of alternatives, such as `tuple[float, ...]`."""
    parts = [str(part) for part in error["loc"]]
    if parts and parts[-1] in _LABELS:
        parts.pop()
    return [part for part in parts if "[" not in part and "(" not in part]


def problem_text(error: Mapping[str, Any], path: list[str] | None = None) -> str:
    """Return `from_ms: must be a whole number`. Never includes the value, which may be a password.

    path: the names of the place, if not all of the error's.
    """
    place = ".".join(path_parts(error) if path is None else path)
    return f"{place}: {requirement_text(error)}" if place else requirement_text(error)


def value_text(value: object) -> str:
    """Return a value as a settings file writes it; tables and lists by their kind only."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, str | int | float):
        return repr(value)
    return "a list" if isinstance(value, list | tuple | set | frozenset) else str(value)


# Names and labels that people read: without characters that hide or reorder what stands beside them.

MOST_DEVICE_CHARACTERS: Final = 80
_HIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
ALLOWED: Final = "text without control characters or marks for the direction of writing"


def has_hidden(text: str) -> bool:
    return _HIDDEN.search(text) is not None


def check_label(text: str) -> str:
    """Return the text. Raises ValueError: when it has such characters, with what is allowed."""
    if has_hidden(text):
        raise ValueError(ALLOWED)
    return text


# What no text may contain: no file, program or address has it in its name, and UTF-8 doesn't have halves of pairs.

_UNUSABLE: Final = re.compile("[\x00\ud800-\udfff]")
USABLE: Final = "text without the character NUL and without halves of characters"


def unusable_texts(value: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the place of each text with such a character, and what it has; also of names.

    Deep values don't nest calls.
    """
    waiting: deque[tuple[tuple[str | int, ...], object]] = deque([((), value)])
    while waiting:
        place, one = waiting.popleft()
        if isinstance(one, str) and _UNUSABLE.search(one):
            yield place, "text with the character NUL" if "\0" in one else "text with half of a character"
        elif isinstance(one, Mapping):
            waiting += [(place, name) for name in one]
            waiting += [((*place, str(name)), each) for name, each in one.items()]
        elif isinstance(one, list | tuple):
            waiting += [((*place, number), each) for number, each in enumerate(one)]


def clean_label(text: str) -> str:
    """Return a text from a camera or a model without such characters."""
    return _HIDDEN.sub("", text)


def device_label(text: str) -> str:
    """Return what a device says of itself, for display: printable, at most MOST_DEVICE_CHARACTERS."""
    return "".join(one for one in clean_label(text) if one.isprintable()).strip()[:MOST_DEVICE_CHARACTERS]
