"""The settings in force, as services see them that change them while tawny runs."""

import errno
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from tawny.config.catalog import Plain, SettingKey, SettingTable, TableInstance, catalog, instances, key_of, names_file
from tawny.config.changes import put_table
from tawny.config.drafts import SettingsDraft
from tawny.config.loader import read_settings
from tawny.config.settings import Settings, WebSettings, listen_address
from tawny.model.errors import FolderUnwritable, NotDone, Problem, SettingsError
from tawny.model.times import Clock


def version_of(shown: object) -> str:
    """Return 16 letters that differ with any change of what a page shows. shown: JSON."""
    return hashlib.blake2s(json.dumps(shown, sort_keys=True).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class ChangeableSettings:
    """now: returns the settings in force. apply: applies changed ones at once, given also where they come from.

    file: the settings file, into which changes are written; None: the settings came from the command line.
    Every change holds `changing` from before it reads the settings or the file until they are applied.
    """

    now: Callable[[], Settings]
    apply: Callable[[Settings, str], None]
    file: Path | None
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False, compare=False)

    def changing(self) -> AbstractContextManager[bool]:
        """Return the lock of all changes. Take it after a service's own lock; don't wait for the network with it."""
        return self._lock

    def apply_written(self, new: Settings) -> None:
        """Apply settings that have just been written to the file, if there is one."""
        self.apply(new, str(self.file or "the settings"))

    def put(self, table: str, values: Mapping[str, object]) -> None:
        """Write values of a table to the file, and apply them. Raises SettingsError, FolderUnwritable, NotDone."""
        if self.file is None:
            raise NotDone("These settings aren't in a file.", "Create one with `tawny init`, then restart tawny.")
        with self.changing():
            put_table(self.file, table, dict(values))
            written, now = getattr(read_settings(self.file), table), self.now()
            changed = getattr(now, table).model_copy(update={key: getattr(written, key) for key in values})
            self.apply_written(now.model_copy(update={table: changed}))

    def forget_removed(self, cameras: Collection[str]) -> None:
        """Remove what the file says of removed cameras. Raises SettingsError, FolderUnwritable, NotDone."""
        if self.file is None:
            return
        with self.changing():
            draft = SettingsDraft(self.file, "", {})
            for camera in cameras:
                draft.forget_removed(camera)
            left = draft.understood().removed_cameras
            draft.write()
            self.apply_written(self.now().model_copy(update={"removed_cameras": left}))


# Single settings, changed by people.

_OF_KIND: Final[Mapping[str, type | tuple[type, ...]]] = {
    "switch": bool, "number": (int, float), "text": str, "choice": str, "duration": str, "size": str, "share": str,
    "list": list, "secret": str,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SettingWrite:
    """One key. before: what the person saw, None: not set; not compared for secrets. value: None sets the default."""

    path: str
    value: Plain
    before: Plain = None


@dataclass(frozen=True, slots=True)
class LastChange:
    """Who changed a setting last, and when."""

    by: str
    at_ms: int


class SettingConflict(Exception):  # another person's change, not a failure
    """Another person has changed the setting since it was shown. value: what it is now. last: None: in the file."""

    def __init__(self, value: Plain, last: LastChange | None) -> None:
        super().__init__("changed meanwhile")
        self.value, self.last = value, last


class SettingsEditor:
    """Lists all settings and changes single ones in the file. Thread-safe."""

    def __init__(self, changeable: ChangeableSettings, clock: Clock) -> None:
        self._changeable, self._clock = changeable, clock
        self._last: dict[str, LastChange] = {}

    @property
    def file(self) -> Path | None:
        return self._changeable.file

    @cached_property
    def tables(self) -> tuple[SettingTable, ...]:
        return catalog()

    def instances(self) -> list[TableInstance]:
        """Return what the file says, without secrets. Raises SettingsError: when it has been damaged."""
        if self.file is None:
            return instances(self.tables, "")
        return instances(self.tables, SettingsDraft(self.file, "", {}).text)

    def change(self, change: SettingWrite, by: str) -> SettingKey:
        """Write the setting and apply it; return its key.

        Raises SettingConflict, SettingsError, NotDone, FolderUnwritable: nothing was changed.
        """
        key = key_of(self.tables, change.path)
        if self.file is None:
            raise NotDone("These settings aren't in a file.", "Create one with `tawny init`, then restart tawny.")
        if key is None:
            raise NotDone(f"There is no setting {change.path}.", "Reload the page.")
        if key.kind in ("file", "page"):
            where = "on its own page" if key.kind == "page" else f"in {self.file}"
            raise NotDone(f"{change.path} can't be changed here.", f"Change it {where}.")
        if names_file(change.path, change.value):
            raise NotDone(f"{change.path} can't name a file here.", "Name it in the settings file.")
        with self._changeable.changing():
            now = self._now(change.path)
            if key.kind != "secret" and now != change.before and now != change.value:
                raise SettingConflict(now, self._last.get(change.path))
            self._write(change, key)
            self._last[change.path] = LastChange(by, self._clock.now_ms())
        return key

    def _now(self, path: str) -> Plain:
        table, _, name = path.rpartition(".")
        found = next((one for one in self.instances() if one.path == table), None)
        if found is None:
            raise NotDone(f"The settings file has no table {table}.", "It may have been removed. Reload the page.")
        written = found.written.get(name)
        return written.value if written is not None else None

    def _write(self, change: SettingWrite, key: SettingKey) -> None:
        value, wanted = change.value, _OF_KIND[key.kind]
        if value is not None and (not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool))):
            raise SettingsError(str(self.file), (Problem(change.path, repr(value), f"a {key.kind}"),))
        if key.kind == "choice" and value is not None and value.isdecimal():  # type: ignore[union-attr]
            value = int(value)  # type: ignore[arg-type]
        draft = SettingsDraft(self.file, "", {})
        draft.put_setting(change.path, value, is_secret=key.kind == "secret")
        before, after = self._changeable.now(), draft.understood()
        _refuse_lock_out(change.path, before.web, after.web)
        self._changeable.apply_written(after)
        try:
            draft.write()
        except (FolderUnwritable, NotDone):
            self._changeable.apply_written(before)
            raise


def _refuse_lock_out(path: str, before: WebSettings, after: WebSettings) -> None:
    """Raise NotDone if tawny couldn't listen there at its next start: it would be out of reach of the browser."""
    if path not in ("web.listen", "web.rtsp") or (before.listen, before.rtsp) == (after.listen, after.rtsp):
        return
    web, rtsp = listen_address(after.listen), listen_address(after.rtsp) if after.rtsp else None
    if rtsp is not None and rtsp[1] == web[1] != 0:
        raise NotDone("The web interface and RTSP can't use the same port.", "Choose another port.")
    own = {listen_address(one)[1] for one in (before.listen, before.rtsp) if one}
    host, port = web if path == "web.listen" else rtsp or ("", 0)
    if host:
        _try_to_listen(host, 0)
        if port not in own:
            _try_to_listen(host, port)


def _try_to_listen(host: str, port: int) -> None:
    """Raise NotDone if a server can't listen there."""
    try:
        for family, kind, _, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind(where)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EADDRINUSE):
            what = "in use" if error.errno == errno.EADDRINUSE else "not allowed for this user"
            raise NotDone(f"Port {port} is {what}.", "Choose another port.") from None
        raise NotDone(f"{host} is no address of this computer.", "Choose one of its addresses, or 0.0.0.0.") from None
