"""Admission of client connections, for all servers together: limits, deadlines, and which one is closed for a new one.

No I/O: servers report what each connection does, and the manager calls its `abort`. One thread at a time.

Limits count per client address (IPv6: per /64) and in all. When one is reached, the connection that waits longest is
closed for the new one: first those whose client has not signed in. One that serves a signed-in client is never closed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from tawny.engine.descriptors import connection_ceiling
from tawny.model.times import Clock

IpNetwork = IPv4Network | IPv6Network
LOOPBACK: Final[tuple[IpNetwork, ...]] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
MOST_CONNECTIONS: Final = 600
"""Each costs up to 50 kB: 600 of 5,000 attackers took 45 MB (tests/attacks/test_connections.py, 2026-11)."""
MOST_OF_ADDRESS: Final = 256
"""A family behind one address: five phones and a wall of 16 cameras use about 130."""
MOST_HELD_BYTES: Final = 8 * 1024 * 1024
"""Limit of unsent and unread bytes of clients that have not signed in, together."""
UNSIGNED_S: Final = 120.0
"""Time in s after which a response to a client that has not signed in is aborted. Public pages take much less."""
BODY_S: Final = 20.0
BODY_BYTES_PER_S: Final = 1000.0
"""A request body has BODY_S, and a second more for each of these bytes: a phone on a bad line sends ten times as many.
"""
SILENT_BODY_S: Final = 60.0
"""Time in s without a byte of a body: its line may have died without a word, however much it has brought before."""


class Phase(IntEnum):
    """What a connection does."""

    OPEN = 0
    """Nothing has arrived."""
    HEAD = 1
    """A part of a request has arrived."""
    BODY = 2
    IDLE = 3
    """Between two requests."""
    STALLED = 4
    """The client does not read the response."""
    ACTIVE = 5
    """tawny works for it."""


DEADLINES: Final = {Phase.OPEN: 10.0, Phase.HEAD: 10.0, Phase.STALLED: 60.0}
"""Maximum time in a phase, in s. Players that pause resume with another request."""


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """Deadlines of one server. idle_s: between requests. sign_in_s: from the start to the sign-in; None: none.

    stalled_s: of a signed-in client that takes nothing more of a response.
    """

    idle_s: float = 40.0
    sign_in_s: float | None = None
    stalled_s: float = DEADLINES[Phase.STALLED]


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """ceiling: descriptor number from which on connections are refused."""

    total: int = MOST_CONNECTIONS
    of_address: int = MOST_OF_ADDRESS
    held_bytes: int = MOST_HELD_BYTES
    ceiling: int = 1 << 30

    @classmethod
    def for_descriptors(cls, limit: int) -> "ConnectionLimits":
        """Return the limits for this number of descriptors. A quarter is left for what a request itself opens."""
        ceiling = connection_ceiling(limit)
        total = min(MOST_CONNECTIONS, ceiling * 3 // 4)
        return cls(total, min(MOST_OF_ADDRESS, total), ceiling=ceiling)


class _Waiting:
    """Connections by the order in which they would be closed: by rank, and within it the one that waits longest."""

    def __init__(self) -> None:
        self._ranks: tuple[dict[ClientConnection, None], ...] = ({}, {}, {}, {})

    def __len__(self) -> int:
        return sum(map(len, self._ranks))

    def add(self, connection: "ClientConnection") -> None:
        self._ranks[connection.rank][connection] = None

    def remove(self, connection: "ClientConnection") -> None:
        self._ranks[connection.rank].pop(connection, None)

    def find_oldest(self) -> "ClientConnection | None":
        """Return the connection to close. None if all serve signed-in clients."""
        return next((next(iter(rank)) for rank in self._ranks[:-1] if rank), None)


class ClientConnection:
    """One admitted connection. abort: closes it at once; its protocol also checks `is_closing` when it begins."""

    __slots__ = (
        "_manager", "_received_bytes", "_received_s", "_unsent_bytes", "abort", "group", "is_closing", "is_signed_in",
        "opened_s", "phase", "rules", "since_s",
    )  # fmt: skip

    def __init__(self, manager: "ConnectionManager", rules: ConnectionRules, now_s: float) -> None:
        self._manager, self.rules = manager, rules
        self.group: str | None = None
        self.phase, self.is_signed_in, self.is_closing = Phase.OPEN, False, False
        self.opened_s = self.since_s = self._received_s = now_s
        self._received_bytes = self._unsent_bytes = 0
        self.abort: Callable[[], None] = lambda: None

    def close_with(self, abort: Callable[[], None]) -> None:
        """Close it by this from now on."""
        self.abort = abort

    @property
    def rank(self) -> int:
        """Order of closing: 0 waits without sign-in, 1 is served without, 2 waits signed in, 3 is never closed."""
        return 2 * self.is_signed_in + (self.phase is Phase.ACTIVE)

    @property
    def held_bytes(self) -> int:
        """Bytes in memory: of the request's body, and of the response that waits for the client."""
        return self._received_bytes + self._unsent_bytes

    def enter(self, phase: Phase) -> None:
        """Report what the connection does now. No effect while that is the same."""
        if phase is self.phase or self.is_closing:
            return
        self._manager.move(self, phase, is_signed_in=self.is_signed_in)
        if phase in (Phase.HEAD, Phase.IDLE):
            self._hold(0, self._unsent_bytes)

    def receive(self, count: int) -> None:
        """Report received bytes of a request's body."""
        self._received_s = self._manager.now_s()
        self._hold(self._received_bytes + count, self._unsent_bytes)

    def wait_for_client(self, unsent_bytes: int) -> None:
        """Report the size of the response's part that waits for the client; 0: the client has read on."""
        self._hold(self._received_bytes, unsent_bytes)

    def _hold(self, received_bytes: int, unsent_bytes: int) -> None:
        before = self.held_bytes
        self._received_bytes, self._unsent_bytes = received_bytes, unsent_bytes
        if not self.is_closing:
            self._manager.count_held(self, self.held_bytes - before)

    def serve(self, client: str) -> bool:
        """Begin a request of this client, whose address may differ behind a proxy. Return False to refuse it."""
        return self._manager.serve(self, client)

    def sign_in(self) -> None:
        """Report that the client of the current request has signed in, or has a token or a link."""
        if not self.is_signed_in and not self.is_closing:
            self._manager.move(self, self.phase, is_signed_in=True)

    def release(self) -> None:
        """Report that the connection is closed."""
        self._manager.release(self)

    def is_late(self, now_s: float) -> bool:
        waited_s = now_s - self.since_s
        sign_in_s = self.rules.sign_in_s
        if sign_in_s is not None and not self.is_signed_in and now_s - self.opened_s > sign_in_s:
            return True
        match self.phase:
            case Phase.ACTIVE:
                return not self.is_signed_in and waited_s > UNSIGNED_S
            case Phase.IDLE:
                return waited_s > self.rules.idle_s
            case Phase.STALLED if self.is_signed_in:
                return waited_s > self.rules.stalled_s
            case Phase.BODY:
                silent_s = now_s - max(self.since_s, self._received_s)
                return silent_s > SILENT_BODY_S or waited_s > BODY_S + self._received_bytes / BODY_BYTES_PER_S
        return waited_s > DEADLINES[self.phase]


class ConnectionManager:
    """trusted: networks whose connections count in all only: this computer, and reverse proxies."""

    def __init__(
        self, clock: Clock, limits: ConnectionLimits | None = None, trusted: Iterable[IpNetwork] = LOOPBACK
    ) -> None:
        self._clock, self.limits, self._trusted = clock, limits or ConnectionLimits(), tuple(trusted)
        self._all = _Waiting()
        self._groups: dict[str, _Waiting] = {}
        self._connections: dict[ClientConnection, None] = {}
        self._held_bytes = 0
        self.closed = self.refused = 0
        """Number of connections that were closed for others or late, and that were refused, since the start."""

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[ClientConnection]:
        return iter(tuple(self._connections))

    def trust(self, proxies: Iterable[IpNetwork]) -> None:
        """Replace the networks of reverse proxies, beside this computer. Applies to connections from now on."""
        self._trusted = (*LOOPBACK, *proxies)

    def admit(self, address: str, rules: ConnectionRules) -> ClientConnection | None:
        """Return a new connection from this address; None if it must be refused. May close others for it."""
        connection = ClientConnection(self, rules, self._clock.mono_s())
        group = self._group_of(address)
        if not self._has_room(group) or (len(self) >= self.limits.total and not self.relieve()):
            self.refused += 1
            return None
        self._connections[connection] = None
        self._all.add(connection)
        self._join(connection, group)
        return connection

    def relieve(self) -> bool:
        """Close the connection that waits longest. Return False if all serve signed-in clients."""
        return self._close(self._all.find_oldest())

    def sweep(self, delay_s: float = 0.0) -> None:
        """Close the connections that are past their deadline. Call it about once a second.

        delay_s: time by which this call is late. What clients sent meanwhile is not read yet, so it does not count.
        """
        now_s = self._clock.mono_s() - delay_s
        for connection in [one for one in self._connections if one.is_late(now_s)]:
            self._close(connection)

    # --- called by the connections

    def now_s(self) -> float:
        return self._clock.mono_s()

    def move(self, connection: ClientConnection, phase: Phase, *, is_signed_in: bool) -> None:
        self._all.remove(connection)
        group = self._groups.get(connection.group) if connection.group is not None else None
        if group is not None:
            group.remove(connection)
        self._held_bytes -= _counted_bytes(connection)
        connection.since_s = self._clock.mono_s()
        connection.phase, connection.is_signed_in = phase, is_signed_in
        self._held_bytes += _counted_bytes(connection)
        self._all.add(connection)
        if group is not None:
            group.add(connection)

    def serve(self, connection: ClientConnection, client: str) -> bool:
        """Count the connection for this client from now on. Return False if the client has too many."""
        if connection.is_closing:
            return True
        self.move(connection, connection.phase, is_signed_in=False)
        group = self._group_of(client)
        if group == connection.group:
            return True
        self._leave(connection)
        is_admitted = self._has_room(group)
        if is_admitted:
            self._join(connection, group)
        else:
            self.refused += 1
        return is_admitted

    def count_held(self, connection: ClientConnection, change: int) -> None:
        if connection.is_signed_in:
            return
        self._held_bytes += change
        while change > 0 and self._held_bytes > self.limits.held_bytes:
            self._close(max(self._connections, key=_counted_bytes))

    def release(self, connection: ClientConnection) -> None:
        self._forget(connection)
        connection.is_closing = True

    def _close(self, connection: ClientConnection | None) -> bool:
        if connection is None:
            return False
        self.closed += 1
        self.release(connection)
        connection.abort()
        return True

    def _forget(self, connection: ClientConnection) -> None:
        if connection in self._connections:
            del self._connections[connection]
            self._all.remove(connection)
            self._leave(connection)
            self._held_bytes -= _counted_bytes(connection)

    def _has_room(self, name: str | None) -> bool:
        """Return whether the group takes one more, after closing one of it if needed."""
        group = self._groups.get(name) if name is not None else None
        return group is None or len(group) < self.limits.of_address or self._close(group.find_oldest())

    def _join(self, connection: ClientConnection, name: str | None) -> None:
        connection.group = name
        if name is not None:
            self._groups.setdefault(name, _Waiting()).add(connection)

    def _leave(self, connection: ClientConnection) -> None:
        name, connection.group = connection.group, None
        if name is not None:
            self._groups[name].remove(connection)
            if not len(self._groups[name]):
                del self._groups[name]

    def _group_of(self, address: str) -> str | None:
        """Return the group that an address counts for; None for a trusted one."""
        return client_group(address, self._trusted)


def _counted_bytes(connection: ClientConnection) -> int:
    return 0 if connection.is_signed_in else connection.held_bytes


@lru_cache(4096)
def client_group(address: str, trusted: tuple[IpNetwork, ...] = ()) -> str | None:
    """Return what connections are counted by: the address, of IPv6 its /64; None for a trusted one."""
    if len(address) > 64:
        return ""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""  # not an address, so all of these are one client
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if any(found in network for network in trusted):
        return None
    return str(found) if found.version == 4 else str(ip_network((found, 64), strict=False))
