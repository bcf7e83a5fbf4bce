"""The tree of errors: every one says something, says what to do, has its code, and comes home from another process."""

import pickle
from dataclasses import fields

import pytest

from tawny.model import errors
from tawny.model.errors import Problem, SettingsError, TawnyError


def all_errors() -> list[type[TawnyError]]:
    found = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, TawnyError)]
    return [each for each in found if each is not TawnyError]


def made(kind: type[TawnyError]) -> TawnyError:
    if kind is SettingsError:
        return SettingsError("tawny.toml", (Problem("web.listen", "'x'", "HOST:PORT", 3),))
    return kind(*(f"a {field.name}" for field in fields(kind)))


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_it_says_what_happened_and_comes_home(kind: type[TawnyError]) -> None:
    error = made(kind)
    assert error.message
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (kind, str(error))


def test_codes_are_told_apart() -> None:
    kinds = [kind for kind in all_errors() if "code" in vars(kind)]  # the others group them
    with_codes = [kind for kind in kinds if kind.exit_code >= 20]
    assert len({kind.exit_code for kind in with_codes}) == len(with_codes)
    assert len({kind.code for kind in kinds}) == len(kinds)
