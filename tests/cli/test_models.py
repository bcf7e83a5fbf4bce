"""`tawny models`: what names what moves is listed, added and removed."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Tawny
from tests.detection.models import models


def test_a_model_is_added_listed_and_removed(tawny: Tawny, tmp_path: Path) -> None:
    file = models.bright(tmp_path / "foxes.onnx")
    data = ("--data", str(tmp_path / "data"))
    result = tawny("models", "list", *data)
    assert (result.code, "tawny models add recommended" in result.out) == (0, True)
    result = tawny("models", "add", str(file), "--licence", "MIT", *data)
    assert result.code == 0, result.err
    assert "Added foxes (YOLOX)." in result.out
    result = tawny("models", "list", *data)
    assert result.out.splitlines()[1].split() == [
        "foxes",
        "YOLOX",
        *result.out.splitlines()[1].split()[2:4],
        "MIT",
        "yes",
    ]
    listed = json.loads(tawny("models", "list", "--json", *data).out)
    assert [one["name"] for one in listed["models"]] == ["foxes"]
    assert listed["recommended"]["licence"] == "Apache-2.0"
    assert tawny("models", "remove", "foxes", *data).code == 0
    assert json.loads(tawny("models", "list", "--json", *data).out)["models"] == []


def test_one_that_is_gone_is_told_and_can_be_taken_off(tawny: Tawny, tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    tawny("models", "add", str(models.bright(tmp_path / "foxes.onnx")), *data)
    (tmp_path / "data" / "models" / "foxes.onnx").unlink()
    result = tawny("models", "list", *data)
    assert (result.code, "Can't use the model foxes" in result.out) == (1, True)
    assert "foxes.onnx is missing" in json.loads(tawny("models", "list", "--json", *data).out)["trouble"]
    assert tawny("models", "remove", "foxes", *data).code == 0
    assert tawny("models", "list", *data).code == 0


@pytest.mark.parametrize("folder", ["models", "models/sounds"])
def test_one_that_cannot_be_read_is_told(tawny: Tawny, tmp_path: Path, folder: str) -> None:
    data = ("--data", str(tmp_path / "data"))
    there = tmp_path / "data" / folder
    (there / "foxes.json").mkdir(parents=True)  # a read fails, also for root
    (there / "foxes.onnx").touch()
    result = tawny("models", "list", *data)
    assert result.code == 1
    assert result.out.count("Can't use the model foxes") == 1
    assert "can't be read" in result.out.splitlines()[1]
    assert "Can't use the model foxes" in json.loads(tawny("models", "list", "--json", *data).out)["trouble"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("add",), 2, "requires a name"),
        (("remove", "none"), 3, "No model named none"),
        (("add", "none.onnx"), 3, "Can't add"),
        (("add", "https://example.org/m.onnx"), 3, "requires its SHA-256"),
        (("add", "recommended"), 2, "Add `--yes`"),
        (("add", "m.onnx", "--labels", "none.txt"), 3, "Can't read the labels none.txt"),
    ],
)
def test_what_cannot_be_done_is_said(
    tawny: Tawny, tmp_path: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    result = tawny("models", *words, "--data", str(tmp_path / "data"))
    assert (result.code, says in result.err) == (code, True), result.err
