"""An archive disk that hangs, as a dead network mount: it keeps only the thread that asks it, and counts as away."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tawny.engine import blocking_calls
from tawny.model.errors import StorageError
from tawny.storage.disk import secondary_volumes
from tawny.storage.disk.disk import DiskCapacity, RealDisk
from tawny.storage.disk.layout import HOUR_MS
from tawny.storage.disk.secondary_volumes import (
    VolumeUse,
    any_away,
    check_present,
    is_volume_present,
    join,
    mounted_at,
    spaces,
)
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.runner import Retention
from tests.storage.bench import PORCH, Site

WAITS_S = 5.0
"""How long a call to the disk waits, so that a test without the thread fails instead of hanging too."""


class Hanging:
    """A tier whose calls wait until `back` is set."""

    def __init__(self, folder: Path, patched: pytest.MonkeyPatch) -> None:
        self.site = Site(folder / "first")
        self.tier = join(self.site.volume, folder / "tier", VolumeUse.TIER)
        self.back, self.waited = threading.Event(), list[threading.Thread]()
        patched.setattr(secondary_volumes, "RESPONDS_S", 0.05)
        for name in ("open", "stat", "lstat"):
            patched.setattr(os, name, self._waiting(getattr(os, name)))

    def _waiting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wait(path: Any, *given: Any, **named: Any) -> Any:
            if str(path) == str(self.tier.root) and not self.back.is_set():
                self.waited.append(threading.current_thread())
                self.back.wait(WAITS_S)
            return call(path, *given, **named)

        return wait


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    made = Hanging(tmp_path, monkeypatch)
    yield made
    made.back.set()
    for thread in made.waited:
        if thread is not threading.current_thread():
            thread.join()


def test_room_is_made_on_the_main_disk_meanwhile(hanging: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    site = hanging.site
    old = site.put(300)
    monkeypatch.setattr(site.volume, "space", lambda: DiskCapacity(0, 100_000))
    contract = RetentionContract(RetentionRule(free_share=0.1))
    Retention(site.volume, site.index, site.ledger, site.clock, contract).run(urgent=True)
    assert not (site.folder / old.path).exists()
    assert len(hanging.waited) == 1


def test_what_is_on_the_main_disk_is_read_meanwhile(hanging: Hanging) -> None:
    site = hanging.site
    old = site.put(300)
    hour = Catalogue(site.volume).hour(PORCH, old.start_ms // HOUR_MS)
    assert ([one.path for one in hour.files], hour.is_whole) == ([old.path], False)
    assert site.volume.cameras() == [PORCH]
    assert site.volume.holding("porch/missing") is None
    assert [volume for volume, _ in spaces(site.volume)] == [site.volume]
    assert len(hanging.waited) == 1


def test_the_error_says_that_it_does_not_respond(hanging: Hanging) -> None:
    for _ in range(2):
        with pytest.raises(StorageError, match="it isn't responding"):
            check_present(hanging.tier)
    assert len(hanging.waited) == 1


def test_it_is_used_again_when_it_responds(hanging: Hanging) -> None:
    assert any_away(hanging.site.volume)
    hanging.back.set()
    hanging.waited[0].join()
    assert is_volume_present(hanging.tier)
    assert not any_away(hanging.site.volume)


class Asked:
    """A disk whose first question is never answered, on the mounts that a test changes."""

    def __init__(self, root: Path) -> None:
        self.disk, self.mounts, self.back, self.count = RealDisk(root), "old", threading.Event(), 0

    def question(self) -> str:
        self.count += 1
        if self.count == 1:
            self.back.wait(WAITS_S)
        return "mark" if self.disk.entry("x") is None else ""

    def ask(self, most_s: float = WAITS_S) -> str:
        return self.disk.wait_for(self.question, most_s, lambda: self.mounts)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    made = Asked(tmp_path)
    yield made
    made.back.set()


def test_a_disk_that_is_mounted_again_is_asked_again(asked: Asked) -> None:
    for _ in range(3):
        with pytest.raises(StorageError, match="it isn't responding"):
            asked.ask(0.05)
    with pytest.raises(StorageError, match="it isn't responding"):
        asked.disk.entry("x")
    assert asked.count == 1
    asked.mounts = "new"
    assert asked.ask() == "mark"
    assert asked.disk.entry("x") is None
    assert asked.ask() == "mark"
    assert asked.count == 3


def test_what_is_mounted_around_a_folder_is_known_without_asking_it(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("25 1 8:1 / / rw\n40 25 0:52 / /mnt/a\\040b rw\n41 25 0:53 / /mnt/other rw\n")
    assert [words[0] for words in mounted_at(Path("/mnt/a b/video"), mounts)] == ["25", "40"]


def test_all_who_ask_meanwhile_share_a_thread(hanging: Hanging) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(is_volume_present, [hanging.tier] * 8))
    assert len(hanging.waited) == 1


def test_another_error_of_a_question_reaches_the_caller(tmp_path: Path) -> None:
    def fail() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        RealDisk(tmp_path).wait_for(fail, WAITS_S, tuple)


def test_without_a_thread_the_caller_asks(hanging: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_given: object) -> None:
        raise RuntimeError("can't start new thread")

    hanging.back.set()
    monkeypatch.setattr(blocking_calls, "start_thread", none_left)
    assert is_volume_present(hanging.tier)
