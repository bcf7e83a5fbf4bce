"""`tawny known`: plates and faces are given names, listed, and forgotten."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Tawny


def test_a_plate_is_known_listed_and_forgotten(tawny: Tawny, tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    assert "No known faces or plates" in tawny("known", "list", *data).out
    result = tawny("known", "add", "Anna's car", "--plate", "b-ab 123", *data)
    assert (result.code, result.out.strip()) == (0, "Saved Anna's car.")
    listed = json.loads(tawny("known", "list", "--json", *data).out)["known"]
    assert [(one["name"], one["by"], one["text"]) for one in listed] == [("Anna's car", "plates", "B-AB 123")]
    assert tawny("known", "forget", "anna's car", *data).out.strip() == "1 deleted."
    assert tawny("known", "forget", "anna's car", *data).code == 1
    assert json.loads(tawny("known", "list", "--json", *data).out)["known"] == []


def test_all_are_forgotten_and_counted(tawny: Tawny, tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    for name, plate in (("Anna", "B AB 123"), ("Ben", "B AB 124")):
        tawny("known", "add", name, "--plate", plate, *data)
    result = tawny("known", "forget", "--all", *data)
    assert (result.code, result.out.strip()) == (0, "All known faces and plates are deleted (2).")
    assert tawny("known", "forget", "--all", *data).out.strip() == "All known faces and plates are deleted (0)."


def test_a_list_that_cannot_be_read_is_not_empty(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "known.bin").mkdir()  # a read fails, also for root
    for words in (("list",), ("forget", "Anna"), ("add", "Anna", "--plate", "B AB 123")):
        result = tawny("known", *words, "--data", str(tmp_path))
        assert (result.code, "can't be read (Is a directory)" in result.err) == (3, True), result.err


def test_a_picture_that_is_not_there_is_said(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "faces.py").touch()
    (tmp_path / "tawny.toml").write_text('[recognizers.faces]\nfile = "faces.py"\n')
    words = ("--by", "faces", "--picture", "gone.jpg", "--data", str(tmp_path))
    result = tawny("known", "add", "Anna", *words)
    assert (result.code, "Can't read gone.jpg: No such file or directory." in result.err) == (3, True), result.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add",), "requires a name"),
        (("add", "Anna"), "What identifies this person"),
        (("add", "Anna", "--plate", "X1", "--picture", "a.jpg"), "What identifies this person"),
        (("add", "Anna", "--picture", "a.jpg"), "No recognizer given"),
        (("forget",), "Nothing selected"),
        (("forget", "Anna", "--all"), "Nothing selected"),
    ],
)
def test_wrong_use_is_said(tawny: Tawny, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    result = tawny("known", *words, "--data", str(tmp_path))
    assert (result.code, says in result.err) == (2, True), result.err
