"""Client of the control socket (`control_socket.py`), without asyncio, which would cost more than the question."""

import json
import os
import socket
import struct
from collections.abc import Iterator
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


def is_in_memory(folder: Path) -> bool:
    """Return whether a recorder of this user runs in memory mode under this name."""
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(abstract_address(folder, os.geteuid())) == 0


def abstract_address(folder: Path, user: int) -> str:
    """Return the address of a recorder in memory mode."""
    return f"\0tawny-{user}-{sha256(os.fsencode(folder.absolute())).hexdigest()[:24]}"


def peer_user(connection: socket.socket) -> int:
    """Return the user ID of the peer."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(packed)
    return int(user)


def _connected(folder: Path) -> socket.socket | None:
    """Connect to the recorder's socket in the folder, or to its abstract one; None if there is none.

    Raises NotDone: when this user may not use the socket.
    """
    is_refused = False
    for address, is_abstract in ((_reach(folder), False), (abstract_address(folder, os.geteuid()), True)):
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(address)
            if not is_abstract or peer_user(made) == os.geteuid():
                return made
        except PermissionError:
            is_refused = True
        except OSError:
            pass
        made.close()
    if is_refused:
        raise NotDone(
            f"A recorder may be running for {folder}, but this user may not ask it.",
            "Use `sudo`, or the user that runs tawny.",
        )
    return None


def _reach(folder: Path) -> str:
    path = folder / NAME
    return str(path) if len(str(path).encode()) < 100 else os.path.relpath(path)
