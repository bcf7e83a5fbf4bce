"""`tawny export --evidence` and `tawny verify`: from one machine to another that has no recorder."""

import json
from pathlib import Path
from shutil import copytree

import pytest

from tests.cli.conftest import Tawny

SPAN = ("--from", "1 h ago", "--to", "now")
LONG_AGO = ("--from", "2 days ago", "--to", "1 day ago")


@pytest.fixture
def exported(tawny: Tawny, recorded: Path, tmp_path: Path) -> tuple[Path, str]:
    said = tawny("export", "--data", str(recorded), "--camera", "door", *SPAN, "--evidence", "-o", "proof", "--json")
    assert said.code == 0, said.err
    return tmp_path / "proof", json.loads(said.out)["fingerprint"]


def test_a_stranger_with_the_fingerprint_is_told_that_it_holds(
    tawny: Tawny, exported: tuple[Path, str], tmp_path: Path
) -> None:
    elsewhere = copytree(exported[0], tmp_path / "elsewhere")
    said = tawny("verify", str(elsewhere), "--recorder", exported[1], "--json")
    assert said.code == 0, said.out
    told = json.loads(said.out)
    assert (told["ok"], told["problems"], told["camera"]) == (True, [], "door")
    assert "VERIFIED: door" in tawny("verify", str(elsewhere), "--recorder", exported[1]).out


def test_without_the_fingerprint_nothing_is_certain(tawny: Tawny, exported: tuple[Path, str]) -> None:
    said = tawny("verify", str(exported[0]))
    assert said.code == 1
    assert "RECORDER NOT VERIFIED" in said.out


def test_what_was_changed_is_wrong(tawny: Tawny, exported: tuple[Path, str]) -> None:
    film = exported[0] / "000.mp4"
    film.write_bytes(film.read_bytes()[:-1] + b"\0")
    said = tawny("verify", str(exported[0]), "--recorder", exported[1])
    assert (said.code, "FAILED: 000.mp4 was modified" in said.out) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("verify", "nowhere"), 3, "doesn't exist"),
        (("verify", "."), 3, "no beginning"),
        (("verify", ".", "--recorder", "abc"), 2, "isn't a valid fingerprint"),
        (
            ("export", "--camera", "door", "--from", "2 days ago", "--to", "1 day ago", "--evidence", "-o", "x"),
            3,
            "no signed recording from door",
        ),
        (("export", "--camera", "door", *SPAN, "--evidence", "-o", "."), 3, "already"),
    ],
)
def test_bad_use_is_told(tawny: Tawny, recorded: Path, words: tuple[str, ...], code: int, says: str) -> None:
    more = ("--data", str(recorded)) if words[0] == "export" else ()
    said = tawny(*words, *more)
    assert said.code == code, said.err
    assert says in said.err
