"""Audit log entries of requests without a session: one row for each hour, action, name and address, with its count.

Anyone can cause such entries, hundreds a second. They are counted in memory and written every half minute, into rows of
their own (with numbers below 0): they never push out what signed-in people did, and take less than 1 MB.
"""

import logging
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.client_address import network_of
from tawny.model.errors import StorageError
from tawny.model.messages import ProblemKind
from tawny.model.times import Clock
from tawny.service.health.alarms import HealthProblem

SIGN_IN_FAILED: Final = "sign-in failed"
SIGN_IN_DELAYED: Final = "sign-in delayed"
ACCESS_REFUSED: Final = "access token refused"
CODE_REFUSED: Final = "shared link: wrong code"
SECOND_STEP_FAILED: Final = "second step failed"
PASSKEY_REFUSED: Final = "passkey refused"
PROVIDER_REFUSED: Final = "sign-in provider refused"
PROXY_REFUSED: Final = "proxy header refused"
SIGN_IN_CODE_REFUSED: Final = "sign-in code refused"
SIGN_IN_LINK_REFUSED: Final = "sign-in link refused"
PHONE_REFUSED: Final = "phone as camera: wrong code"
REFUSALS: Final = (
    SIGN_IN_FAILED,
    SIGN_IN_DELAYED,
    SECOND_STEP_FAILED,
    PASSKEY_REFUSED,
    PROVIDER_REFUSED,
    PROXY_REFUSED,
    SIGN_IN_CODE_REFUSED,
    SIGN_IN_LINK_REFUSED,
    PHONE_REFUSED,
    ACCESS_REFUSED,
    CODE_REFUSED,
)
LINK_OPENED: Final = "shared link opened"
MESSAGE_IMAGE_OPENED: Final = "image of a notification opened"
_OPENED: Final = (LINK_OPENED, MESSAGE_IMAGE_OPENED)
"""What is no refusal."""
OTHERS: Final = "(others)"
MOST_ROWS: Final = 1200
MOST_ROWS_AN_HOUR: Final = 50
"""Further names and addresses of the hour share a row. A day of different ones leaves the day before in place."""
MOST_CHARACTERS: Final = 64
MOST_ADDRESSES: Final = 1000
MANY: Final = 30
"""Refused requests within an hour that the owner should know about: one person gets at most 11 by mistyping."""
_HOUR_MS: Final = 3_600_000


class _Row(NamedTuple):
    hour_ms: int
    action: str
    person: str
    address: str
    detail: str


@dataclass(frozen=True, slots=True)
class RefusedRequests:
    """Refused requests of the last hour. most: what most of them tried, such as `as Anna`."""

    count: int
    most: str
    addresses: int
    """At most MOST_ADDRESSES."""


@dataclass(slots=True)
class _Spell:
    """Refused requests without an hour's pause between them."""

    minutes: deque[tuple[int, int]] = field(default_factory=deque)
    """Monotonic minute and count, of the last hour."""
    kinds: Counter[str] = field(default_factory=Counter)
    addresses: set[str] = field(default_factory=set)


class AuditCounts:
    """The counts. Thread-safe; `flush` raises StorageError."""

    def __init__(self, file: AccountsFile, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._pending: dict[_Row, tuple[int, int]] = {}
        """Count not yet written, and time of the last one."""
        self._hour_ms, self._rows = 0, set[_Row]()
        self._spell = _Spell()

    def count(self, action: str, person: str, address: str, *, detail: str = "", is_known: bool = False) -> None:
        """Count a request. Returns at once.

        person: the name as entered. is_known: whether there is an account of this name.
        """
        now_ms, address = self._clock.now_ms(), network_of(address)[:MOST_CHARACTERS]
        person = person.strip()[:MOST_CHARACTERS]
        with self._lock:
            row = self._row(now_ms // _HOUR_MS * _HOUR_MS, action, person, address, detail, is_known=is_known)
            self._pending[row] = self._pending.get(row, (0, 0))[0] + 1, now_ms
            if action not in _OPENED:
                self._refused(_kind(action, person, is_known=is_known), address)

    def refused(self) -> RefusedRequests:
        """Return the refused requests of the last hour."""
        with self._lock:
            self._forget(self._minute())
            count = sum(count for _, count in self._spell.minutes)
            most = self._spell.kinds.most_common(1)
            return RefusedRequests(count, most[0][0] if most else "", len(self._spell.addresses))

    def flush(self) -> None:
        """Write the counts. May wait for the disk. What can't be written is kept for the next time."""
        with self._writing:
            with self._lock:
                pending, self._pending = self._pending, {}
            if not pending:
                return
            done = False
            try:
                with self._file.writing() as db:
                    _write(db, pending)
                done = True
            finally:
                if not done:
                    with self._lock:
                        for row, (count, last_ms) in pending.items():
                            self._pending[row] = self._pending.get(row, (0, last_ms))[0] + count, last_ms

    def _row(self, hour_ms: int, action: str, person: str, address: str, detail: str, *, is_known: bool) -> _Row:
        if hour_ms != self._hour_ms:
            self._hour_ms, self._rows = hour_ms, set()
        row = _Row(hour_ms, action, person, address, detail)
        if row not in self._rows and len(self._rows) >= MOST_ROWS_AN_HOUR:
            return _Row(hour_ms, action, person if is_known else OTHERS, OTHERS, "")
        self._rows.add(row)
        return row

    def _refused(self, kind: str, address: str) -> None:
        minute = self._minute()
        self._forget(minute)
        spell = self._spell
        count = spell.minutes.pop()[1] if spell.minutes and spell.minutes[-1][0] == minute else 0
        spell.minutes.append((minute, count + 1))
        spell.kinds[kind] += 1
        if len(spell.addresses) < MOST_ADDRESSES:
            spell.addresses.add(address)

    def _forget(self, minute: int) -> None:
        while self._spell.minutes and self._spell.minutes[0][0] <= minute - 60:
            self._spell.minutes.popleft()
        if not self._spell.minutes:
            self._spell = _Spell()

    def _minute(self) -> int:
        return int(self._clock.mono_s() // 60)


def _write(db: sqlite3.Connection, pending: Mapping[_Row, tuple[int, int]]) -> None:
    """Add the counts to the rows of their hour. The newest row has the lowest number."""
    since_ms = min(row.hour_ms for row in pending)
    query = "SELECT number, at_ms, action, person, address, detail FROM audit WHERE number < 0 AND at_ms >= ?"
    known = {}
    for number, at_ms, action, person, address, text in db.execute(query, (since_ms,)):
        detail, _, times = text.rpartition(": ")
        known[_Row(at_ms // _HOUR_MS * _HOUR_MS, action, person, address, detail)] = number, int(times.split()[0])
    newest = min(0, db.execute("SELECT coalesce(min(number), 0) FROM audit").fetchone()[0])
    for row, (count, last_ms) in pending.items():
        number, before = known.get(row, (0, 0))
        detail = f"{row.detail}: {_times(before + count)}" if row.detail else _times(before + count)
        if number:
            db.execute("UPDATE audit SET at_ms = ?, detail = ? WHERE number = ?", (last_ms, detail, number))
            continue
        newest -= 1
        values = (newest, last_ms, row.person, row.action, detail, row.address)
        db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", values)
    db.execute("DELETE FROM audit WHERE number < 0 AND number >= ?", (newest + MOST_ROWS,))


def _times(count: int) -> str:
    return "1 time" if count == 1 else f"{count} times"


def _kind(action: str, person: str, *, is_known: bool) -> str:
    """Return what was tried, for a notification. Never contains a text that only the attacker chose."""
    if action == ACCESS_REFUSED:
        return "with an access token that isn't valid"
    if action in _KINDS:
        return _KINDS[action]
    return f"as {person}" if is_known else "with unknown names"


_KINDS: Final = {
    CODE_REFUSED: "with wrong codes for a shared link",
    PASSKEY_REFUSED: "with a passkey that isn't valid",
    PROVIDER_REFUSED: "by the sign-in provider",
    PROXY_REFUSED: "with the header of a reverse proxy, from addresses that aren't in `web.proxies`",
    SIGN_IN_CODE_REFUSED: "with wrong sign-in codes",
    SIGN_IN_LINK_REFUSED: "with sign-in links that aren't valid",
    PHONE_REFUSED: "with wrong codes for phones as cameras",
}


# Health check of the web interface: many refused sign-ins, and reverse proxies that aren't configured.

AT_LEAST_S: Final = 3600.0
"""How long the problem lasts at least, so that there is at most one notification an hour."""
SIGN_INS_DO: Final = "Devices you have used before can still sign in. A VPN keeps strangers out."
log = logging.getLogger(__name__)


class SecurityWatch:
    """Writes the counts of the audit log, and returns problems. proxies: addresses of unknown ones.

    forget: deletes old shared links. Raises StorageError.
    """

    def __init__(
        self, counts: AuditCounts, proxies: Callable[[], Sequence[str]], forget: Callable[[], None], clock: Clock
    ) -> None:
        self._counts, self._proxies, self._forget_links, self._clock = counts, proxies, forget, clock
        self._until_s: float | None = None

    def __call__(self) -> Iterator[HealthProblem]:
        try:
            self._counts.flush()
            self._forget_links()
        except StorageError as error:
            log.warning("cannot write the audit log or delete old links: %s", error)
        yield from self._refused()
        for address in self._proxies():
            yield HealthProblem(
                ProblemKind.PROXY,
                None,
                f"A proxy at {address} forwards requests, but isn't in `web.proxies`.",
                f'If it is yours, add `proxies = ["{address}"]` under [web] in tawny.toml. Until then, all its users '
                "have the same address.",
                address,
            )

    def _refused(self) -> Iterator[HealthProblem]:
        found, now_s = self._counts.refused(), self._clock.mono_s()
        if found.count >= MANY and (self._until_s is None or now_s >= self._until_s):
            self._until_s = now_s + AT_LEAST_S
        if self._until_s is None or (found.count < MANY and now_s >= self._until_s):
            self._until_s = None
            return
        more = " or more" if found.addresses >= MOST_ADDRESSES else ""
        addresses = "one address" if found.addresses == 1 else f"{found.addresses} addresses{more}"
        detail = (
            f"{found.count} refused sign-ins in the last hour, most of them {found.most}, from {addresses}."
            if found.count
            else "No refused sign-ins for an hour."
        )
        yield HealthProblem(ProblemKind.SIGN_INS, None, detail, SIGN_INS_DO)
