"""Model store: object detection models in the data folder, each with a manifest of its origin.

A model is listed once it is complete, matches its SHA-256 and has been loaded successfully. tawny ships without models.
"""

import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError
from urllib.parse import urlsplit

from tawny.config.file_writing import sync_folder
from tawny.detection.models.object_model import ObjectModel
from tawny.model.errors import NotDone
from tawny.model.times import Clock, utc_text
from tawny.storage.disk.private_files import (
    LOCK_FILE,
    access_remedy,
    give_to_owner,
    locked,
    make_folder,
    written_beside,
)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model. labels: number of classes. is_used: currently used."""

    name: str
    family: str
    origin: str
    licence: str
    bytes: int
    labels: int
    is_used: bool


FOLDER = "models"
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,58}[a-z0-9])?")
MOST_BYTES = 600_000_000
_PIECE = 1 << 18
TIMEOUT_S = 30.0
UNREADABLE_FAMILY = "can't be read"
"""Family of a model whose manifest can't be read: what is listed in its place."""
_NEW = ".onnx.new"
_AGAIN = "Add it again, or remove it from the list with `tawny models remove`."


@dataclass(frozen=True, slots=True)
class RecommendedModel:
    """A model offered for download."""

    name: str
    address: str
    sha256: str
    bytes: int
    licence: str
    origin: str


RECOMMENDED = RecommendedModel(
    name="yolox-nano",
    address=(
        "https://raw.githubusercontent.com/Kazuhito00/YOLOX-ONNX-TFLite-Sample/"
        "3d4f1119d0694200671c08069ecb847aa0d8495a/model/yolox_nano.onnx"
    ),
    sha256="695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14",
    bytes=3_660_092,
    licence="Apache-2.0",
    origin="YOLOX-Nano of Megvii-BaseDetection/YOLOX, release 0.1.1rc0",
)
"""Small enough for a Raspberry Pi; detects people, vehicles and animals."""


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """Manifest of an installed model. trouble: why it can't be read, with a remedy; never stored."""

    name: str
    sha256: str
    bytes: int
    family: str
    labels: tuple[str, ...]
    origin: str
    licence: str
    added: str
    trouble: str = ""


_STORED = tuple(field.name for field in fields(ModelManifest) if field.name != "trouble")
Describe = Callable[[Path, Sequence[str] | None], tuple[str, tuple[str, ...]]]
"""Returns family and labels of a model; empty labels: the family's own. Raises NotDone: if it cannot be used."""


def _object_model(file: Path, labels: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    model = ObjectModel(file, labels)
    return model.family.name, model.labels if labels else ()


class ModelStore:
    """Stores models below the recorder's data folder. Thread-safe and multi-process safe.

    A model without a manifest is incomplete and ignored. One whose manifest can't be read is listed with its `trouble`.
    """

    def __init__(self, data: Path, clock: Clock, kind: str = "", described: Describe | None = None) -> None:
        """kind: folder below that of the models; empty: object models. described: opens a file to describe it."""
        self.folder, self._clock, self._lock_file = data / FOLDER / kind, clock, data / LOCK_FILE
        self._described = described or _object_model

    @property
    def trouble(self) -> str:
        """Why models can't be listed, or which can't be read, with remedies; empty if all can."""
        try:
            return " ".join(card.trouble for card in self._cards() if card.trouble)
        except NotDone as error:
            return str(error)

    def all(self) -> list[ModelManifest]:
        """Return the installed models, newest first, then those that can't be read; none if the folder can't be."""
        with suppress(NotDone):  # it is the `trouble`
            return [card for card in self._cards() if card.trouble or self.file(card.name).is_file()]
        return []

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.onnx"

    def chosen(self, name: str) -> ModelManifest | None:
        """Return the model of this name; empty: the newest. None without models.

        Raises NotDone if it is missing or can't be read.
        """
        cards = self._cards()
        if not name and not cards:
            return None
        card = self._named(name or cards[0].name)
        if card.trouble:
            raise NotDone(card.trouble)
        if not self.file(card.name).is_file():
            raise NotDone(f"Can't use the model {card.name}: {self.file(card.name)} is missing.", _AGAIN)
        return card

    def check(self, card: ModelManifest) -> None:
        """Verify a model. Raises NotDone if its file cannot be read or has changed."""
        try:
            with self.file(card.name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            what = f"Can't use the model {card.name}: {self.file(card.name)}: {error.strerror}."
            raise NotDone(what, _AGAIN) from None
        if found != card.sha256:
            what = f"Can't use the model {card.name}: its file has changed (SHA-256 {found})."
            raise NotDone(what, _AGAIN)

    def add(
        self,
        source: str,
        *,
        name: str = "",
        sha256: str = "",
        labels: Sequence[str] | None = None,
        licence: str = "",
        origin: str = "",
        progress: Callable[[int], None] = lambda _bytes: None,
    ) -> ModelManifest:
        """Add a model. source: a file, or an HTTP(S) URL, which requires sha256. On NotDone nothing is changed.

        Only a given name replaces another model.
        """
        called = name or Path(urlsplit(source).path).stem.lower().replace("_", "-").replace(" ", "-")
        if not _NAME.fullmatch(called):
            raise NotDone(
                f"{called!r} isn't a valid model name.", "Use a-z, 0-9, `.`, `-` and `_`, for example `--name fox-cam`."
            )
        is_address = urlsplit(source).scheme in ("http", "https")
        if is_address and not sha256:
            raise NotDone(
                "A model from a URL requires its SHA-256.", "Add `--sha256 …` with the value its publisher gives."
            )
        try:
            with self._temporary(called) as (new, file):
                with _opened(source, is_address=is_address) as stream:
                    found, size = _copied(stream, file, progress)
                if sha256 and found != sha256.lower():
                    raise NotDone(
                        f"{source} doesn't match: its SHA-256 is {found}, expected {sha256.lower()}.",
                        "Don't use it. Check where it comes from.",
                    )
                card = ModelManifest(
                    called, found, size, *self._described(new, labels), origin or source, licence,
                    utc_text(self._clock.now_ms()),
                )  # fmt: skip
                if not name:
                    self._refuse_other(called, found)
                give_to_owner(file.fileno(), self.folder)
                self._keep(card, new)
        except OSError as error:
            raise NotDone(
                f"Can't add {source}: {error.strerror or error}.", "Check that it exists and that the disk isn't full."
            ) from None
        return card

    def _refuse_other(self, name: str, sha256: str) -> None:
        """Raises NotDone if another model that works has this name."""
        there = next((card for card in self._cards() if card.name == name and not card.trouble), None)
        if there is not None and there.sha256 != sha256 and self.file(name).is_file():
            raise NotDone(
                f"There is already another model named {name}.",
                f"Add `--name {name}` to replace it, or `--name` with another name to keep both.",
            )

    def add_offer(
        self, offer: RecommendedModel, progress: Callable[[int], None] = lambda _bytes: None
    ) -> ModelManifest:
        return self.add(
            offer.address, name=offer.name, sha256=offer.sha256, licence=offer.licence, origin=offer.origin,
            progress=progress,
        )  # fmt: skip

    def remove(self, name: str) -> None:
        """Remove a model. Raises NotDone if there is none of this name, or its files can't be removed."""
        card = self._named(name)
        try:
            with locked(self._lock_file):
                self._manifest(card.name).unlink(missing_ok=True)
                self.file(card.name).unlink(missing_ok=True)
        except OSError as error:
            raise NotDone(
                f"Can't remove {card.name}: {error.strerror}.", "Give tawny write permission for the folder."
            ) from None

    def _manifest(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _cards(self) -> list[ModelManifest]:
        """Return all manifests, newest first, including those whose model file is missing; then the unreadable ones.

        Raises NotDone if the folder can't be read.
        """
        try:
            names = {path.name for path in self.folder.iterdir()}
        except FileNotFoundError:
            return []
        except OSError as error:
            what = f"Can't read the models in {self.folder}: {error.strerror}."
            raise NotDone(what, access_remedy(error, self.folder, self._lock_file.parent)) from None
        stems = [name.removesuffix(".json") for name in names if name.endswith(".json")]
        cards = [card for stem in stems if (card := self._read(stem, is_model=f"{stem}.onnx" in names))]
        return sorted(cards, key=lambda card: (card.added, card.name), reverse=True)

    def _read(self, name: str, *, is_model: bool) -> ModelManifest | None:
        """Return the manifest, or what is listed in its place; None if the file is no manifest of a model."""
        file = self._manifest(name)
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            return ModelManifest(**{field: values[field] for field in _STORED} | {"labels": tuple(values["labels"])})
        except FileNotFoundError:
            return None  # removed meanwhile
        except OSError as error:
            remedy = access_remedy(error, file, self.folder, self.folder)
            wrong = NotDone(f"Can't use the model {name}: {file}: {error.strerror}.", remedy)
        except (ValueError, KeyError, TypeError):
            wrong = NotDone(f"Can't use the model {name}: {file} is damaged.", _AGAIN)
        return ModelManifest(name, "", 0, UNREADABLE_FAMILY, (), "", "", "", str(wrong)) if is_model else None

    def _named(self, name: str) -> ModelManifest:
        cards = self._cards()
        found = next((card for card in cards if card.name == name), None)
        if found is None:
            known = ", ".join(card.name for card in cards) or "none"
            raise NotDone(f"No model named {name}.", f"Available: {known}. Add one with `tawny models add`.")
        return found

    @contextmanager
    def _temporary(self, name: str) -> Iterator[tuple[Path, IO[bytes]]]:
        """Open a new private file for a model; it is removed at the end unless renamed. Raises NotDone, OSError."""
        try:
            make_folder(self.folder, 0o750)
        except OSError as error:
            raise NotDone(f"Can't create {self.folder}: {error.strerror}.", "Check `--data`.") from None
        with locked(self._lock_file):
            for old in self.folder.glob(f"*{_NEW}"):
                _remove_if_unused(old)
            fd, path = tempfile.mkstemp(prefix=f".{name}.", suffix=_NEW, dir=self.folder)
            file = os.fdopen(fd, "wb")
            fcntl.flock(file, fcntl.LOCK_EX)  # in use
        try:
            with file:
                yield Path(path), file
        finally:
            Path(path).unlink(missing_ok=True)

    def _keep(self, card: ModelManifest, new: Path) -> None:
        """Rename the model, then its manifest, once both are on the disk: a model without manifest is ignored."""
        values = asdict(card)
        text = json.dumps({field: values[field] for field in _STORED}, ensure_ascii=False, indent=1) + "\n"
        with locked(self._lock_file), written_beside(self._manifest(card.name), text.encode()) as manifest:
            new.replace(self.file(card.name))
            manifest.replace(self._manifest(card.name))
            sync_folder(self.folder)


def _remove_if_unused(old: Path) -> None:
    """Remove what an `add` left that was killed, as another one may be running. Raises OSError."""
    try:
        fd = os.open(old, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, PermissionError):
        return  # root's, as when `sudo tawny` was killed: only root can remove it
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        old.unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(fd)


@contextmanager
def _opened(source: str, *, is_address: bool) -> Iterator[Any]:
    if not is_address:
        with Path(source).expanduser().open("rb") as file:
            yield file
        return
    from urllib.request import Request, urlopen  # 0.3 MB, for a download alone

    request = Request(source, headers={"User-Agent": "tawny"})
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            yield answer
    except URLError as error:
        what = error.reason if not hasattr(error, "code") else f"{error.code} {error.reason}"
        raise _not_fetched(source, str(what)) from None
    except HTTPException as error:
        raise _not_fetched(source, str(error) or type(error).__name__) from None


def _not_fetched(source: str, what: str) -> NotDone:
    return NotDone(f"Can't download {source}: {what}.", "Check the internet connection and the address.")


def _copied(stream: Any, file: IO[bytes], progress: Callable[[int], None]) -> tuple[str, int]:
    """Copy and sync to disk. Return SHA-256 and size in bytes."""
    found, size = hashlib.sha256(), 0
    while piece := stream.read(_PIECE):
        found.update(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise NotDone(f"It is larger than {MOST_BYTES // 1_000_000} MB.", "Use a smaller model.")
        file.write(piece)
        progress(size)
    file.flush()
    os.fsync(file.fileno())
    return found.hexdigest(), size
