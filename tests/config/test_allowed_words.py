"""No error about a setting or a request speaks Python. The tables are those of pydantic, the settings and the API."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any, get_args

import pytest
import tomlkit
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticKnownError, core_schema

from tawny.api.application import make_routes
from tawny.api.schemas import ApiRequest
from tawny.config.loader import parse_settings
from tawny.delivery.commands import CommandRefused, order_of
from tawny.model.validation import allowed_text, problem_text, value_text
from tests.golden.extract import EXTRACTS

PYTHON = re.compile(
    r"\b(tuple|dict|dictionary|str|string|bytes|bytearray|instance|NoneType|None|frozenset|iterable|mapping|bool|boolean"
    r"|float|int|integer|True|False|Input|datetime|timedelta|callable|object|hashable|python|Decimal|UUID|pydantic"
    r"|Object|dictionaries|Extra|sentinel|literal|Value error)\b"
)
CONTEXT: dict[str, Any] = {
    **dict.fromkeys(("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "actual_length"), 5),
    **dict.fromkeys(("max_digits", "decimal_places", "whole_digits", "expected_version", "tz_expected"), 1),
    "field_type": "Tuple",
    "pattern": "^a$",
    "expected": "'a' or 'b'",
    "error": "boom",
    "class_name": "Inner",
    "method_name": "m",
    "discriminator": "'k'",
    "tag": "t",
    "expected_tags": "'a', 'b'",
    "expected_schemes": "x",
    "encoding": "utf-8",
    "encoding_error": "x",
    "tz_actual": 1,
    "attribute": "a",
    "class": "Inner",
}
WRONG = [5, -1e9, "x", True, [], [1, {"a": 1}], {}, {"no-such-name": [1]}, "", ["", ""]]


@pytest.mark.parametrize("kind", get_args(core_schema.ErrorType))
def test_every_error_of_pydantic_has_words(kind: core_schema.ErrorType) -> None:
    error = PydanticKnownError(kind, CONTEXT)
    data = {"type": kind, "msg": error.message(), "ctx": CONTEXT}
    for text in (allowed_text(data), problem_text(data, ["place"])):
        assert text
        assert not PYTHON.search(text), text
        assert "{" not in text


@pytest.mark.parametrize("value", [None, True, [], (), {}, set(), "x", 5, 1.5], ids=repr)
def test_every_value_has_words(value: object) -> None:
    assert not PYTHON.search(value_text(value))


def nested(path: str, value: object) -> dict[str, Any]:
    """The tables of a settings file in which the setting of this path has this value."""
    made = value
    for part in reversed(path.split(".")):
        name = {"<name>": "porch", "<root>": ""}.get(part.removesuffix("[]"), part.removesuffix("[]"))
        made = {name: [made] if part.endswith("[]") else made}
    return made if isinstance(made, dict) else {}


def settings_paths() -> list[str]:
    """Every setting of every table."""
    tables = EXTRACTS["settings"]()["tables"]
    return sorted(f"{table}.{key}".removeprefix("<root>.") for table, about in tables.items() for key in about["keys"])


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # Apprise reads it
def test_no_setting_speaks_python() -> None:
    tried = 0
    for path in settings_paths():
        for value in WRONG:
            text = tomlkit.dumps(nested(path, value))
            for problem in parse_settings(text, {})[1]:
                tried += 1
                assert not PYTHON.search(f"{problem.path} {problem.found} {problem.allowed}"), (text, problem)
    assert tried > 1000


def requests(of: type[BaseModel] = ApiRequest) -> Iterator[type[BaseModel]]:
    for each in of.__subclasses__():
        yield each
        yield from requests(each)


def test_no_request_speaks_python() -> None:
    make_routes()  # all schemas are loaded
    tried = 0
    for schema in requests():
        for field in [*schema.model_fields, "no-such-field"]:
            for value in [*WRONG, None]:
                try:
                    schema.model_validate({field: value})
                except ValidationError as error:
                    for one in error.errors():
                        tried += 1
                        text = problem_text(one)
                        assert not PYTHON.search(text), (schema.__name__, field, value, text)
    assert tried > 1000


def test_no_command_speaks_python() -> None:
    commands = ("event.open", "set_mode", "relay", "record", "pause", "ptz")
    fields = ("camera", "kind", "on", "mode", "for_s", "score", "no-such-field")
    for command, field, value in product(commands, fields, WRONG):
        try:
            order_of({"command": command, field: value})
        except CommandRefused as refused:
            assert not PYTHON.search(f"{refused.message} {refused.do}"), refused.message
