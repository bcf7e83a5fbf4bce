"""Characters that hide or reorder text: refused where users enter names, left out of those of cameras and models."""

from pathlib import Path

import pytest

from tawny.api.auth.accounts import Role
from tawny.config.loader import parse_settings
from tawny.delivery.commands import CommandRefused, order_of
from tawny.detection.models.labels import read_labels
from tawny.model.validation import clean_label, has_hidden
from tests.api.fakes import House, make_house

HIDDEN = ["\u061c", "\u200e", "\u200f", *(chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))]
EXE = "gate\u202egpj.exe"
"""Reads `gateexe.jpg`."""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return make_house(tmp_path)


@pytest.mark.parametrize("one", HIDDEN, ids=lambda one: f"U+{ord(one):04X}")
async def test_names_with_them_are_refused(house: House, one: str) -> None:
    answer = await house.signed_in().post("/api/v1/people", json={"name": f"An{one}na"})
    assert (answer.status_code, "marks for the direction of writing" in answer.json()["message"]) == (422, True)
    assert one not in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/access-tokens", {"name": EXE}),
        ("/api/v1/known/plates", {"name": EXE, "plate": "B AB 1"}),
        ("/api/v1/orders", {"command": "event.open", "camera": "porch", "label": EXE}),
        ("/api/v1/sealed/ways", {"name": EXE, "wrapped": "YQ=="}),
    ],
)
async def test_other_labels_with_them_are_refused(house: House, path: str, body: dict[str, object]) -> None:
    answer = await house.signed_in().post(path, json=body)
    assert (answer.status_code, "\u202e" in answer.text) == (422, False)


async def test_names_in_any_script_are_allowed(house: House) -> None:
    owner = house.signed_in(Role.OWNER)
    for name in ("שרה כהן", "علی رضا", "李 小龍", "Zoë 👩‍👧"):
        assert (await owner.post("/api/v1/people", json={"name": name})).status_code == 200


def test_commands_of_programs_are_held_to_the_same() -> None:
    with pytest.raises(CommandRefused, match="direction of writing"):
        order_of({"command": "event.open", "camera": "porch", "label": EXE})


def test_a_cameras_name_in_the_settings_says_what_is_allowed() -> None:
    found, problems = parse_settings(f'[cameras.gate]\nsource = "demo:front"\nname = "{EXE}"\n', {})
    assert (found, [one.path for one in problems]) == (None, ["cameras.gate.name"])
    assert "direction of writing" in problems[0].allowed


def test_labels_of_models_and_cameras_are_cleaned(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(f"person\n{EXE}\n\u200f\n", encoding="utf-8")
    assert read_labels(tmp_path / "labels.txt") == ["person", "gategpj.exe"]
    assert not has_hidden(clean_label("".join(HIDDEN) + "Home"))
