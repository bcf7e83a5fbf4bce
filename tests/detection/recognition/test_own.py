"""Somebody's own `read()`: what it may return, and what is told of what it may not."""

from pathlib import Path

import numpy as np
import pytest

from tawny.detection.recognition import RecogniserResult, UserRecogniser
from tawny.testing.contracts.detection import recogniser_input
from tawny.testing.waiting import until

PICTURE = np.full((40, 60, 3), 90, np.uint8)


def reader(folder: Path, text: str) -> UserRecogniser:
    (folder / "faces.py").write_text(text)
    return UserRecogniser(folder / "faces.py", ("person",), deadline_s=5.0, memory=1_000_000_000)


def read(one: UserRecogniser) -> list[RecogniserResult]:
    until(lambda: one.read(recogniser_input(PICTURE)) is not None and (one.is_ready or bool(one.trouble)))
    found = list(one.read(recogniser_input(PICTURE, "person")))
    one.close()
    return found


def test_a_text_is_enough_and_nothing_is_nothing(tmp_path: Path) -> None:
    assert read(reader(tmp_path, "def read(picture):\n    return 'Anna'\n")) == [RecogniserResult("Anna", 1.0, ())]
    assert read(reader(tmp_path, "def read(picture):\n    pass\n")) == []


def test_it_is_told_what_it_is_shown(tmp_path: Path) -> None:
    code = "def read(picture):\n    return f'{picture.kind} {picture.rgb.shape[1]} {picture.camera}'\n"
    assert read(reader(tmp_path, code)) == [RecogniserResult("person 60 scene", 1.0, ())]


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        ("def read(picture):\n    return 1 / 0\n", "faces.py, line 2: ZeroDivisionError"),
        ("def read(picture):\n    return [('x', 2)]\n", "allowed: 0 to 1"),
        ("def read(picture):\n    return [('x', 1, [float('nan')])]\n", "all finite"),
        ("def read(picture):\n    return 7\n", "allowed: a text, or a list"),
        ("def detect(frame):\n    return True\n", "no function read()"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, code: str, trouble: str) -> None:
    one = reader(tmp_path, code)
    assert read(one) == []
    assert trouble in one.trouble
