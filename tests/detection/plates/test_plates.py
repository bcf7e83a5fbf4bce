"""Number plates: found on vehicles, read by Tesseract or a model, by day and night."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.detection.plates import Plates
from tawny.detection.plates.plates import ALPHABET, MISSING, PlateModel, Tesseract, plates_in
from tawny.detection.plates.text import DIGITS, alike, corrected_plate, fitted, is_plate, plain_plate
from tawny.model.errors import NotDone
from tawny.testing.contracts.detection import recogniser_input
from tests.detection.plates.made import plate_model
from tests.support.plates import LAYOUTS, LIGHTS, Layout, number, vehicle


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_the_plate_is_among_what_is_found(layout: Layout, light: str) -> None:
    rng = np.random.default_rng(5)
    rgb, (x0, y0, x1, y1) = vehicle(layout, number(layout, rng), 110, light, rng)
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    assert any(
        one.box[0] < middle[0] < one.box[2] and one.box[1] < middle[1] < one.box[3]
        and (one.box[2] - one.box[0]) > 0.6 * (x1 - x0)
        for one in plates_in(rgb)[:2]
    )  # fmt: skip


def test_nothing_is_found_on_what_is_plain() -> None:
    assert plates_in(np.full((200, 300, 3), 120, np.uint8)) == []


def test_tesseract_reads_it_by_day_and_at_night() -> None:
    for light in ("day", "night"):
        rgb, _ = vehicle(LAYOUTS[0], "B AB 4268", 160, light, np.random.default_rng(3))
        (reading,) = Plates({}).read(recogniser_input(rgb))
        assert reading.text == "BAB4268"
        assert reading.score >= 0.6


def test_a_form_puts_right_what_readers_mix_up_and_refuses_the_rest() -> None:
    assert fitted("TSCY26O", ["9AAA999"]) == "7SCY260"
    assert fitted("BAB1234", ["A AA 9999", "AA99 AAA"]) == "BAB1234"
    assert fitted("SALOON", ["AA99 AAA"]) == ""
    assert fitted("MMMM", ["9999"]) == ""


class Says:
    """alone: what it reads with digits, or letters, alone."""

    def __init__(self, text: str, score: float, alone: str = "") -> None:
        self.trouble, self._said, self._alone = "", (text, score), alone

    def only(self, grey: Any, letters: str) -> str:
        return self._alone

    def read(self, grey: Any) -> tuple[str, float]:
        return self._said


def test_with_forms_only_what_has_one_is_a_plate_and_is_surer() -> None:
    rgb, _ = vehicle(LAYOUTS[4], "7SCY260", 120, "day", np.random.default_rng(1))
    (reading,) = Plates({"forms": ["9AAA999"]}, Says("TSCY260", 0.4)).read(recogniser_input(rgb))
    assert (reading.text, round(reading.score, 3)) == ("7SCY260", 0.58)
    assert Plates({"forms": ["AA99 AAA"]}, Says("TSCY260", 0.4)).read(recogniser_input(rgb)) == []
    (reading,) = Plates({}, Says("TSCY260", 0.4)).read(recogniser_input(rgb))
    assert (reading.text, reading.score) == ("TSCY260", 0.4)


def test_what_has_to_be_a_digit_is_read_anew_as_one() -> None:
    rgb, _ = vehicle(LAYOUTS[4], "3MTP477", 120, "day", np.random.default_rng(1))
    (reading,) = Plates({"forms": ["9AAA999"]}, Says("SMTP477", 0.8, "3417477")).read(recogniser_input(rgb))
    assert reading.text == "3MTP477"
    (reading,) = Plates({"forms": ["9AAA999"]}, Says("SMTP477", 0.8, "347")).read(recogniser_input(rgb))
    assert reading.text == "5MTP477"
    assert corrected_plate("B0B", "8OB", lambda kind: "375" if kind == DIGITS else "CQC") == "3QB"


@pytest.mark.parametrize(
    "settings", [{"forms": ["B AB"]}, {"forms": "AA99"}, {"model": 3}, {"reader": "x"}, {"forms": ["A"]}]
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"allowed|model|use A for a letter and 9 for a digit"):
        Plates(settings)


@pytest.mark.shows("DY22")
def test_without_tesseract_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    one = Tesseract()
    assert one.read(np.full((96, 300), 255, np.uint8)) == ("", 0.0)
    assert one.trouble == MISSING
    assert "apt-get install tesseract-ocr" in MISSING


def test_a_tesseract_that_fails_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "tesseract").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "tesseract").chmod(0o700)
    one = Tesseract(str(tmp_path / "tesseract"))
    assert one.read(np.full((96, 300), 255, np.uint8)) == ("", 0.0)
    assert "exit status 3" in one.trouble


@pytest.mark.parametrize("kind", ["uint8", "float", "float16", "colours first"])
def test_a_model_that_gives_a_row_of_letters_reads(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "plates.onnx"
    file.write_bytes(plate_model("BAB123__", ALPHABET, kind))
    text, score = PlateModel(file).read(np.full((96, 300), 128, np.uint8))
    assert text == "BAB123"
    assert len(PlateModel(file).only(np.full((96, 300), 128, np.uint8), DIGITS)) == 6
    assert 0.9 < score <= 1


@pytest.mark.parametrize("kind", ["int8", "four at once"])
def test_a_model_that_cannot_take_an_image_is_refused_and_another_in_its_place_read(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "plates.onnx"
    file.write_bytes(plate_model("BAB123", ALPHABET, kind))
    one = Plates({"model": str(file)})
    rgb, _ = vehicle(LAYOUTS[0], "B AB 4268", 120, "day", np.random.default_rng(3))
    assert one.read(recogniser_input(rgb)) == []
    assert "can't read license plates" in one.trouble
    file.write_bytes(plate_model("BAB123", ALPHABET, "float"))
    assert [reading.text for reading in one.read(recogniser_input(rgb))] == ["BAB123"]
    assert one.trouble == ""


def test_a_model_that_fails_at_one_plate_reads_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "plates.onnx"
    file.write_bytes(plate_model("BAB123", ALPHABET, "float"))
    one = Plates({"model": str(file)})
    rgb, _ = vehicle(LAYOUTS[0], "B AB 4268", 120, "day", np.random.default_rng(3))
    assert len(one.read(recogniser_input(rgb))) == 1
    with monkeypatch.context() as patch:
        patch.setattr(PlateModel, "read", Mock(side_effect=NotDone("bad allocation")))
        assert one.read(recogniser_input(rgb)) == []
        assert "bad allocation" in one.trouble
    assert [reading.text for reading in one.read(recogniser_input(rgb))] == ["BAB123"]
    assert one.trouble == ""


def test_a_model_of_another_kind_is_refused_with_words(tmp_path: Path) -> None:
    file = tmp_path / "plates.onnx"
    file.write_bytes(plate_model("BAC123", "ABC123", "uint8"))
    with pytest.raises(NotDone, match="can't read license plates"):
        PlateModel(file)
    one = Plates({"model": str(file)})
    rgb, _ = vehicle(LAYOUTS[0], "B AB 4268", 120, "day", np.random.default_rng(3))
    assert one.read(recogniser_input(rgb)) == []
    assert "can't read license plates" in one.trouble


@given(st.text(max_size=20))
def test_plain_text_is_capital_letters_and_digits(text: str) -> None:
    assert plain_plate(plain_plate(text)) == plain_plate(text)
    assert all(one in ALPHABET for one in plain_plate(text))
    assert not plain_plate(text) or alike(text, plain_plate(text))


def test_what_readers_mix_up_is_alike() -> None:
    assert alike("B-OI 123", "8 01I23")
    assert not alike("BAB123", "BAB124")
    assert not alike("", "")
    assert not is_plate("SALOON")
    assert is_plate("AB12CDE")
