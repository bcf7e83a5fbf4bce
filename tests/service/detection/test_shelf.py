"""Models that somebody adds: whole, checked, tried, or not there at all."""

import hashlib
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


def test_half_a_card_or_a_missing_model_does_not_count(shelf: ModelStore, file: Path) -> None:
    shelf.add(str(file), name="one")
    shelf.add(str(file), name="two")
    shelf.file("one").unlink()
    (shelf.folder / "two.json").write_text('{"name": "two"}')
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
