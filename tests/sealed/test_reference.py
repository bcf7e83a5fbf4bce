"""The decryptor in the documentation opens what tawny seals, and tells the same of it."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pyrage
import pytest
from cryptography.exceptions import InvalidTag

from tests.sealed.made import OWNER, RECOVERY, STRANGER, Epoch, contents, make
from tests.sealed.test_vectors import HERE, IDENTITY, V

PROGRAM = Path(__file__).parents[2] / "docs" / "unseal.py"


def loaded() -> ModuleType:
    found = importlib.util.spec_from_file_location("unseal", PROGRAM)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


UNSEAL = loaded()


def key(text: str) -> object:
    return pyrage.x25519.Identity.from_str(text)


def test_it_has_at_most_80_lines() -> None:
    assert len(PROGRAM.read_text().splitlines()) <= 80


@pytest.mark.parametrize("one", [OWNER, RECOVERY])
def test_it_reads_what_we_read(one: object) -> None:
    data = make(seconds=20, split=True).data
    records, answer = UNSEAL.unseal(data, [key(one.text)])  # type: ignore[attr-defined]
    assert [content for _, _, content in records] == contents(data)
    assert "closed properly" in answer


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("good.tws", "7 records, 0 thinned out, closed properly"),
        ("unsigned.tws", "closed properly"),
        ("thinned.tws", "5 records, 2 thinned out, closed properly"),
        ("open.tws", "5 records, 0 thinned out, NOT closed"),
        ("torn.tws", "NOT closed: a power cut, still recording, or cut short; 60 bytes at the end"),
    ],
)
def test_the_vectors(name: str, told: str) -> None:
    records, sentence = UNSEAL.unseal((HERE / name).read_bytes(), [key(IDENTITY.text)])
    found = [one["plain"].encode() for one in V["records"]]
    assert {content for _, _, content in records} <= set(found)
    assert told in sentence


def test_what_was_changed_is_refused() -> None:
    with pytest.raises(InvalidTag):
        UNSEAL.unseal((HERE / "damaged.tws").read_bytes(), [key(IDENTITY.text)])
    with pytest.raises(ValueError, match="record 3 is missing"):
        UNSEAL.unseal((HERE / "dropped.tws").read_bytes(), [key(IDENTITY.text)])
    with pytest.raises(pyrage.DecryptError):
        UNSEAL.unseal((HERE / "good.tws").read_bytes(), [key(STRANGER.text)])


def test_as_a_program(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text(f"# a comment\n{IDENTITY.text}\n")
    (tmp_path / "a.tws").write_bytes((HERE / "good.tws").read_bytes())
    done = subprocess.run(
        [sys.executable, PROGRAM, tmp_path / "key.txt", tmp_path / "a.tws"], capture_output=True, text=True, check=True
    )
    assert "closed properly" in done.stdout
    film = "".join(one["plain"] for one in V["records"] if one["type"] not in (1, 0x70))
    assert (tmp_path / "a.tws.mp4").read_text() == film
    assert json.loads((HERE / "vectors.json").read_text()) == V


@pytest.mark.parametrize("minutes", [30, pytest.param(24 * 60, marks=pytest.mark.long)])
def test_it_opens_a_day_of_a_camera(minutes: int) -> None:
    """Each file, with the key of its ten minutes at its step."""
    prev, opened = bytes(32), 0
    for minute in range(minutes):
        if minute % 9 == 0:
            epoch = Epoch.new(born_ms=minute * 60_000)
        start_ms = minute * 60_000
        made = make(epoch, seconds=60, size=400, seed=minute, number=minute, start_ms=start_ms, prev=prev)
        prev = made.sealer.digest
        records, answer = UNSEAL.unseal(made.data, [key(OWNER.text)])
        assert answer.startswith(f"starts {start_ms} ms UTC, 63 records, 0 thinned out, closed properly")
        opened += sum(len(content) == 400 for _, _, content in records)
    assert opened == minutes * 60
