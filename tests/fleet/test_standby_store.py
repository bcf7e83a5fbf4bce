"""What a standby keeps of a recorder, while two threads change it."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tawny.fleet.standby_store import FOLDER, STANDBY_KEY_FILE, StandbyStore, Takeover, takeovers_in
from tawny.model.errors import NotDone
from tawny.testing.clock import FakeClock

ONE, TWO = Takeover("front", 1, 2), Takeover("front", 1, 2, 3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StandbyStore]:
    made = StandbyStore(tmp_path, FakeClock())
    yield made
    made.close()


def _joined(store: StandbyStore) -> str:
    code, _ = store.invite()
    box = store.join(code, "shop", b"k" * 32, b"o" * 32)
    assert box is not None
    return box.id


def _during(monkeypatch: pytest.MonkeyPatch, first: Callable[[], None], second: Callable[[], object]) -> None:
    """Run `second` in another thread while `first` writes to the disk."""
    flush, other = os.fsync, threading.Thread(target=second)

    def slow(descriptor: int) -> None:
        if other.ident is None:
            other.start()
            other.join(0.2)  # it has ended, or waits for its turn
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    first()
    other.join()


def test_two_lists_stored_at_once_are_both_stored_in_turn(store: StandbyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    box = _joined(store)
    _during(monkeypatch, lambda: store.keep_takeovers(box, [ONE]), lambda: store.keep_takeovers(box, [TWO]))
    assert store.takeovers(box) == [TWO]


def test_a_takeover_of_an_earlier_version_counts_as_by_the_standbys_clock() -> None:
    data = {key: value for key, value in asdict(TWO).items() if key != "is_by_recorder"}
    assert takeovers_in([data, data | {"is_by_recorder": True}]) == [TWO, replace(TWO, is_by_recorder=True)]


def test_a_recorder_that_is_removed_while_its_plan_is_stored_leaves_nothing(
    store: StandbyStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    box = _joined(store)
    _during(monkeypatch, lambda: store.keep_plan(box, b"sealed"), lambda: store.revoke(box))
    assert not list((tmp_path / FOLDER).iterdir())


def test_a_plan_that_comes_after_the_removal_is_not_stored(store: StandbyStore, tmp_path: Path) -> None:
    box = _joined(store)
    store.revoke(box)
    store.keep_plan(box, b"sealed")
    store.keep_takeovers(box, [ONE])
    assert not (tmp_path / FOLDER).exists()


def test_a_store_whose_key_is_damaged_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A standby tries again each two seconds: files left open would become too many."""
    (tmp_path / STANDBY_KEY_FILE).write_text("rubbish")
    closed, close = list[StandbyStore](), StandbyStore.close

    def noted(store: StandbyStore) -> None:
        closed.append(store)
        close(store)

    monkeypatch.setattr(StandbyStore, "close", noted)
    with pytest.raises(NotDone, match="damaged"):
        StandbyStore.opened(tmp_path, FakeClock())
    assert len(closed) == 1
