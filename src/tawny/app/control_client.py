"""Client of the control socket (`control_socket.py`), without asyncio, which would cost more than the question."""

import json
import os
import pwd
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from tawny.model.errors import NotDone

NAME = "control"
_CREDENTIALS = struct.Struct("iii")  # peer credentials: process, user, group


def ask(folder: Path, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Send a request to a running recorder and yield its answers as they arrive.

    Raises NotDone: when none is running, or this user may not ask it.
    """
    found = connect(folder)
    with found, found.makefile("rb") as answers:
        try:
            found.sendall(json.dumps(request).encode() + b"\n")
            for line in answers:
                if line.endswith(b"\n"):  # else it was killed while it wrote
                    yield json.loads(line)
        except ConnectionError:
            return


def connect(folder: Path) -> socket.socket:
    """Return a connection to a running recorder. Raises NotDone: when none is running, or this user may not ask it."""
    found = _connected(folder)
    if found is None:
        raise NotDone(
            f"No tawny is running for {folder}.", "Start it with `tawny run`, or pass its folder with `--data`."
        )
    return found


def is_running(folder: Path) -> bool:
    """Return whether a recorder runs for this folder. Raises NotDone: when this user may not ask it."""
    found = _connected(folder)
    if found is not None:
        found.close()
    return found is not None


def is_in_memory(folder: Path) -> bool:
    """Return whether a recorder of this user runs in memory mode under this name."""
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(abstract_address(folder, os.geteuid())) == 0


def abstract_address(folder: Path, user: int, *, has_folder: bool = False) -> str:
    """Return the address of a recorder in memory mode, or the second address of one that records to the folder."""
    kind, name = ("tawny-folder", os.path.realpath(folder)) if has_folder else ("tawny", folder.absolute())
    return f"\0{kind}-{user}-{sha256(os.fsencode(name)).hexdigest()[:24]}"


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return process and user ID of the peer. The process is 0 if it runs in another container."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(packed)
    return int(process), int(user)


def _connected(folder: Path) -> socket.socket | None:
    """Connect to the recorder's socket in the folder, or to an abstract one; None if there is none.

    Raises NotDone: when this user may not use the socket.
    """
    for address, user in _addresses(folder):
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(address)
            if user is None or _is_of(user, made):
                return made
        except PermissionError:
            if user is None:
                made.close()
                raise NotDone(
                    f"A recorder may be running for {folder}, but this user may not ask it.",
                    "Use `sudo`, or the user that runs tawny.",
                ) from None
        except OSError:
            pass
        made.close()
    return None


def _addresses(folder: Path) -> Iterator[tuple[str, int | None]]:
    """Yield the addresses of a recorder; of abstract ones, which anyone may take, also the user who must have it."""
    yield abstract_address(folder, os.geteuid()), os.geteuid()
    yield _reach(folder), None
    users = {os.geteuid()}
    if os.geteuid() == 0:
        with suppress(OSError):  # the disk is gone
            users.add(folder.stat().st_uid)
        with suppress(KeyError):
            users.add(pwd.getpwnam("tawny").pw_uid)  # the user of `tawny service`
    for user in users:
        yield abstract_address(folder, user, has_folder=True), user


def _is_of(user: int, connection: socket.socket) -> bool:
    """Return whether the peer is this user's. Containers that share the network may have recorders of equal names."""
    process, found = peer(connection)
    return process != 0 and found == user


def _reach(folder: Path) -> str:
    path = folder / NAME
    return str(path) if len(str(path).encode()) < 100 else os.path.relpath(path)
