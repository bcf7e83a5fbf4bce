"""What works sealed and what does not: each cell of the table in docs/how-to/encryption.md is a test; and the disk."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.sealed.key_wrapping import unwrap
from tawny.sealed.records import BLOB, FRAGMENTS
from tawny.sealed.sealer import read_ring
from tawny.storage.history.signed_files import STATE
from tawny.testing.waiting import until
from tests.app.rig import DOOR
from tests.service.sealing.sealed_house import OWNER, RECOVERY, YARD, House, files, house
from tests.service.sealing.sealed_rows import NOTIFIER, ROWS

DOCS = Path(__file__).parents[3] / "docs" / "how-to" / "encryption.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house"), NOTIFIER) as made:
        yield made


# --- the table itself


@pytest.mark.parametrize("what", ROWS)
def test_each_cell(home: House, tmp_path: Path, what: str) -> None:
    ROWS[what][2](home, tmp_path)


def test_the_table_of_the_documentation_has_these_rows_and_answers() -> None:
    text = DOCS.read_text().partition("## What works with encryption")[2].partition("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    data = {cell[0]: (cell[1], cell[2]) for cell in cells[2:]}
    assert data == {what: (locked, unlocked) for what, (locked, unlocked, _) in ROWS.items()}
    assert all(cell[3] for cell in cells[2:]), "each says how, or why not"


# --- what is on the disk


def test_no_picture_of_it_is_on_the_disk_in_what_was_sent_in_temporary_files_or_logs(home: House) -> None:
    """All that a recording and an event of an encrypted camera leave: files, index, outbox, uploads, log."""
    searched = [path for path in files(home.folder.parent) if ".new" not in path.suffixes]
    places = {path.relative_to(home.folder.parent).parts[0] for path in searched}
    assert {"data", "sent", "log.txt"} <= places
    assert {"tawny.db", "outbox.db"} <= {path.name for path in searched}
    found = {path for path in searched if has_any(path, list(sealed_bytes(home)))}
    assert not [path for path in found if DOOR in path.relative_to(home.folder.parent).parts or is_ours(path)]
    control = {path for path in searched if has_any(path, list(plain_bytes(home)))}
    assert {path.suffix for path in control} == {".mp4", ".jpg"}, "the search finds what is there"
    assert {"data", "sent"} <= {path.relative_to(home.folder.parent).parts[0] for path in control}


def is_ours(path: Path) -> bool:
    """What is of no camera."""
    return path.suffix not in (".mp4", ".jpg")


def sealed_bytes(home: House) -> Iterator[bytes]:
    """A few bytes out of each picture, loop and second of film of the sealed camera."""
    for path in sorted(home.still.glob("door/**/*.tws")):
        for record, content in home.opened(path.relative_to(home.still).as_posix()).contents():
            if record.type in (BLOB, *FRAGMENTS):
                yield from pieces(content)


def plain_bytes(home: House) -> Iterator[bytes]:
    (picture,) = home.folder.glob(f"yard/**/{home.events[YARD].id}.jpg")
    for path in (picture, home.folder / home.segments[YARD].path):
        yield from pieces(path.read_bytes())


def pieces(content: bytes) -> Iterator[bytes]:
    for share in (0.3, 0.6, 0.9):
        at = round(len(content) * share)
        if len(set(content[at : at + 48])) > 24:
            yield content[at : at + 48]


def has_any(path: Path, secrets: list[bytes]) -> bool:
    try:
        data = path.read_bytes()
    except FileNotFoundError:  # the recorder goes on, and has given it its next name
        return False
    return any(one in data for one in secrets)


def test_no_private_key_is_on_the_disk(home: House) -> None:
    private = [OWNER, RECOVERY]
    secrets = [form for one in private for form in (one.text.encode(), one.text.lower().encode())]
    ring = read_ring(b"".join(path.read_bytes() for path in home.folder.rglob("*.keys")))
    epochs = [unwrap(line.wrapped, [OWNER], line.commit) for line in ring.values()]
    assert epochs
    secrets += [form for key in epochs for form in (key, key.hex().encode())]
    assert not [path for path in files(home.folder.parent) if has_any(path, secrets)]
    own = json.loads((home.folder / STATE).read_bytes())["key"].encode()
    assert [path.name for path in files(home.folder.parent) if has_any(path, [own])] == ["state.json"], "it finds keys"


def test_what_of_it_can_be_read_is_this_and_no_more(home: House) -> None:
    """Names, times, sizes, how much moved; `grids`, which say where, are of the plain camera alone."""
    until(lambda: not [path for path in files(home.folder / DOOR) if path.suffix == ".new"], 60, "whole files")
    assert {path.suffix for path in files(home.folder / DOOR)} == {".tws", ".keys", ""}
    assert {path.name for path in files(home.folder / DOOR) if not path.suffix} == {"scores"}
    assert "grids" in {path.name for path in files(home.folder / YARD)}
