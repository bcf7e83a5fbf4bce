"""Commands write a time for people in one spelling; JSON has RFC 3339."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Tawny

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
PLAIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
COMMANDS = [
    ("timeline", "--camera", "door", "--from", "yesterday", "--to", "now"),
    ("check", "--wall"),
    ("prune", "--dry-run"),
    ("tokens", "list"),
    ("scan", "--camera", "door", "--from", "yesterday", "--to", "now"),
    ("export", "--camera", "door", "--from", "yesterday", "--to", "now", "-o", "clip.mp4"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_times_for_people_have_one_spelling(tawny: Tawny, recorded: Path, words: tuple[str, ...]) -> None:
    if words[0] == "tokens":
        assert tawny("tokens", "create", "TV", "--for", "2 days", "--data", str(recorded)).code == 0
    result = tawny(*words, "--data", str(recorded))
    text = result.out + result.err
    assert not RFC_3339.search(text), text
    if words[0] in ("timeline", "tokens", "export", "scan"):
        assert PLAIN.search(text), text
