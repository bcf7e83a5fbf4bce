"""Models that somebody adds: whole, checked, tried, or not there at all."""

import errno
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tawny.model.errors import NotDone
from tawny.service.detection.model_store import RECOMMENDED, ModelStore, RecommendedModel
from tawny.testing.clock import FakeClock
from tests.detection.models import models


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shelf(tmp_path: Path, clock: FakeClock) -> ModelStore:
    return ModelStore(tmp_path / "data", clock)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return models.bright(tmp_path / "Fox_Cam.onnx")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_is_added_tried_and_listed(shelf: ModelStore, file: Path, clock: FakeClock) -> None:
    assert shelf.all() == []
    assert shelf.chosen("") is None
    card = shelf.add(str(file), licence="Apache-2.0")
    assert (card.name, card.family, card.sha256, card.bytes) == ("fox-cam", "YOLOX", sha256(file), file.stat().st_size)
    clock.advance(1)
    second = shelf.add(str(file), name="later")
    assert shelf.all() == [second, card]
    assert shelf.chosen("") == second
    assert shelf.chosen("fox-cam") == card
    shelf.remove("later")
    assert shelf.all() == [card]
    with pytest.raises(NotDone, match="No model named later"):
        shelf.remove("later")


def test_another_model_of_the_same_file_name_replaces_none_unless_its_name_is_given(
    shelf: ModelStore, file: Path, tmp_path: Path
) -> None:
    card = shelf.add(str(file), licence="MIT")
    (tmp_path / "b").mkdir()
    other = models.bright(tmp_path / "b" / file.name, size=32)
    assert sha256(other) != card.sha256
    with pytest.raises(NotDone, match="already another model named fox-cam"):
        shelf.add(str(other))
    assert shelf.all() == [card]
    assert shelf.add(str(file), licence="MIT") == card  # the same file
    replaced = shelf.add(str(other), name="fox-cam")
    assert shelf.all() == [replaced]


def test_one_is_fetched_from_an_address_that_must_keep_its_word(shelf: ModelStore, file: Path) -> None:
    with served(file.parent) as address:
        offer = RecommendedModel(
            "foxes", f"{address}/{file.name}", sha256(file), file.stat().st_size, "MIT", "somebody"
        )
        counted: list[int] = []
        card = shelf.add_offer(offer, counted.append)
        assert (card.name, card.licence, card.origin) == ("foxes", "MIT", "somebody")
        assert counted[-1] == offer.bytes
        with pytest.raises(NotDone, match="doesn't match: its SHA-256 is"):
            shelf.add(f"{address}/{file.name}", name="bad", sha256="0" * 64)
        with pytest.raises(NotDone, match="requires its SHA-256"):
            shelf.add(f"{address}/{file.name}")
        with pytest.raises(NotDone, match="404"):
            shelf.add(f"{address}/none.onnx", sha256="0" * 64)
    with pytest.raises(NotDone, match="Can't download"):
        shelf.add(f"{address}/{file.name}", sha256="0" * 64)
    assert [one.name for one in shelf.all()] == ["foxes"]
    assert sorted(one.name for one in shelf.folder.iterdir()) == ["foxes.json", "foxes.onnx"]


def test_an_address_that_is_none_or_answers_in_no_known_way_is_told(shelf: ModelStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(1 << 16)
                caller.sendall(b"what?\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        with pytest.raises(NotDone, match=r"Can't download http.*: what"):
            shelf.add(f"{address}/fox.onnx", sha256="0" * 64)
        thread.join()
        with pytest.raises(NotDone, match=r"Can't download http.*: URL can't contain"):
            shelf.add(f"{address}/a fox.onnx", sha256="0" * 64)


def test_what_is_no_model_changes_nothing(shelf: ModelStore, file: Path, tmp_path: Path) -> None:
    shelf.add(str(file), name="good")
    broken = tmp_path / "good.onnx"
    broken.write_bytes(file.read_bytes()[:500])
    with pytest.raises(NotDone, match="can't be used"):
        shelf.add(str(broken))
    with pytest.raises(NotDone, match="Can't add"):
        shelf.add(str(tmp_path / "none.onnx"))
    with pytest.raises(NotDone, match="isn't a valid model name"):
        shelf.add(str(file), name="../up")
    (card,) = shelf.all()
    assert shelf.file(card.name).read_bytes() == file.read_bytes()


def test_a_card_that_cannot_be_read_is_told(shelf: ModelStore, file: Path, clock: FakeClock) -> None:
    old = shelf.add(str(file), name="old")
    clock.advance(1)
    new = shelf.add(str(file), name="new")
    (shelf.folder / "again.json").write_text("{}")  # no card: there is no model of this name
    assert (shelf.all(), shelf.trouble) == ([new, old], "")
    card = shelf.folder / "new.json"
    content = card.read_bytes()
    card.unlink()
    card.mkdir()  # a read fails, also for root
    assert [(one.name, one.family) for one in shelf.all()] == [("old", "YOLOX"), ("new", "can't be read")]
    assert shelf.chosen("") == old
    assert shelf.trouble == f"Can't use the model new: {card}: Is a directory. Check the disk."
    with pytest.raises(NotDone, match="Can't use the model new"):
        shelf.chosen("new")
    card.rmdir()
    card.write_bytes(content[:20])
    shelf.remove("old")
    assert [(one.name, one.family) for one in shelf.all()] == [("new", "can't be read")]
    with pytest.raises(NotDone, match=r"Can't use the model new: .*new\.json is damaged\. Add it again"):
        shelf.chosen("")
    shelf.add(str(file), name="new")
    assert (shelf.chosen(""), shelf.trouble) == (new, "")


def test_a_folder_that_cannot_be_read_is_told(shelf: ModelStore, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.add(str(file), name="one")

    def denied(_path: Path) -> list[Path]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    assert shelf.all() == []
    assert shelf.trouble.startswith(f"Can't read the models in {shelf.folder}: Permission denied. ")
    with pytest.raises(NotDone, match="Permission denied"):
        shelf.chosen("")


def test_root_gives_model_card_and_folder_to_the_user_that_runs_tawny(
    shelf: ModelStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: set[int] = set()

    def give(of: Path | int, *_: object, **__: object) -> None:
        given.add((of.lstat() if isinstance(of, Path) else os.fstat(of)).st_ino)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", give)
    shelf.add(str(file), name="one")
    made = {shelf.folder, *shelf.folder.parent.glob("**/*")}
    assert shelf.file("one") in made
    assert {path for path in made if path.stat().st_ino not in given} == set()


def test_two_that_add_the_same_model_at_once_both_succeed(shelf: ModelStore, file: Path, tmp_path: Path) -> None:
    """As after a double click, or by the page and a command."""
    other, inner = ModelStore(tmp_path / "data", FakeClock()), list[str]()

    def meanwhile(_bytes: int) -> None:
        if not inner:
            inner.append("begun")
            inner.append(other.add(str(file), name="fox").name)

    assert shelf.add(str(file), name="fox", progress=meanwhile).name == "fox"
    assert inner == ["begun", "fox"]
    (card,) = shelf.all()
    shelf.check(card)
    assert sorted(one.name for one in shelf.folder.iterdir()) == ["fox.json", "fox.onnx"]


def test_what_a_killed_one_left_is_removed(shelf: ModelStore, file: Path) -> None:
    shelf.folder.mkdir(parents=True)
    (shelf.folder / ".fox.killed.onnx.new").write_bytes(b"half of it")
    shelf.add(str(file), name="other")
    assert sorted(one.name for one in shelf.folder.iterdir()) == ["other.json", "other.onnx"]


def test_the_former_model_stays_where_the_new_one_cannot_be_placed(
    shelf: ModelStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shelf.add(str(file), name="one")
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if target == shelf.file("one"):
            raise OSError(errno.EIO, "Input/output error")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(NotDone, match="Input/output error"):
        shelf.add(str(file), name="one", licence="MIT")
    assert shelf.all() == [before]
    shelf.check(before)
    assert sorted(one.name for one in shelf.folder.iterdir()) == ["one.json", "one.onnx"]


def test_no_card_or_a_missing_model_does_not_count(shelf: ModelStore, file: Path) -> None:
    shelf.add(str(file), name="one")
    shelf.add(str(file), name="two")
    shelf.file("one").unlink()
    (shelf.folder / "two.json").unlink()
    assert shelf.all() == []
    for name in ("", "one"):
        with pytest.raises(NotDone, match=r"Can't use the model one: .*one\.onnx is missing"):
            shelf.chosen(name)
    shelf.remove("one")
    assert shelf.chosen("") is None


def test_a_file_that_changed_on_the_disk_is_found_out(shelf: ModelStore, file: Path) -> None:
    card = shelf.add(str(file), name="one")
    shelf.check(card)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    shelf.file("one").write_bytes(content)
    with pytest.raises(NotDone, match="its file has changed"):
        shelf.check(card)
    shelf.file("one").unlink()
    with pytest.raises(NotDone, match="No such file"):
        shelf.check(card)


def test_labels_of_its_own_stay_with_it(shelf: ModelStore, tmp_path: Path) -> None:
    file = models.bright(tmp_path / "own.onnx", classes=2)
    assert shelf.add(str(file), labels=["fox", "badger"]).labels == ("fox", "badger")
    with pytest.raises(NotDone, match="classes without names"):
        shelf.add(str(file), name="nameless")


def test_the_recommended_one_is_pinned() -> None:
    assert RECOMMENDED.address.startswith("https://")
    assert len(bytes.fromhex(RECOMMENDED.sha256)) == 32
    assert RECOMMENDED.licence == "Apache-2.0"
