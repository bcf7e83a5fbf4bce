"""A pass: the owner of a recorder lets installers at its hub see pictures until a time, whatever `fleet.allow` says.

It is a file in the data folder, so that `tawny fleet pass` and the page give and end the same one, and it survives a
restart. It names the hub that it was given to, and counts for no other. A file that can't be read counts as no pass.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tawny.model.errors import NotDone, StorageError
from tawny.model.times import Clock
from tawny.storage.disk.private_files import write_private

log = logging.getLogger(__name__)
FILE_NAME: Final = "fleet-pass.json"
PASS_SHARES: Final = ("events", "live", "clips")
"""What a pass can add to what the owner allows anyway: all that shows pictures."""
LONGEST_PASS_S: Final = 7 * 86_400.0
_MOST_BYTES: Final = 1024
_MOST_NOTED: Final = 1000
_WORDS: Final = {"events": "events", "live": "live video", "clips": "recordings"}


@dataclass(frozen=True, slots=True)
class HubPass:
    """shares: words of `fleet.allow`, of PASS_SHARES."""

    until_ms: int
    shares: tuple[str, ...]


class PassStore:
    """The pass of a recorder. Thread-safe; reads the disk.

    folder: its data folder; None: it can join no hub. get_hub_key: returns `fleet.hub_key`.
    """

    def __init__(self, folder: Path | None, clock: Clock, get_hub_key: Callable[[], str]) -> None:
        self._path, self._clock = folder / FILE_NAME if folder is not None else None, clock
        self._get_hub_key = get_hub_key

    def now(self) -> HubPass | None:
        """Return the pass that holds now."""
        if self._path is None:
            return None
        try:
            with self._path.open("rb") as file:
                return self._parsed(file.read(_MOST_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("cannot read the pass for the hub: %s", error)
            return None

    def give(self, lasts_s: float, shares: Iterable[str]) -> HubPass:
        """Give a pass instead of a former one. Raises NotDone, StorageError."""
        chosen = frozenset(shares)
        if self._path is None:
            raise NotDone("This recorder has no folder, so it can't join a hub.")
        if not 0 < lasts_s <= LONGEST_PASS_S or not chosen or not chosen <= frozenset(PASS_SHARES):
            raise NotDone("A pass lasts at most 7 days.", "Choose a shorter time, for example 4 h.")
        made = HubPass(self._clock.now_ms() + round(lasts_s * 1000), tuple(one for one in PASS_SHARES if one in chosen))
        try:
            stated = {
                "until_ms": made.until_ms, "shares": made.shares, "hub_key": self._get_hub_key(), "lasts_s": lasts_s,
                "ends_s": self._clock.mono_s() + lasts_s,
            }  # fmt: skip
            write_private(self._path, json.dumps(stated).encode())
        except OSError as error:
            raise StorageError(str(self._path), error.strerror or "") from error
        return made

    def end(self) -> bool:
        """End the pass; return whether there was one. Raises StorageError."""
        had_one = self.now() is not None
        if self._path is not None:
            try:
                self._path.unlink(missing_ok=True)
            except OSError as error:
                raise StorageError(str(self._path), error.strerror or "") from error
        return had_one

    def _parsed(self, data: bytes) -> HubPass | None:
        """Return the pass of a file if it holds now, for this hub. A clock that was set back gives no longer pass."""
        parsed: Any = json.loads(data)
        until_ms, shares = parsed["until_ms"], parsed["shares"]
        if type(until_ms) is not int or not isinstance(shares, list):
            raise ValueError("it has another form")
        hub_key = parsed.get("hub_key")  # earlier versions wrote none
        if not hub_key or hub_key != self._get_hub_key():
            return None
        left_s = (until_ms - self._clock.now_ms()) / 1000
        # after a restart of the computer `mono_s` begins again, and is past `ends_s` only after the pass
        is_over = not 0 < left_s <= min(parsed["lasts_s"], LONGEST_PASS_S) or self._clock.mono_s() >= parsed["ends_s"]
        return None if is_over else HubPass(until_ms, tuple(one for one in PASS_SHARES if one in shares))


class PassUse:
    """The pass as requests of the hub use it. Thread-safe; reads the disk.

    note: writes who saw what to the audit log: their name, and what it was.
    """

    def __init__(self, store: PassStore, note: Callable[[str, str], None]) -> None:
        self._store, self._note = store, note
        self._lock = threading.Lock()
        self._noted: set[tuple[int, str, str]] = set()

    def shares(self) -> frozenset[str]:
        """Return what the pass adds now."""
        found = self._store.now()
        return frozenset(found.shares) if found is not None else frozenset()

    def seen(self, person: str, share: str, camera: str) -> None:
        """Write down what a person saw, once for each pass, so that the log stays readable. Raises StorageError."""
        found = self._store.now()
        what = _WORDS[share] + (f" of {camera}" if camera else "")
        key = found.until_ms if found is not None else 0, person, what
        with self._lock:
            if key in self._noted:
                return
            if len(self._noted) >= _MOST_NOTED:
                self._noted.clear()
            self._noted.add(key)
        self._note(person, what)
