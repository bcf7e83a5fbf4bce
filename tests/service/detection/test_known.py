"""Who is known: encrypted, found again, and forgotten for good."""

import os
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from tawny.detection.recognition import RecogniserResult
from tawny.model.errors import NotDone
from tawny.model.events import Event, actor_name
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import RecognisedText
from tawny.service.detection.identity_store import FILE, KEY, IdentityStore, likeness
from tawny.storage.disk import private_files
from tawny.storage.disk.private_files import LOCK_FILE, locked

ANNA = (1.0, 0.0, 0.2)
BEN = (0.0, 1.0, 0.1)


@pytest.fixture
def book(tmp_path: Path) -> IdentityStore:
    (tmp_path / "data").mkdir()
    return IdentityStore(tmp_path / "data", tmp_path / "etc")


def face(*numbers: float) -> RecogniserResult:
    return RecogniserResult("", 0.9, numbers)


def test_a_plate_is_known_however_it_is_written(book: IdentityStore) -> None:
    made = book.add(" Anna's  car ", "plates", "b-ab 1230")
    assert (made.name, made.text) == ("Anna's car", "B-AB 1230")
    assert book.who("plates", RecogniserResult("BAB1230")) == made.id
    assert book.who("plates", RecogniserResult("8AB123O")) == made.id
    assert book.who("plates", RecogniserResult("BAB1231")) == ""
    assert book.who("faces", RecogniserResult("BAB1230")) == ""


def test_the_same_plate_wins_over_one_that_looks_alike(book: IdentityStore) -> None:
    anna, stranger = book.add("Anna", "plates", "B SO 5012"), book.add("Stranger", "plates", "B 50 5012")
    assert book.who("plates", RecogniserResult("BSO5012")) == anna.id
    assert book.who("plates", RecogniserResult("B505012")) == stranger.id
    assert book.who("plates", RecogniserResult("BS05012")) == "", "it may be either"
    book.forget("Stranger")
    assert book.who("plates", RecogniserResult("BS05012")) == anna.id


def test_a_face_is_whoever_is_most_alike_if_enough(book: IdentityStore) -> None:
    anna, ben = book.add("Anna", "faces", "", ANNA), book.add("Ben", "faces", "", BEN)
    assert book.who("faces", face(0.9, 0.1, 0.2)) == anna.id
    assert book.who("faces", face(0.2, 0.9, 0.2)) == ben.id
    assert book.who("faces", face(0.0, 0.0, -1.0)) == ""
    assert book.who("faces", face(1.0, 0.0)) == ""
    assert book.who("faces", face()) == ""


def test_another_picture_of_somebody_is_the_same_person(book: IdentityStore) -> None:
    first, second = book.add("Anna", "faces", "", ANNA), book.add("anna", "faces", "", BEN)
    assert first.id == second.id
    assert len(book.all()) == 1
    assert book.who("faces", face(*BEN)) == first.id


def test_another_process_sees_what_was_added_and_forgotten(book: IdentityStore, tmp_path: Path) -> None:
    other = IdentityStore(tmp_path / "data", tmp_path / "etc")
    made = book.add("Anna", "plates", "BAB123")
    assert [one.name for one in other.all()] == ["Anna"]
    assert other.forget("anna") == 1
    assert book.name(RecognisedText("plates", "", 0.9, made.id)) == ""


def test_two_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each has its own store; even the first key is made once."""

    def add(name: str) -> None:
        mine = IdentityStore(tmp_path / "data", tmp_path / "etc")
        for number in range(15):
            mine.add(f"{name} {number}", "plates", f"{name} {number}1")

    both = [Thread(target=add, args=(name,)) for name in ("A", "B")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    book = IdentityStore(tmp_path / "data", tmp_path / "etc")
    assert (len(book.all()), book.trouble) == (30, "")


def test_a_change_waits_for_another_only_briefly(
    book: IdentityStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = book.add("Anna", "plates", "BAB123")
    monkeypatch.setattr(private_files, "WAITS_S", 0.05)
    with locked(tmp_path / "data" / LOCK_FILE):
        for change in (lambda: book.add("Ben", "plates", "XYZ987"), lambda: book.forget("Anna"), book.forget_all):
            with pytest.raises(NotDone, match="Another tawny process"):
                change()
        assert book.who("plates", RecogniserResult("BAB123")) == anna.id


def test_root_gives_both_files_to_the_user_that_runs_tawny(
    book: IdentityStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: set[int] = set()

    def give(of: Path | int, *_: object, **__: object) -> None:
        given.add((of.lstat() if isinstance(of, Path) else os.fstat(of)).st_ino)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", give)
    book.add("Anna", "plates", "BAB123")
    made = {path for path in tmp_path.glob("**/*") if path != tmp_path / "data"}
    assert {tmp_path / "data" / FILE, tmp_path / "etc", tmp_path / "etc" / KEY} <= made
    assert {path for path in made if path.stat().st_ino not in given} == set()


@pytest.mark.parametrize("name", ["data/known.bin", "etc/known.key"])
def test_a_file_that_cannot_be_read_is_told_and_breaks_nothing(book: IdentityStore, tmp_path: Path, name: str) -> None:
    anna = book.add("Anna", "plates", "BAB123")
    file, kept = tmp_path / name, tmp_path / "kept"
    file.rename(kept)
    file.mkdir()  # a read fails, also for root
    event = Event(
        EventId("e"), CameraId("gate"), "vehicle", 0, None, 50.0, reads=(RecognisedText("plates", "X", 1, anna.id),)
    )
    assert book.who("plates", RecogniserResult("BAB123")) == book.name(event.reads[0]) == ""
    assert book.words(event) == {"plates", "x", "unknown"}
    assert book.all() == []
    assert book.trouble == (
        f"Known faces and plates are unavailable: {file} can't be read (Is a directory). Check the disk."
    )
    for change in (lambda: book.add("Ben", "plates", "XYZ987"), lambda: book.forget("Anna")):
        with pytest.raises(NotDone, match="can't be read"):
            change()
    file.rmdir()
    kept.rename(file)
    assert book.name(event.reads[0]) == "Anna"
    assert book.trouble == ""


def test_neither_file_tells_a_name_and_only_the_owner_can_read_them(book: IdentityStore, tmp_path: Path) -> None:
    book.add("Anna", "plates", "BAB123")
    for file in (tmp_path / "data" / FILE, tmp_path / "etc" / KEY):
        assert file.stat().st_mode & 0o777 == 0o600
        assert b"Anna" not in file.read_bytes()
        assert b"BAB123" not in file.read_bytes()


def test_what_was_forgotten_cannot_be_brought_back_with_an_older_copy(book: IdentityStore, tmp_path: Path) -> None:
    book.add("Anna", "plates", "BAB123")
    book.add("Ben", "plates", "XYZ987")
    before = (tmp_path / "data" / FILE).read_bytes()
    assert book.forget("Anna") == 1
    assert [one.name for one in book.all()] == ["Ben"]
    (tmp_path / "data" / FILE).write_bytes(before)
    later = IdentityStore(tmp_path / "data", tmp_path / "etc")
    assert later.all() == []
    assert "can't be opened with" in later.trouble
    with pytest.raises(NotDone):
        later.add("Cleo", "plates", "ABC123")


def test_all_are_forgotten_with_the_key(book: IdentityStore, tmp_path: Path) -> None:
    book.add("Anna", "plates", "BAB123")
    (tmp_path / "etc" / f".{KEY}.killed.new").write_bytes(b"a key left by a process that was killed")
    assert IdentityStore(tmp_path / "data", tmp_path / "etc").forget_all() == 1, "also by another process"
    assert book.all() == []
    assert [one.name for one in tmp_path.rglob("*known.*")] == []
    assert book.add("Ben", "plates", "XYZ987").name == "Ben"


def test_a_file_that_is_spoilt_is_told_of_and_begun_anew(book: IdentityStore, tmp_path: Path) -> None:
    book.add("Anna", "plates", "BAB123")
    for content in (b"", b"short", b"\0" * 200):
        (tmp_path / "data" / FILE).write_bytes(content)
        assert book.all() == []
        assert "tawny known forget --all" in book.trouble
    book.forget_all()
    assert book.trouble == ""


def test_in_memory_nothing_is_written(tmp_path: Path) -> None:
    book = IdentityStore(None, tmp_path)
    made = book.add("Anna", "plates", "BAB123")
    assert book.who("plates", RecogniserResult("BAB123")) == made.id
    assert list(tmp_path.iterdir()) == []
    (tmp_path / KEY).write_bytes(b"of another store")
    assert book.forget_all() == 1
    assert (tmp_path / KEY).exists()


@pytest.mark.parametrize(("name", "text"), [("", "BAB123"), ("x" * 61, "BAB123"), ("a\0b", "BAB123"), ("Anna", "-- ")])
def test_what_is_no_name_or_no_plate_is_refused(book: IdentityStore, name: str, text: str) -> None:
    with pytest.raises(NotDone):
        book.add(name, "plates", text)


def test_the_words_that_rules_may_use(book: IdentityStore) -> None:
    anna = book.add("Anna's car", "plates", "B AB 123")
    reads = (RecognisedText("plates", "BAB123", 0.9, anna.id), RecognisedText("faces", "", 0.8, "gone"))
    event = Event(EventId("e"), CameraId("gate"), "vehicle", 0, None, 50.0, reads=reads)
    assert book.words(event) == {"plates", "bab123", "annascar", "known", "faces", "unknown"}


def test_a_plate_that_is_named_later_names_events_before(book: IdentityStore) -> None:
    reads = (RecognisedText("plates", "BAB123", 0.9), RecognisedText("faces", "", 0.8))
    event = Event(EventId("e"), CameraId("gate"), "vehicle", 0, None, 50.0, reads=reads)
    book.add("Anna's car", "plates", "B AB 123")
    assert actor_name(event, book.name) == "Anna's car"
    assert book.words(event) == {"plates", "bab123", "annascar", "known", "faces", "unknown"}
    by_others = replace(event, reads=(RecognisedText("containers", "BAB123", 0.9),))
    assert actor_name(by_others, book.name) == "Vehicle BAB123"
    book.forget("Anna's car")
    assert actor_name(event, book.name) == "Vehicle BAB123"


def test_likeness() -> None:
    assert likeness((1, 0), (2, 0)) == pytest.approx(1)
    assert likeness((1, 0), (0, 1)) == pytest.approx(0)
    assert likeness((0, 0), (0, 1)) == 0
