"""The other recorders that a hub or a standby knows, so that diagnostics can hide their names."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tawny.config.settings import Settings
from tawny.fleet.index_opening import open_index
from tawny.fleet.sqlite_fleet_index import HUB_FILE
from tawny.fleet.standby_store import STANDBY_FILE, STANDBY_KEY_FILE, StandbyStore
from tawny.model.errors import NotDone, StorageError
from tawny.model.times import Clock


@dataclass(frozen=True, slots=True)
class OtherRecorder:
    """cameras: their names by ID."""

    name: str
    cameras: Mapping[str, str]


def known_recorders(folder: Path | None, settings: Settings | None, clock: Clock) -> list[OtherRecorder] | None:
    """Return the recorders that have joined; None: they can't be read. folder: the data folder; None: in memory.

    It may be called while the recorder runs.
    """
    if folder is None:
        return []
    try:
        return [*_of_hub(folder, settings.hub.database if settings else "", clock), *_of_standby(folder, clock)]
    except (NotDone, StorageError):
        return None


def _of_hub(folder: Path, database: str, clock: Clock) -> Iterator[OtherRecorder]:
    if database or (folder / HUB_FILE).exists():
        with closing(open_index(database, folder, clock)) as index:
            for box in index.boxes():
                yield OtherRecorder(box.name, _cameras(box.status))


def _cameras(status: Mapping[str, Any]) -> dict[str, str]:
    listed = status.get("cameras")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {str(one.get("id", "")): str(one.get("name", "")) for one in found}


def _of_standby(folder: Path, clock: Clock) -> Iterator[OtherRecorder]:
    if not (folder / STANDBY_FILE).exists():
        return
    with closing(StandbyStore(folder, clock)) as store:
        key = store.identity() if (folder / STANDBY_KEY_FILE).exists() else None
        for box in store.recorders():
            plan = store.plan(box.id, key) if key else None
            yield OtherRecorder(box.name, {one.id: one.name for one in plan.cameras} if plan else {})
