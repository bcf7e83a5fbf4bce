"""Who is known: encrypted, found again, and forgotten for good."""

from pathlib import Path

import pytest

from tawny.detection.recognition import RecogniserResult
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import RecognisedText
from tawny.service.detection.identity_store import FILE, KEY, IdentityStore, likeness

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
    assert book.name(made.id) == ""


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
    assert book.forget_all() == 1
    assert book.all() == []
    assert [one.name for one in tmp_path.rglob("known.*")] == []
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


@pytest.mark.parametrize(("name", "text"), [("", "BAB123"), ("x" * 61, "BAB123"), ("a\0b", "BAB123"), ("Anna", "-- ")])
def test_what_is_no_name_or_no_plate_is_refused(book: IdentityStore, name: str, text: str) -> None:
    with pytest.raises(NotDone):
        book.add(name, "plates", text)


def test_the_words_that_rules_may_use(book: IdentityStore) -> None:
    anna = book.add("Anna's car", "plates", "B AB 123")
    reads = (RecognisedText("plates", "BAB123", 0.9, anna.id), RecognisedText("faces", "", 0.8, "gone"))
    event = Event(EventId("e"), CameraId("gate"), "vehicle", 0, None, 50.0, reads=reads)
    assert book.words(event) == {"plates", "bab123", "annascar", "known", "faces", "unknown"}


def test_likeness() -> None:
    assert likeness((1, 0), (2, 0)) == pytest.approx(1)
    assert likeness((1, 0), (0, 1)) == pytest.approx(0)
    assert likeness((0, 0), (0, 1)) == 0
