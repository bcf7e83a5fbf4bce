"""What a standby keeps of the recorders that it protects, in `standby.db` and the folder `.standby`.

Their cameras' addresses and credentials lie encrypted (`standby_plan`); the key is in `standby.key`. Deleting a
recorder deletes them at once.
"""

import json
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from tawny.fleet.fleet_index import CALLED, Box
from tawny.fleet.identity import comparison_words
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.fleet.standby_lease import LeaseState
from tawny.fleet.standby_plan import MOST_PLAN_BYTES, StandbyPlan
from tawny.model.errors import NotDone, StorageError
from tawny.model.times import Clock
from tawny.sealed.key_wrapping import Identity
from tawny.storage.disk.disk import turned
from tawny.storage.disk.private_files import write_private

STANDBY_FILE: Final = "standby.db"
STANDBY_KEY_FILE: Final = "standby.key"
FOLDER: Final = ".standby"
_AHEAD: Final = "ahead_ms"
"""In the stored status of a recorder."""
_MOST_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""
SET_MS: Final = 2_000
"""Least step of a clock, on both sides; less is delay of the line."""
MOST_TAKEOVERS: Final = 1000
"""Of one recorder; the oldest ones are forgotten, their recordings stay."""
_MOST_SENT: Final = 200  # unreturned takeovers that a recorder gets, besides _MOST_FORMER whose recordings it has
_MOST_FORMER: Final = 100


@dataclass(frozen=True, slots=True)
class Takeover:
    """A camera that the standby recorded in place of its recorder. Times in ms UTC of the standby's clock.

    silent_ms: when the recorder was here last. end_ms: None while it lasts. is_handed: the recorder has it. ahead_ms:
    how far the standby's clock was ahead of the recorder's; None: unknown. is_by_plan: it ended as the silent recorder
    had planned. is_gone: the standby had nothing of what the recorder lacked. is_by_recorder: the plan was followed by
    the recorder's clock; False, as of earlier versions: by the standby's, or by what was known of the other before.
    """

    camera: str
    silent_ms: int
    begin_ms: int
    end_ms: int | None = None
    is_handed: bool = False
    ahead_ms: int | None = None
    is_by_plan: bool = False
    is_gone: bool = False
    is_by_recorder: bool = False


@dataclass(frozen=True, slots=True)
class StandbyNews:
    """What a standby says of a recorder. clock_ms: differs once its clock was set."""

    is_watched: bool
    hindrance: str
    refused: Mapping[str, str]
    takeovers: Sequence[Takeover]
    clock_ms: int


@dataclass(frozen=True, slots=True)
class ProtectedCamera:
    """A camera of another recorder. problem: why it would not be taken over now; empty: it would."""

    id: str
    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class ProtectedState:
    """A recorder as its standby shows it."""

    box: Box
    lease: LeaseState
    is_connected: bool
    is_watched: bool
    """Whether its cameras would be recorded after some seconds of silence."""
    silent_ms: int
    """When it was here last."""
    since_ms: int
    """Of the connection's or the takeover's begin."""
    taken: tuple[str, ...]
    cameras: tuple[ProtectedCamera, ...]
    takeovers: tuple[Takeover, ...]
    wrong: str = ""
    """Why the standby can't do now what it must do for it."""

    @property
    def problems(self) -> Mapping[str, str]:
        """Why cameras would not be taken over, by name."""
        return {one.name: one.problem for one in self.cameras if one.problem}


def was_ahead_ms(box: Box) -> int:
    """Return how far the standby's clock was ahead of a recorder's as that was here last; 0: not known."""
    found = box.status.get(_AHEAD)
    return found if type(found) is int else 0


def begun_now(cameras: Collection[str], silent_ms: int, now_ms: int, ahead_ms: int | None) -> list[Takeover]:
    """Return takeovers of these cameras that begin. ahead_ms: of the standby's clock; None: unknown."""
    is_known = ahead_ms is not None
    return [Takeover(one, silent_ms, now_ms, ahead_ms=ahead_ms, is_by_recorder=is_known) for one in sorted(cameras)]


def with_ended(
    takeovers: Sequence[Takeover], ended: Collection[str], by_plan: Collection[str], end_ms: int, ahead_ms: int | None
) -> list[Takeover]:
    """Return takeovers after these cameras are recorded no longer. by_plan: those that the plan has ended.

    ahead_ms: counts where it wasn't known at the begin. A recorder that is back may not have set its clock yet.
    """
    return [
        replace(
            one,
            end_ms=end_ms,
            ahead_ms=ahead_ms if one.ahead_ms is None else one.ahead_ms,
            is_by_plan=one.camera in by_plan,
        )
        if one.camera in ended and one.end_ms is None
        else one
        for one in takeovers
    ]


def with_handed(takeovers: Sequence[Takeover], data: Mapping[str, Any]) -> list[Takeover]:
    """Return takeovers after a recorder has confirmed that it has the recordings of one of them."""
    which, is_gone = (data.get("camera"), data.get("begin_ms")), data.get("is_gone") is True
    return [
        replace(one, is_handed=True, is_gone=is_gone) if (one.camera, one.begin_ms) == which and one.end_ms else one
        for one in takeovers
    ]


def last_of(takeovers: Sequence[Takeover]) -> list[Takeover]:
    """Return those that a recorder gets."""
    handed = [one for one in takeovers if one.is_handed][-_MOST_FORMER:]
    return handed + [one for one in takeovers if not one.is_handed][-_MOST_SENT:]


def begun_again(takeovers: Sequence[Takeover], now_ms: int, moved_ms: int, ahead_ms: int | None) -> list[Takeover]:
    """Return takeovers after the standby's clock was set: those that last end by its former time, and begin again.

    moved_ms: by how much. ahead_ms: how far it was ahead of the recorder's before; None: unknown.
    """
    was_ahead_ms = -moved_ms if ahead_ms is None else ahead_ms  # a clock that is set is right from then on
    lasting = [one for one in takeovers if one.end_ms is None]
    ended = [
        replace(one, end_ms=max(one.begin_ms, now_ms - moved_ms), ahead_ms=was_ahead_ms) if one.end_ms is None else one
        for one in takeovers
    ]
    then_ms = was_ahead_ms + moved_ms
    return ended + [
        replace(one, silent_ms=max(0, one.silent_ms + moved_ms), begin_ms=now_ms, ahead_ms=then_ms) for one in lasting
    ]


def takeovers_in(data: object) -> list[Takeover]:
    """Return the takeovers in JSON values. Raises ValueError: they are invalid."""
    found = []
    for one in data[:MOST_TAKEOVERS] if isinstance(data, list) else ():
        try:
            silent_ms, begin_ms, end_ms = one["silent_ms"], one["begin_ms"], one["end_ms"]
            if type(silent_ms) is not int or type(begin_ms) is not int or type(end_ms) not in (int, type(None)):
                raise ValueError("a takeover has no times")
            if not all(0 <= each <= _MOST_MS for each in (silent_ms, begin_ms, end_ms or 0)):
                raise ValueError("the times of a takeover are out of range")
            ahead_ms = one.get("ahead_ms")  # of earlier versions: none
            if type(ahead_ms) is not int or abs(ahead_ms) > _MOST_MS:
                ahead_ms = None
            later = one.get("is_by_plan") is True, one.get("is_gone") is True, one.get("is_by_recorder") is True
            kinds = one["is_handed"] is True, ahead_ms, *later
            found.append(Takeover(str(one["camera"])[:40], silent_ms, begin_ms, end_ms, *kinds))
        except (KeyError, TypeError) as error:
            raise ValueError("a takeover is invalid") from error
    return found


class StandbyStore:
    """Waits for the disk. Raises StorageError. folder: the data folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder / FOLDER, clock
        self._key_file = folder / STANDBY_KEY_FILE
        self._index = SqliteFleetIndex(folder / STANDBY_FILE, clock)
        self._writing = threading.Lock()  # held while a recorder's files change: each has one writer at a time

    @classmethod
    def opened(cls, folder: Path, clock: Clock) -> "tuple[StandbyStore, Identity]":
        """Open it with its `identity`. Raises NotDone, too."""
        made = cls(folder, clock)
        try:
            return made, made.identity()
        except (NotDone, StorageError):
            made.close()
            raise

    def close(self) -> None:
        self._index.close()

    def invite(self) -> tuple[str, int]:
        """Return a code by which one recorder can join, and when it expires, ms UTC."""
        return self._index.invite()

    def join(self, code: str, name: str, key: bytes, own_key: bytes) -> Box | None:
        """Add a recorder, and use up the code; None: the code is not valid."""
        return self._index.join(code, name, key, comparison_words(own_key, key))

    def recorders(self) -> list[Box]:
        return self._index.boxes()

    def recorder_of(self, key: bytes) -> Box | None:
        return self._index.box_of(key)

    def renamed(self, box: Box, called: str) -> Box:
        """Return a recorder with its new name if it calls itself another name than last time.

        The first one is no change: it may have joined by a name of its own.
        """
        if not called or box.called in ("", called):
            return box
        self._index.rename(box.id, called)
        return replace(box, name=called)

    def note(self, box: str, version: str, called: str, ahead_ms: int = 0) -> None:
        """Store that a recorder is here. called: what it calls itself; empty: not known since it joined."""
        self._index.note(box, version, (), {_AHEAD: ahead_ms} | ({CALLED: called} if called else {}))

    def revoke(self, box: str) -> bool:
        """Remove a recorder with its cameras' credentials. Return False if there is none. Recordings stay."""
        with self._writing:
            for suffix in ("plan", "json"):  # first: what fails can be tried again while it is known
                self._remove(f"{box}.{suffix}")
            return self._index.revoke(box)

    def identity(self) -> Identity:
        """Return the key to which plans are encrypted; it is made if there is none. Raises NotDone: it is damaged."""
        try:
            return Identity.read(self._key_file.read_text())
        except FileNotFoundError:
            made = Identity.new()
            _write(self._key_file, made.text.encode() + b"\n")
            return made
        except OSError as error:
            raise turned(error, str(self._key_file)) from error
        except ValueError:
            raise NotDone(
                f"{self._key_file} is damaged.", "Delete it; the recorders send their cameras again."
            ) from None

    def keep_plan(self, box: str, sealed: bytes) -> None:
        """Store a recorder's plan; one that was removed meanwhile leaves nothing."""
        self._write(box, "plan", sealed)

    def plan(self, box: str, key: Identity) -> StandbyPlan | None:
        """Return a recorder's plan; None if it has sent none that can be read."""
        found = self._read(f"{box}.plan")
        try:
            return None if found is None or len(found) > MOST_PLAN_BYTES else StandbyPlan.opened(found, key)
        except ValueError:
            return None

    def takeovers(self, box: str) -> list[Takeover]:
        try:
            return takeovers_in(json.loads(self._read(f"{box}.json") or b"[]"))
        except ValueError:
            return []

    def keep_takeovers(self, box: str, takeovers: Sequence[Takeover]) -> None:
        found: list[Any] = [asdict(one) for one in takeovers[-MOST_TAKEOVERS:]]
        self._write(box, "json", json.dumps(found).encode())

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise turned(error, str(self._folder / name)) from error

    def _write(self, box: str, suffix: str, data: bytes) -> None:
        with self._writing:
            if all(one.id != box for one in self._index.boxes()):
                return
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise turned(error, str(self._folder)) from error
            _write(self._folder / f"{box}.{suffix}", data)

    def _remove(self, name: str) -> None:
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise turned(error, str(self._folder / name)) from error


def _write(path: Path, data: bytes) -> None:
    """Replace a file that only this user can read. Raises StorageError."""
    try:
        write_private(path, data)
    except OSError as error:
        raise turned(error, str(path)) from error
