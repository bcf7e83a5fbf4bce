"""Copies of a box that isn't in contact any more, as after a theft: neither age nor other boxes push them out."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from tawny.config.fleet import CopySettings
from tawny.fleet import copies
from tawny.fleet.copy_store import CopyStore
from tawny.fleet.copy_volume import CopyVolume
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.times import stamp_ms
from tawny.testing.clock import FakeClock
from tests.fleet.recorded import PORCH

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
FIRST_MS = stamp_ms("20261113T050000.000Z")
"""A week before the clock."""
RULE = CopySettings(max="1 day")
HOUR_BYTES, DISK_BYTES = 100, 1000
DELETED = b'{"at_ms":1,"what":"event_dropped","event_dropped":{"id":"e-1"}}\n'
EVER = "9999"


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


def copy_of(store: CopyStore, box: str, hours: tuple[str, ...], seen_ms: int) -> CopyVolume:
    """Copies of hours, such as `13/05`, each with one file."""
    copied = store.of_box(box, b"k", box, "aa").copied
    for hour in hours:
        path = f"porch/2026/11/{hour}/x.jpg"
        copied.put(path, 0, bytes(HOUR_BYTES))
        copied.accept(path)
    copied.notes.say({"seen_ms": seen_ms})
    return copied


def hours_of(copied: CopyVolume) -> list[str]:
    return [folder.removeprefix("porch/2026/11/") for folder in copied.volume.hour_folders(PORCH)]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CopyStore:
    """On a disk with space for nine hours."""

    def usage(_: Path) -> DiskUsage:
        used = HOUR_BYTES * sum(1 for _ in tmp_path.rglob("*.jpg"))
        return DiskUsage(DISK_BYTES, used, DISK_BYTES - used)

    monkeypatch.setattr("tawny.storage.disk.headroom.shutil.disk_usage", usage)
    return CopyStore(tmp_path / "copies", FakeClock(), lambda: 0.0)


def test_the_age_of_copies_counts_from_the_last_contact_with_their_box(store: CopyStore) -> None:
    copied = copy_of(store, "shed", ("12/05", "13/05"), FIRST_MS + HOUR_MS)
    copies.trim(copied, [RULE], "shed", FIRST_MS + 300 * DAY_MS)
    assert hours_of(copied) == ["13/05"]
    copied.notes.say({"seen_ms": FIRST_MS + 3 * DAY_MS})
    copies.trim(copied, [RULE], "shed", FIRST_MS + 300 * DAY_MS)
    assert hours_of(copied) == []
    store.close()


def test_hours_with_kept_events_stay_whatever_their_age(store: CopyStore) -> None:
    """Until the box's owner deletes the event there."""
    copied = copy_of(store, "shed", ("13/05", "13/06", "13/07"), FIRST_MS + 9 * DAY_MS)
    event = Event(EventId("e-1"), PORCH, "person", FIRST_MS + HOUR_MS + 60_000, FIRST_MS + HOUR_MS + 65_000, 80.0)
    copied.index.put_event(replace(event, kept=True))
    copies.trim(copied, [RULE], "shed", FIRST_MS + 9 * DAY_MS)
    assert hours_of(copied) == ["13/06"]
    copied.grow_history("history/2026-11-20.jsonl", 0, DELETED)
    copied.forget_deleted()
    copies.trim(copied, [RULE], "shed", FIRST_MS + 9 * DAY_MS)
    assert hours_of(copied) == []
    store.close()


def test_the_oldest_copies_of_a_box_that_is_there_go_before_any_of_one_that_is_away(store: CopyStore) -> None:
    away = copy_of(store, "away", tuple(f"13/0{hour}" for hour in range(6)), FIRST_MS)
    here = copy_of(store, "here", ("20/01", "20/02", "20/03"), FIRST_MS + 7 * DAY_MS)
    assert copies.make_room(store, HOUR_BYTES, "2026/11/20/04")
    assert (len(hours_of(away)), hours_of(here)) == (6, ["20/02", "20/03"])
    store.close()


@pytest.mark.parametrize(("hours_away", "hours_left"), [(6, 5), (4, 4)], ids=["more", "not more"])
def test_copies_of_a_box_that_is_away_give_way_only_while_they_are_more_than_the_others(
    store: CopyStore, hours_away: int, hours_left: int
) -> None:
    """Nothing that is here is older than the new copy."""
    away = copy_of(store, "away", tuple(f"13/0{hour}" for hour in range(hours_away)), FIRST_MS)
    here = copy_of(store, "here", tuple(f"20/0{hour}" for hour in range(9 - hours_away)), FIRST_MS + 7 * DAY_MS)
    assert copies.make_room(store, HOUR_BYTES, "2026/11/20/00") == (hours_left < hours_away)
    assert (len(hours_of(away)), len(hours_of(here))) == (hours_left, 9 - hours_away)
    store.close()


def test_all_copies_give_way_to_the_recordings_of_the_hub(store: CopyStore) -> None:
    copy_of(store, "away", ("13/05",), FIRST_MS)
    copy_of(store, "here", ("20/01", "20/02", "20/03"), FIRST_MS + 7 * DAY_MS)
    assert copies.make_room(store, DISK_BYTES - 20, EVER)
    assert [hours_of(one.copied) for one in store.all()] == [[], []]
    store.close()
