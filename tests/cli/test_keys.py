"""A key file on the command line: why it does not open, and what to do."""

from pathlib import Path

import pytest

from tawny.cli import keys
from tawny.cli.encryption import lock_key
from tawny.model.errors import NotDone
from tawny.sealed import age_file
from tawny.sealed.key_wrapping import Identity
from tawny.service.sealing.sealing_service import write_secret_file

OWNER, PHRASE = Identity.new(), "one-two-three"


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "owner.age"
    write_secret_file(path, lock_key(OWNER, PHRASE))
    monkeypatch.setattr(keys, "typed", lambda _question: PHRASE)
    return path


def test_the_passphrase_opens_it(locked: Path) -> None:
    assert [one.text for one in keys.from_file(locked)] == [OWNER.text]


@pytest.mark.parametrize(
    ("of", "by", "what", "todo"),
    [
        (b"---", b"--- ", "Can't open {}: it is damaged.", "the recovery sheet with --words"),
        (b" 16\n", b" 30\n", "Can't open {}: its scrypt work factor is 30, and at most 22", "tawny or `age` made"),
        (b"-> scrypt ", b"-> other ", "Can't open {}: it isn't protected by a passphrase.", "recovery sheet"),
    ],
    ids=["damaged", "work", "no passphrase"],
)
def test_the_error_says_why(locked: Path, of: bytes, by: bytes, what: str, todo: str) -> None:
    locked.write_bytes(locked.read_bytes().replace(of, by, 1))
    with pytest.raises(NotDone) as raised:
        keys.from_file(locked)
    assert what.format(locked) in str(raised.value)
    assert todo in str(raised.value.todo)


def test_another_passphrase_is_called_wrong(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "typed", lambda _question: "one-two-four")
    with pytest.raises(NotDone, match="Wrong passphrase for"):
        keys.from_file(locked)


def test_missing_memory_is_said(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoMemory:
        def __init__(self, *_: object) -> None:
            raise MemoryError

    monkeypatch.setattr(age_file, "Scrypt", NoMemory)
    with pytest.raises(NotDone, match="needs 64 MiB of memory") as raised:
        keys.from_file(locked)
    assert "more memory" in str(raised.value.todo)
    with pytest.raises(NotDone, match="Can't protect the key"):
        lock_key(OWNER, PHRASE)


@pytest.mark.parametrize("phrase", ["one two three", " One  two-three ", "ONE TWO THREE"])
def test_the_words_of_a_passphrase_may_be_typed_with_spaces(
    phrase: str, locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "typed", lambda _question: phrase)
    assert [one.text for one in keys.from_file(locked)] == [OWNER.text]


def test_a_passphrase_that_has_spaces_opens_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, phrase = tmp_path / "owner.age", "My own Phrase"
    write_secret_file(path, lock_key(OWNER, phrase))
    monkeypatch.setattr(keys, "typed", lambda _question: phrase)
    assert [one.text for one in keys.from_file(path)] == [OWNER.text]
