"""CLIP-like models: what a folder needs, how texts become tokens, and vectors in little memory."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tawny.detection.embedding import ClipModel, ClipTokens, VectorTable, packed, square_around
from tawny.model.errors import NotDone
from tawny.testing.contracts import EmbedderContract
from tests.detection.made_clip import MERGES, make_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip"))


class TestClipModel(EmbedderContract):
    @pytest.fixture(autouse=True)
    def _made(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> ClipModel:
        return ClipModel(self.folder)


def test_names_of_other_exports_are_known(tmp_path: Path) -> None:
    make_clip(tmp_path / "onnx", with_mask=False, names=("vision_model_quantized", "text_model_quantized"))
    (tmp_path / "onnx" / "merges.txt").rename(tmp_path / "merges.txt")
    assert len(ClipModel(tmp_path).text("red")) == 3


def test_another_model_has_another_id(folder: Path, tmp_path: Path) -> None:
    assert ClipModel(make_clip(tmp_path, with_mask=False)).id != ClipModel(folder).id


@pytest.mark.parametrize("missing", ["image.onnx", "text.onnx", "merges.txt"])
def test_a_missing_part_is_named(missing: str, tmp_path: Path) -> None:
    (make_clip(tmp_path) / missing).unlink()
    with pytest.raises(NotDone, match=f"lacks {missing}"):
        ClipModel(tmp_path)


def test_encoders_of_two_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotDone, match="images of 3 numbers and texts of 4"):
        ClipModel(make_clip(tmp_path, texts_size=4))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("image.onnx", b"no model"), ("text.onnx", b""), ("merges.txt", b"\xff\xfe\xff"), ("merges.txt", b""),
        ("merges.txt", b"one two three\n"), ("preprocessor_config.json", b"{}"),
        ("preprocessor_config.json", b'{"image_mean": [1, 2], "image_std": 3}'),
    ],
)  # fmt: skip
def test_damaged_files_are_refused_with_a_remedy(name: str, data: bytes, tmp_path: Path) -> None:
    (make_clip(tmp_path) / name).write_bytes(data)
    with pytest.raises(NotDone) as refused:
        ClipModel(tmp_path)
    assert refused.value.do


def test_encoders_in_the_wrong_places_are_refused(tmp_path: Path) -> None:
    make_clip(tmp_path, names=("text", "image"))
    with pytest.raises(NotDone, match="can't be used"):
        ClipModel(tmp_path)


def test_texts_become_tokens_by_the_merges(tmp_path: Path) -> None:
    (tmp_path / "merges.txt").write_text(MERGES)
    tokens = ClipTokens(tmp_path / "merges.txt")
    start, end = 512 + 14, 512 + 15
    red, car = 512 + 1, 512 + 13
    letters = {one: number for number, one in enumerate(map(chr, range(ord("!"), ord("~") + 1)))}
    assert tokens.ids("Red  CAR", 77) == [start, red, car, end]
    assert tokens.ids("redcar", 77) == [start, 512, letters["d"], car, end]
    assert tokens.ids("red, 42", 77) == [start, red, 256 + letters[","], 256 + letters["4"], 256 + letters["2"], end]
    assert tokens.ids("red " * 90, 16) == [start, *[red] * 14, end]
    assert tokens.ids("", 77) == [start, end]


def test_a_packed_vocabulary_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "merges.txt").write_text(MERGES)
    (tmp_path / "bpe_simple_vocab_16e6.txt.gz").write_bytes(gzip.compress(MERGES.encode()))
    plain, small = (ClipTokens(tmp_path / name) for name in ("merges.txt", "bpe_simple_vocab_16e6.txt.gz"))
    assert plain.ids("a red car's tyre", 77) == small.ids("a red car's tyre", 77)


def test_cosines_of_packed_vectors_are_nearly_exact() -> None:
    made = np.random.default_rng(1)
    vectors, wanted = made.standard_normal((1500, 512)), made.standard_normal(512)
    exact = vectors @ wanted / np.linalg.norm(vectors, axis=1) / np.linalg.norm(wanted)
    found = VectorTable([packed(one) for one in vectors.tolist()]).cosines(wanted.tolist())
    assert np.abs(found - exact).max() < 0.003
    assert (np.argsort(-found)[:5] == np.argsort(-exact)[:5]).all()


def test_no_vectors_and_vectors_of_another_length() -> None:
    assert len(VectorTable([]).cosines([1.0, 2.0])) == 0
    with pytest.raises(ValueError, match="a vector of 3 numbers, not of 2"):
        VectorTable([packed([1.0, 0.0])]).cosines([1.0, 2.0, 3.0])


def test_a_vector_of_zeros_is_like_nothing() -> None:
    assert VectorTable([packed([0.0, 0.0])]).cosines([1.0, 0.0]).tolist() == [0.0]


@pytest.mark.parametrize(
    "box", [(0.4, 0.4, 0.6, 0.9), (0.0, 0.0, 0.1, 0.1), (0.9, 0.8, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0)]
)
def test_what_is_embedded_is_square_and_has_the_object(box: tuple[float, float, float, float]) -> None:
    rgb = np.zeros((100, 200, 3), np.uint8)
    x0, y0, x1, y1 = (round(edge * side) for edge, side in zip(box, (200, 100, 200, 100), strict=True))
    rgb[y0:y1, x0:x1] = 255
    found = square_around(rgb, box)
    assert found.shape[0] == found.shape[1]
    assert (found == 255).all(axis=2).sum() >= (y1 - y0) * (x1 - x0)
