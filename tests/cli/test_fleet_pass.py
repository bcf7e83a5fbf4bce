"""`tawny fleet pass`: the owner lets installers at the hub see pictures for some time."""

import json
from pathlib import Path

import pytest

from tawny.fleet.hub_pass import FILE_NAME
from tests.cli.conftest import Tawny

JOINED = f'[fleet]\nhub = "https://hub.example.org"\nhub_key = "{"h" * 43}"\n'


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "data" / "history").mkdir(parents=True)
    (tmp_path / "tawny.toml").write_text(JOINED)
    return ("--config", str(tmp_path / "tawny.toml"), "--data", str(tmp_path / "data"))


def test_a_pass_is_given_shown_and_ended(tawny: Tawny, place: tuple[str, ...], tmp_path: Path) -> None:
    given = tawny("fleet", "pass", "4h", *place)
    assert (given.code, "events, live, clips until" in given.out) == (0, True), given.err
    shown = json.loads(tawny("fleet", "pass", "--json", *place).out)
    assert shown["shares"] == ["events", "live", "clips"]
    assert json.loads((tmp_path / "data" / FILE_NAME).read_text())["until_ms"] == shown["until"]
    assert tawny("fleet", "pass", "end", *place).out.strip() == "The pass has ended."
    assert tawny("fleet", "pass", "end", *place).out.strip() == "There was no pass."
    assert json.loads(tawny("fleet", "pass", "--json", *place).out) == {"until": None}


@pytest.mark.parametrize(
    ("lasts", "code", "says"),
    [
        ("soon", 2, "isn't a valid duration"), ("8 days", 3, "at most 7 days"), ("0", 3, "at most 7 days"),
        ("169", 3, "at most 7 days"),
    ],
)  # fmt: skip
def test_a_pass_has_an_end(tawny: Tawny, place: tuple[str, ...], lasts: str, code: int, says: str) -> None:
    refused = tawny("fleet", "pass", lasts, *place)
    assert (refused.code, says in refused.err) == (code, True), refused.err
    assert json.loads(tawny("fleet", "pass", "--json", *place).out) == {"until": None}


def test_there_is_no_pass_without_a_hub(tawny: Tawny, place: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text("")
    refused = tawny("fleet", "pass", "4h", *place)
    assert (refused.code, "has joined no hub" in refused.err) == (3, True), refused.err
