"""Embeddings: images and texts as vectors of one space, in which a text is near the images that show it.

A model is a CLIP-like pair of ONNX files in a folder, with its vocabulary, or a plug-in of the group `tawny.embedders`.
"""

import gzip
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from tawny.detection.onnx import open_session, refusals
from tawny.model.errors import NotDone
from tawny.model.observations import Box

AROUND: Final = 0.1
"""Margin around an object that is embedded, relative to its larger side."""


class Embedder(Protocol):
    """Called from one thread at a time. Vectors have any length, but always the same; only their direction counts."""

    @property
    def id(self) -> str:
        """Return what distinguishes it from other models: their vectors can't be compared."""
        ...

    def image(self, rgb: Any) -> Sequence[float]:
        """Return the vector of an image, uint8 [height, width, 3]. Raises NotDone."""
        ...

    def text(self, words: str) -> Sequence[float]:
        """Return the vector of a text such as `red car`. Raises NotDone."""
        ...

    def close(self) -> None:
        """Release what it holds. May be called twice."""
        ...


def square_around(rgb: Any, box: Box) -> Any:
    """Return a square image of the object with some of its surroundings; outside of the frame its edge is repeated."""
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    side = max(8, round(max(x1 - x0, y1 - y0) * (1 + 2 * AROUND)))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return np.ascontiguousarray(rgb[rows][:, columns])


# CLIP: an image encoder and a text encoder.

_IMAGES = ("image", "visual", "vision_model")
_TEXTS = ("text", "textual", "text_model")
_VOCABULARIES = ("merges.txt", "bpe_simple_vocab_16e6.txt", "bpe_simple_vocab_16e6.txt.gz")
_MEAN, _SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the RGB values that CLIP was trained with."""
_SIDE, _CONTEXT = 224, 77
"""Sizes of models that take any."""
_SAID = "a photo of {}"
_NUMBERS = {"tensor(float16)": np.float16, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
_WHAT_TO_DO = "Use a folder with image.onnx, text.onnx and merges.txt of one CLIP model, exported without other inputs."


class ClipModel:
    """A CLIP-like model in a folder. Raises NotDone: if a part is missing or not supported."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        images, texts = _file(folder, _IMAGES), _file(folder, _TEXTS)
        words = next((folder / name for name in _VOCABULARIES if (folder / name).is_file()), None)
        if images is None or texts is None or words is None:
            missing = [
                name
                for name, found in (("image.onnx", images), ("text.onnx", texts), ("merges.txt", words))
                if found is None
            ]
            raise NotDone(f"The search model {folder} lacks {', '.join(missing)}.", _WHAT_TO_DO)
        self._mean, self._spread = _colours(folder / "preprocessor_config.json")
        self._tokens = ClipTokens(words)
        self._images, self._texts = open_session(images), open_session(texts)
        self.id = _fingerprint((images, texts, words))
        shown, read = self.image(np.zeros((8, 8, 3), np.uint8)), self.text("nothing")
        if len(shown) != len(read):
            what = f"The search model {folder} has images of {len(shown)} numbers and texts of {len(read)}."
            raise NotDone(what, "Use both encoders of the same model.")

    def image(self, rgb: Any) -> Sequence[float]:
        import cv2  # local: recording works without the vision library

        asked = next((one for one in self._images.get_inputs() if len(one.shape) == 4), None)
        if asked is None:
            raise self._unsupported("image encoder", self._images)
        side = asked.shape[2] if isinstance(asked.shape[2], int) else _SIDE
        small = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        values = ((small - self._mean) / self._spread).transpose(2, 0, 1)[None]
        return self._run("image encoder", self._images, {asked.name: values}, "image_embeds")

    def text(self, words: str) -> Sequence[float]:
        inputs = {one.name: one for one in self._texts.get_inputs()}
        asked = next((one for name, one in inputs.items() if "mask" not in name), None)
        if asked is None:
            raise self._unsupported("text encoder", self._texts)
        length = asked.shape[1] if len(asked.shape) == 2 and isinstance(asked.shape[1], int) else _CONTEXT
        ids = self._tokens.ids(_SAID.format(words), length)
        feeds = {asked.name: np.array([ids + [0] * (length - len(ids))])}
        feeds |= {name: np.array([[1] * len(ids) + [0] * (length - len(ids))]) for name in inputs if "mask" in name}
        return self._run("text encoder", self._texts, feeds, "text_embeds")

    def close(self) -> None:
        """Nothing to release."""

    def _run(self, part: str, session: Any, feeds: Mapping[str, Any], output: str) -> Sequence[float]:
        types = {one.name: _NUMBERS.get(one.type, np.float32) for one in session.get_inputs()}
        names = [one.name for one in session.get_outputs()]
        try:
            values = session.run(None, {name: value.astype(types[name]) for name, value in feeds.items()})
        except refusals() as error:
            raise self._unsupported(part, session, str(error).splitlines()[0]) from None
        found = dict(zip(names, (np.asarray(one) for one in values), strict=True))
        flat = [found[output]] if output in found else [one for one in found.values() if one.ndim == 2]
        if not flat or flat[0].ndim != 2 or not np.isfinite(flat[0]).all():
            raise self._unsupported(part, session)
        vector: Sequence[float] = flat[0][0].astype(np.float32)
        return vector

    def _unsupported(self, part: str, session: Any, why: str = "") -> NotDone:
        inputs = ", ".join(f"{one.name} {one.type} {list(one.shape)}" for one in session.get_inputs())
        text = f" {why}." if why else ""
        return NotDone(
            f"The {part} of the search model {self._folder} (input {inputs}) can't be used.{text}", _WHAT_TO_DO
        )


def _file(folder: Path, names: Iterable[str]) -> Path | None:
    places = [place / f"{name}{end}.onnx" for place in (folder, folder / "onnx") for name in names
              for end in ("", "_quantized", "_int8")]  # fmt: skip
    return next((place for place in places if place.is_file()), None)


def clip_files(folder: Path) -> list[Path]:
    """Return the folder of a model and what is in it, which may be its files."""
    return [folder, *sorted(folder.glob("*")), *sorted(folder.glob("onnx/*"))]


def _fingerprint(files: Iterable[Path]) -> str:
    """Return a hash of the beginnings, ends and sizes of the files: the whole would take seconds."""
    found = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        with file.open("rb") as stream:
            found.update(f"{size} ".encode() + stream.read(1 << 16))
            stream.seek(max(0, size - (1 << 16)))
            found.update(stream.read())
    return found.hexdigest()[:16]


def _colours(file: Path) -> tuple[Any, Any]:
    """Return mean and spread of the image values, as the model's own file says."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        mean, spread = (np.array(data[key], np.float32).reshape(3) for key in ("image_mean", "image_std"))
    except FileNotFoundError:
        return np.array(_MEAN, np.float32), np.array(_SPREAD, np.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotDone(f"Can't read {file}: {error}.", "Delete it, or copy it again from the model.") from None
    return mean, spread


# The tokens of CLIP: byte pairs, merged in the order of the vocabulary.

_START, _END = "<|startoftext|>", "<|endoftext|>"
_PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)
_OPENAI_MERGES = 49152 - 256 - 2
"""Merges of OpenAI's file that belong to the vocabulary; it has more."""
_WORD_END = "</w>"


class ClipTokens:
    """Token numbers of texts. file: merges, one pair a line, plain or gzip. Raises NotDone."""

    def __init__(self, file: Path) -> None:
        try:
            data = file.read_bytes()
            text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise NotDone(f"Can't read the vocabulary {file}: {error}.", "Copy it again from the model.") from None
        lines = text.split("\n")
        lines = [line for line in (lines[1:] if lines[0].startswith(("#", '"')) else lines) if line.strip()]
        merges = [tuple(line.split()) for line in lines[:_OPENAI_MERGES]]
        if not merges or any(len(merge) != 2 for merge in merges):
            raise NotDone(f"{file} isn't a vocabulary of CLIP.", "It has two parts a line, such as `i n`.")
        self._rank = {(first, second): rank for rank, (first, second) in enumerate(merges)}
        letters = list(_BYTES.values())
        names = [
            *letters,
            *(f"{one}{_WORD_END}" for one in letters),
            *("".join(merge) for merge in merges),
            _START,
            _END,
        ]
        self._ids = {name: number for number, name in enumerate(names)}
        self._word = lru_cache(2000)(self._merged)

    def ids(self, text: str, most: int) -> list[int]:
        """Return the tokens with those of start and end; what is too long is cut."""
        plain = " ".join(html.unescape(text).lower().split())
        found = [
            self._ids[part]
            for piece in _PIECES.findall(plain)
            for part in self._word("".join(_BYTES[byte] for byte in piece.encode()))
        ]
        return [self._ids[_START], *found[: most - 2], self._ids[_END]]

    def _merged(self, word: str) -> tuple[str, ...]:
        parts = [*word[:-1], f"{word[-1]}{_WORD_END}"]
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self._rank.get(pair, len(self._rank)))
            if best not in self._rank:
                break
            merged, at = list[str](), 0
            while at < len(parts):
                is_pair = tuple(parts[at : at + 2]) == best
                merged.append("".join(best) if is_pair else parts[at])
                at += 2 if is_pair else 1
            parts = merged
        return tuple(parts)


def _byte_letters() -> dict[int, str]:
    """Return a printable letter for each byte, in the order of the vocabulary: printable bytes are themselves."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    found = {byte: chr(byte) for byte in printable}
    others = [byte for byte in range(256) if byte not in found]
    return found | {byte: chr(256 + number) for number, byte in enumerate(others)}


_BYTES: Final = _byte_letters()


# Many vectors in little memory.


def packed(vector: Sequence[float]) -> bytes:
    """Return a vector of length 1 in the direction of this one: its scale, then 8 bits for each number."""
    values = np.asarray(vector, np.float32)
    values = values / max(float(np.linalg.norm(values)), 1e-9)
    scale = np.float32(max(float(np.abs(values).max()), 1e-9) / 127)
    return bytes(scale.tobytes() + np.round(values / scale).astype(np.int8).tobytes())


def is_packed(data: bytes) -> bool:
    """Return whether these are the bytes of a packed vector."""
    return len(data) > 4 and 0 < float(np.frombuffer(data[:4], np.float32)[0]) <= 1


class VectorTable:
    """Packed vectors of equal length, to be compared with one. rows: all of them, in the order of the answers."""

    _BLOCK: Final = 512
    """Rows converted at once: they stay in the processor's cache, and BLAS starts no threads."""

    def __init__(self, rows: Sequence[bytes]) -> None:
        table = np.frombuffer(b"".join(rows), np.int8).reshape(len(rows), -1) if rows else np.zeros((0, 4), np.int8)
        self._scales = table[:, :4].copy().view(np.float32).ravel()
        self._values = np.ascontiguousarray(table[:, 4:])

    def cosines(self, vector: Sequence[float]) -> Any:
        """Return the cosine to each row, float32. Raises ValueError: if the vector has another length."""
        wanted = np.frombuffer(packed(vector), np.int8)
        if len(self._values) and wanted.size != self._values.shape[1] + 4:
            raise ValueError(f"a vector of {wanted.size - 4} numbers, not of {self._values.shape[1]}")
        values = np.asarray(vector, np.float32)
        values = values / max(float(np.linalg.norm(values)), 1e-9)
        found = np.empty(len(self._values), np.float32)
        for first in range(0, len(found), self._BLOCK):
            found[first : first + self._BLOCK] = self._values[first : first + self._BLOCK].astype(np.float32) @ values
        return found * self._scales
