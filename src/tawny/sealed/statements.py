"""Statements of the signed history, made every ten minutes, each with a new key.

A day's line is signed with the `next` key of the previous day, a statement with the `next` key of the previous
statement. A recorder holds only keys for the future, so that a thief cannot sign past statements.
"""

import re
from base64 import b32encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tawny.model.times import utc_from_text, utc_text
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.signing import (
    SignedContent,
    SignedLine,
    Signer,
    canonical,
    hash_of,
    key_from,
    new_key,
    private_of,
    public_of,
    read_canonical,
    read_signed,
    signed,
)

RECORDER_LETTERS: Final = 8
"""Hexadecimal digits of the recorder id, as in names of encrypted uploads."""
MARK_BYTES: Final = 16
_WITNESS: Final = re.compile(
    r"tawny-([0-9a-f]{8})-(\d{1,12})-(\d{8})T(\d{6})Z-([a-z2-7]{26})(?![a-z2-7])", re.IGNORECASE
)
DAYS: Final = "days.jsonl"
Item = Sequence[Any]
"""An entry of a list: its type, then its values."""


def statements_name(day: str) -> str:
    return f"{day}.jsonl"


def list_name(day: str) -> str:
    return f"{day}.list"


@dataclass(frozen=True, slots=True, repr=False)
class SigningState:
    """State for the next statement, with private keys. day: day of the last statement; empty before the first."""

    n: int
    time: str
    key: Ed25519PrivateKey
    day: str
    day_next: Ed25519PrivateKey
    prev: str
    day_prev: str

    @classmethod
    def first(cls) -> "SigningState":
        """Return the state of a new recorder. `day_next` is its genesis key, discarded after the first line."""
        return cls(0, "", new_key(), "", new_key(), "", "")

    @property
    def signer(self) -> Signer:
        """Signer of files that the next statement will list."""
        return Signer(self.key, self.n)

    def record(self) -> SignedContent:
        return {
            "n": self.n,
            "time": self.time,
            "key": private_of(self.key),
            "day": self.day,
            "day_next": private_of(self.day_next),
            "prev": self.prev,
            "day_prev": self.day_prev,
        }

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "SigningState":
        """Parse a state. Raises SealedFileBroken if invalid."""
        try:
            texts = [str(values[name]) for name in ("time", "day", "prev", "day_prev")]
            time, day, prev, day_prev = texts
            return cls(
                int(values["n"]), time, key_from(values["key"]), day, key_from(values["day_next"]), prev, day_prev
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise SealedFileBroken("the recorder's signing keys cannot be read") from problem


@dataclass(frozen=True, slots=True)
class StatementLines:
    """A new statement. lines: (file name, line without newline) to append, in this order."""

    state: SigningState
    lines: tuple[tuple[str, bytes], ...]
    line: bytes
    """The statement's line."""


def make_statement(state: SigningState, items: Sequence[Item], recipients: Sequence[str], now: str) -> StatementLines:
    """Make the next statement, and a day line on a new day.

    now: RFC 3339 in UTC. Stated times never go back. Where the clock is behind the last one, `clock` states it.
    """
    time = max(now, state.time)
    day, lines = time[:10], list[tuple[str, bytes]]()
    if day != state.day:
        state, line = _new_day(state, day)
        lines.append((DAYS, line))
    after, listed = new_key(), canonical(items)
    content: SignedContent = {
        "v": 1,
        "n": state.n,
        "time": time,
        "list": hash_of(listed),
        "recipients": list(recipients),
        "prev": state.prev,
        "next": public_of(after),
    }
    if now < time:
        content["clock"] = now
    line = signed(content, b"statement", state.key)
    lines += [(list_name(day), listed), (statements_name(day), line)]
    moved = SigningState(state.n + 1, time, after, day, state.day_next, hash_of(line), state.day_prev)
    return StatementLines(moved, tuple(lines), line)


def _new_day(state: SigningState, day: str) -> tuple[SigningState, bytes]:
    after = new_key()
    content: SignedContent = {
        "v": 1,
        "day": day,
        "key": public_of(state.key),
        "next": public_of(after),
        "prev": state.day_prev,
        "last": state.prev,
    }
    if not state.day:
        content["genesis"] = public_of(state.day_next)
    line = signed(content, b"day", state.day_next)
    return SigningState(state.n, state.time, state.key, day, after, state.prev, hash_of(line)), line


# --- verification, for readers that do not trust the data


@dataclass(frozen=True, slots=True)
class StatementDay:
    """One day. key: verifies its first statement. last: hash of the statement before it."""

    day: str
    key: str
    last: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. key: verified its signature. hash: of its line. clock: by the recorder's clock; else `time`.

    `time` is that of the latest statement so far, and later than `clock` after the clock was set back.
    """

    n: int
    time: str
    list_hash: str
    recipients: tuple[str, ...]
    key: str
    next: str
    hash: str
    clock: str

    @property
    def at_ms(self) -> int:
        return utc_from_text(self.time)

    @property
    def clock_ms(self) -> int:
        return utc_from_text(self.clock)


def lines_of(text: bytes) -> list[bytes]:
    """Return complete lines. Text after the last newline was torn by a power cut."""
    return text.split(b"\n")[:-1]


def genesis_of(days: bytes) -> str:
    """Return the unverified fingerprint from the first line. Raises SealedFileBroken if missing."""
    lines = lines_of(days)
    genesis = read_signed(lines[0]).content.get("genesis") if lines else None
    if not isinstance(genesis, str):
        raise SealedFileBroken("the history has no beginning")
    return genesis


def read_days(text: bytes, genesis: str) -> dict[str, StatementDay]:
    """Return all days, each verified by the previous one.

    genesis: the recorder's fingerprint from another source. Raises SealedFileBroken where the chain is broken.
    """
    days: dict[str, StatementDay] = {}
    key, prev = genesis, ""
    if genesis_of(text) != genesis:
        raise SealedFileBroken("it is signed by another recorder")
    for line in lines_of(text):
        one = read_signed(line)
        day = _text(one, "day")
        is_next = _text(one, "prev") == prev and day > max(days, default="") and one.content.get("v") == 1
        if not is_next or not one.is_by(key, b"day"):
            raise SealedFileBroken(f"the chain of days is broken at {day}")
        days[day] = StatementDay(day, _text(one, "key"), _text(one, "last"))
        key, prev = _text(one, "next"), one.hash
    return days


def read_statements(day: StatementDay, text: bytes) -> list[Statement]:
    """Return a day's statements, each verified by the previous one.

    Raises SealedFileBroken where the chain is broken.
    """
    found: list[Statement] = []
    key, prev = day.key, day.last
    for line in lines_of(text):
        one = read_signed(line)
        statement = _statement(one, key)
        is_next = (
            _text(one, "prev") == prev
            and utc_text(statement.at_ms)[:10] == statement.time[:10] == day.day
            and one.content.get("v") == 1
        )
        if found and (statement.at_ms < found[-1].at_ms or statement.n != found[-1].n + 1):
            is_next = False
        if not is_next or not one.is_by(key, b"statement"):
            raise SealedFileBroken(f"the chain of statements is broken at {statement.time}")
        found.append(statement)
        key, prev = statement.next, one.hash
    return found


def last_of(days: Mapping[str, StatementDay], day: str) -> str | None:
    """Return the hash of a day's last statement, as proven by the next day. None for the newest day."""
    after = min((other for other in days if other > day), default=None)
    return days[after].last if after is not None else None


def read_lists(text: bytes, statements: Sequence[Statement]) -> Iterator[tuple[Statement, list[Item]]]:
    """Yield statements with their lists. Lists without a statement are omitted."""
    by_hash: dict[str, list[Statement]] = {}
    for statement in reversed(statements):
        by_hash.setdefault(statement.list_hash, []).append(statement)
    for line in lines_of(text):
        same = by_hash.get(hash_of(line))  # several statements may have empty lists
        if same:
            statement = same.pop()
            items = read_canonical(line)
            yield statement, [one for one in items if isinstance(one, list) and one] if isinstance(items, list) else []


def _statement(one: SignedLine, key: str) -> Statement:
    n, recipients = one.content.get("n"), one.content.get("recipients")
    if type(n) is not int or not isinstance(recipients, list) or not all(isinstance(each, str) for each in recipients):
        raise SealedFileBroken("a statement that is none")
    time = _text(one, "time")
    clock = _text(one, "clock") if "clock" in one.content else time
    try:
        utc_from_text(time)
        utc_from_text(clock)
    except ValueError:
        raise SealedFileBroken("a statement without a time") from None
    return Statement(n, time, _text(one, "list"), tuple(recipients), key, _text(one, "next"), one.hash, clock)


def _text(one: SignedLine, name: str) -> str:
    value = one.content.get(name)
    if not isinstance(value, str):
        raise SealedFileBroken(f"a signed line without {name!r}")
    return value


@dataclass(frozen=True, slots=True, order=True)
class Witness:
    """A line of text that names the newest statement. recorder: RECORDER_LETTERS of the recorder's id.

    It goes to places that a thief of the recorder can't reach: messages, uploads, the owner's browser. A history that
    was cut or put back to an older copy doesn't contain the statement. The text holds no secret and says nothing of
    cameras:

        tawny-3f2a91c0-1234-20261120T055000Z-mz2kq…  recorder, number and time of the statement, its mark

    at_ms: its time, ms UTC, whole seconds. mark: 128 bits of the hash of its line, base32.
    """

    recorder: str
    n: int
    at_ms: int
    mark: str

    @property
    def text(self) -> str:
        at = re.sub(r"[-:]|\.\d+", "", utc_text(self.at_ms))
        return f"tawny-{self.recorder}-{self.n}-{at}-{self.mark}"

    @property
    def day(self) -> str:
        """The day whose statements contain it, as `2026-11-20`."""
        return utc_text(self.at_ms)[:10]


def recorder_of(genesis: str) -> bytes:
    """Return the id of the recorder with this first key: 16 bytes, hexadecimal. Raises ValueError if it is no key."""
    return sha256(bytes.fromhex(genesis)).digest()[:16]


def witness_of(recorder: bytes, n: int, time: str, line_hash: str) -> Witness:
    """Return the witness of a statement. time, line_hash: as in the history."""
    at_ms = utc_from_text(time)
    return Witness(recorder.hex()[:RECORDER_LETTERS], n, at_ms - at_ms % 1000, mark_of(line_hash))


def mark_of(line_hash: str) -> str:
    """Return the hash of a line as a witness states it."""
    return b32encode(bytes.fromhex(line_hash)[:MARK_BYTES]).decode().rstrip("=").lower()


def find_witnesses(text: str) -> Iterator[Witness]:
    """Yield the witnesses in a text, such as a saved email."""
    for found in _WITNESS.finditer(text):
        recorder, n, day, time, mark = found.groups()
        written = f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z"
        try:
            yield Witness(recorder.lower(), int(n), utc_from_text(written), mark.lower())
        except ValueError:  # no date of any calendar
            continue
