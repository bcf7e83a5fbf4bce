"""Accepting connections of a listening socket in the asyncio loop, as far as the connection manager admits them.

asyncio's own servers accept whatever comes; without descriptors they log a traceback for each attempt.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from tawny.engine.connections import ClientConnection, ConnectionManager, ConnectionRules
from tawny.engine.descriptors import OUT_OF_DESCRIPTORS
from tawny.engine.tls import FirstBytes, TlsProtocol
from tawny.model.errors import PortInUse

BACKLOG: Final = 256
ACCEPTED_AT_ONCE: Final = 16
"""Connections accepted before other work of the loop continues."""
PAUSE_S: Final = 0.2
REFUSALS_S: Final = 60.0
"""Interval at which refusals for want of descriptors are logged."""
SWEEP_S: Final = 1.0
PORTS: Final = range(8000, 8100)
"""Of the web interface, where no settings name one."""
_LISTENS: Final = "0A"
"""State of a listening socket in /proc/net/tcp."""
_NO_ROOM: Final = OUT_OF_DESCRIPTORS | {errno.ENOBUFS, errno.ENOMEM}
log = logging.getLogger(__name__)

MakeProtocol = Callable[[ClientConnection], asyncio.BaseProtocol]


def bind_sockets(places: Iterable[tuple[str, socket.AddressFamily]], port: int) -> list[socket.socket]:
    """Return listening sockets. places: addresses with their families. port: 0 for a free one, the same for all.

    Raises OSError.
    """
    sockets: list[socket.socket] = []
    try:
        for address, family in places:
            made = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address == "::" else 1)
            made.bind((address, port))
            made.listen(BACKLOG)
            port = made.getsockname()[1]
    except OSError:
        for made in sockets:
            made.close()
        raise
    return sockets


def listening_places(host: str, port: int) -> list[tuple[str, socket.AddressFamily]]:
    """Return the addresses of a host, with their families; blocks. `::` is `0.0.0.0` where the kernel has no IPv6.

    Raises OSError.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    if host == "::" and not has_ipv6():
        return [("0.0.0.0", socket.AF_INET)]  # noqa: S104
    return list(dict.fromkeys((str(place[4][0]).partition("%")[0], place[0]) for place in found))


def free_address(ports: Sequence[int] = PORTS, host: str = "") -> str:
    """Return the address with the first port that no program uses. host: empty: all addresses of this computer.

    Raises PortInUse.
    """
    host = host or ("::" if has_ipv6() else "0.0.0.0")  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    for port in ports:
        try:
            for made in bind_sockets(listening_places(host, port), port):
                made.close()
        except OSError:
            continue
        return f"{shown}:{port}"
    raise PortInUse(f"{shown}:{ports[0]} to {ports[-1]}")


def listens_alone(port: int, proc: Path = Path("/proc")) -> bool:
    """Return whether this process listens on a port, and no other one; False where the kernel doesn't say."""
    sockets = listening_sockets(port, proc)
    own = {link_target(one) for one in (proc / "self/fd").iterdir()} if sockets else set()
    return bool(sockets) and sockets <= own


def listening_sockets(port: int, proc: Path = Path("/proc")) -> set[str]:
    """Return the sockets that listen on a port, as the kernel names them in the folders `fd` of processes."""
    sockets = set()
    for table in ("net/tcp", "net/tcp6"):
        try:
            lines = (proc / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    return sockets


def link_target(link: Path) -> str:
    """Return what an entry of a folder `fd` names; empty: it was closed meanwhile."""
    try:
        return str(link.readlink())
    except OSError:
        return ""


def has_ipv6() -> bool:
    """Return whether the kernel has IPv6; it may be switched off after a settings file was written."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


class ConnectionAcceptor:
    """Accepts on one socket between `start` and `stop`, and sweeps the manager's deadlines. Owns the socket."""

    def __init__(
        self,
        listening: socket.socket,
        manager: ConnectionManager,
        rules: ConnectionRules,
        make: MakeProtocol,
        first_bytes: FirstBytes | None = None,
    ) -> None:
        """make: creates the protocol of an admitted connection, which sets `abort` and calls `release`.

        first_bytes: tells TLS from plain connections; None: all are plain.
        """
        self._socket, self._manager, self._rules, self._make = listening, manager, rules, make
        self._first_bytes = first_bytes
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._resume: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._next_log_s = 0.0
        self._is_over = False

    def start(self) -> None:
        self._socket.settimeout(0)
        self._loop.add_reader(self._socket, self._accept)

    def stop(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._loop.remove_reader(self._socket)
        for timer in (self._resume, self._sweep):
            if timer is not None:
                timer.cancel()
        if self._first_bytes is not None:
            self._first_bytes.close()
        self._socket.close()

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                made, address = self._socket.accept()
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._pause(error)
                return  # none is waiting, or its client has left
            self._admit(made, str(address[0]))

    def _admit(self, made: socket.socket, address: str) -> None:
        """The lowest free number is given, so one at the ceiling means that connections use all that they may."""
        limits = self._manager.limits
        connection = None
        if made.fileno() < limits.ceiling:
            connection = self._manager.admit(address, self._rules)
        else:
            self._manager.relieve()
            self._manager.refused += 1
            self._log_refusal(limits.ceiling)
        if connection is None:
            made.close()
            return
        made.settimeout(0)
        if self._first_bytes is not None and self._first_bytes.is_on:
            self._first_bytes.await_first(made, connection, lambda context: self._begin(made, connection, context))
        else:
            self._begin(made, connection, None)
        if self._sweep is None:
            self._sweep = self._sweep_after(SWEEP_S)

    def _log_refusal(self, ceiling: int) -> None:
        if (now_s := self._loop.time()) >= self._next_log_s:
            self._next_log_s = now_s + REFUSALS_S
            log.warning(
                "connections of browsers are refused: the limit of open files leaves them %d, and these are in use."
                " Raise it: `LimitNOFILE=` in the systemd unit, or `ulimit -n`.",
                ceiling,
            )

    def _begin(self, made: socket.socket, connection: ClientConnection, context: ssl.SSLContext | None) -> None:
        opening = self._loop.create_task(self._open(made, connection, context))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self, made: socket.socket, connection: ClientConnection, context: ssl.SSLContext | None) -> None:
        def make() -> asyncio.BaseProtocol:
            protocol = self._make(connection)
            if context is None or self._first_bytes is None:
                return protocol
            return TlsProtocol(protocol, context, connection, self._first_bytes)

        try:
            await self._loop.connect_accepted_socket(make, made)
        except OSError:  # the client has left
            connection.release()
            made.close()

    def _sweep_after(self, pause_s: float) -> asyncio.TimerHandle:
        return self._loop.call_later(pause_s, self._sweep_late, self._loop.time() + pause_s)

    def _sweep_late(self, due_s: float) -> None:
        self._manager.sweep(delay_s=self._loop.time() - due_s)
        self._sweep = self._sweep_after(SWEEP_S) if len(self._manager) else None

    def _pause(self, error: OSError) -> None:
        """Leave new connections to the kernel for a moment."""
        log.warning("cannot accept connections for a moment: %s", error.strerror)
        self._manager.relieve()
        self._loop.remove_reader(self._socket)
        self._resume = self._loop.call_later(PAUSE_S, self._resume_accepting)

    def _resume_accepting(self) -> None:
        if not self._is_over:
            self._loop.add_reader(self._socket, self._accept)
