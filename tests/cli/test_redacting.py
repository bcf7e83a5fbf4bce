"""`tawny export --redact`: alone, and as evidence that says so."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from tawny.model.ids import CameraId
from tawny.model.times import Span, utc_text
from tawny.storage.index.opening import index_to_read
from tests.cli.conftest import Tawny

RIGHT_HALF = "0.5,0 1,1"


@pytest.fixture(scope="module")
def span(recorded: Path) -> tuple[str, ...]:
    with index_to_read(recorded) as index:
        first = index.segments(CameraId("door"), None, Span(0, 1 << 45))[0]
    return ("--from", utc_text(first.start_ms), "--to", utc_text(first.end_ms))


def hidden_half(path: Path) -> list[bool]:
    """Of each picture: whether its right half has no fine detail any more, and its left half still has."""
    found = []
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            picture = frame.to_ndarray(format="gray").astype(float)
            detail = np.abs(np.diff(picture, axis=1)).mean(axis=0)
            middle = picture.shape[1] // 2
            found.append(bool(detail[middle + 8 :].mean() < 1.5 < 4 < detail[: middle - 8].mean()))
    return found


def test_a_film_with_an_area_hidden(tawny: Tawny, recorded: Path, span: tuple[str, ...], tmp_path: Path) -> None:
    result = tawny(
        *("export", "--data", str(recorded), "--camera", "door", *span, "--redact", RIGHT_HALF, "-o", "film.mp4")
    )
    assert result.code == 0, result.err
    assert "REDACTED, no sound" in result.out
    halves = hidden_half(tmp_path / "film.mp4")
    assert len(halves) > 20
    assert all(halves)


def test_redacted_evidence_says_so_and_keeps_the_original_beside_it(
    tawny: Tawny, recorded: Path, span: tuple[str, ...], tmp_path: Path
) -> None:
    words = ("export", "--data", str(recorded), "--camera", "door", *span, "--evidence", "-o", "proof", "--json")
    result = tawny(*words, "--redact", RIGHT_HALF)
    assert result.code == 0, result.err
    data = json.loads(result.out)
    original, redacted = tmp_path / "proof-original", tmp_path / "proof"
    assert data["original"] == "proof-original"
    for folder, is_redacted in ((original, False), (redacted, True)):
        result = tawny("verify", str(folder), "--recorder", data["fingerprint"], "--json")
        assert result.code == 0, result.out
        assert json.loads(result.out)["redacted"] == is_redacted
    assert "REDACTED" in tawny("verify", str(redacted), "--recorder", data["fingerprint"]).out
    assert "as recorded." not in tawny("verify", str(redacted), "--recorder", data["fingerprint"]).out
    assert [path.name for path in redacted.glob("*.mp4")] == ["redacted.mp4"]
    assert all(hidden_half(redacted / "redacted.mp4"))
    assert json.loads((redacted / "000.proof.json").read_text())["leaf_key"] == ""
    manifest = json.loads((redacted / "manifest.json").read_text())
    assert manifest["hidden"]["areas"] == [[[500, 0], [1000, 0], [1000, 1000], [500, 1000]]]
    assert "NOT what was recorded" in (redacted / "README.txt").read_text()


def test_a_film_that_cannot_be_made_leaves_nothing(
    tawny: Tawny, recorded: Path, span: tuple[str, ...], tmp_path: Path
) -> None:
    words = ("export", "--data", str(recorded), "--camera", "door", *span, "--redact", "all-but:0.99,0.99")
    for more in (("-o", "film.mp4"), ("--evidence", "-o", "proof")):
        result = tawny(*words, *more)
        assert (result.code, "Nothing moves at that point" in result.err) == (3, True), result.err
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("film", "proof"))] == []


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("0.1,0.2", "isn't a valid area: it must have at least three points"),
        ("0.1,0.2 2,3", "points in the image"),
        ("left", "is invalid"),
        ("all-but:2,2", "outside the image"),
        ("all-but:0.5,0.5@2020-01-01 05:00", "outside the exported time"),
        ("all-but:20261120T055812345-0a0b0c0d", "No event 20261120T055812345-0a0b0c0d with a person or object in it"),
    ],
)
def test_what_cannot_be_meant_is_told(
    tawny: Tawny, recorded: Path, span: tuple[str, ...], what: str, says: str, tmp_path: Path
) -> None:
    result = tawny("export", "--data", str(recorded), "--camera", "door", *span, "--redact", what, "-o", "film.mp4")
    assert result.code != 0
    assert says in result.err
    assert not (tmp_path / "film.mp4").exists()
