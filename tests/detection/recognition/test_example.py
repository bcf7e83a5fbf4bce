"""The example of docs/how-to/plates-and-faces.md runs: with stand-ins for the two models that an owner brings."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tawny.engine.user_script_main import ScriptFrame, load_function, readings

DOCS = Path(__file__).parents[3] / "docs" / "how-to" / "plates-and-faces.md"


class Finder:
    faces: Any = np.array([[2, 2, 10, 10, *[0] * 10, 0.7], [5, 5, 30, 40, *[0] * 10, 0.9]], np.float32)

    def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802 - as OpenCV calls it
        assert size == (60, 80)

    def detect(self, bgr: Any) -> tuple[int, Any]:
        assert bgr[0, 0].tolist() == [30, 20, 10]
        return 1, self.faces


class Knower:
    def alignCrop(self, bgr: Any, face: Any) -> Any:  # noqa: N802 - as above
        return bgr[: int(face[3]), : int(face[2])]

    def feature(self, face: Any) -> Any:
        return np.array([face.shape[:2]], np.float32)


def test_it_gives_the_print_of_the_largest_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [one for one in examples if "FaceDetectorYN" in one]
    (tmp_path / "faces.py").write_text(code)
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: Finder())
    monkeypatch.setattr(cv2.FaceRecognizerSF, "create", lambda *_: Knower())
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    read = load_function(tmp_path / "faces.py", "read")
    picture = ScriptFrame(np.full((80, 60, 3), (10, 20, 30), np.uint8), 0.0, "porch", None, "person")
    ((text, score, numbers),) = readings(read(picture))
    assert (text, round(score, 3), numbers) == ("", 0.9, [40.0, 30.0])
    monkeypatch.setattr(Finder, "faces", None)
    assert readings(read(picture)) == []
