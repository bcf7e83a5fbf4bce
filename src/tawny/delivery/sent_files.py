"""Files that count as sent, compared with what their destination lists now: any may be deleted or replaced there."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tawny.delivery.destination import DestinationConnection

_SENT: Final = """
SELECT id, name, at_ms, size_bytes, why FROM deliveries
WHERE target = ? AND state = 'done' AND at_ms >= ? AND done_ms < ? AND what IN ('picture', 'piece', 'clip', 'footage')
AND NOT (what = 'piece' AND name LIKE 'parts/%') -- while the login may only write: a rule there deletes them
ORDER BY at_ms DESC, id DESC
"""


class SentFile(NamedTuple):
    """A file that a destination has received. id: of its delivery. at_ms: of the event or recording, ms UTC.

    why: not empty if it is known to be lost.
    """

    id: int
    name: str
    at_ms: int
    size_bytes: int
    why: str


@dataclass(frozen=True, slots=True)
class LostFiles:
    """Files that are gone at a destination, or have another size there; newest first; not those known to be lost.

    changed: with its size there. found: known to be lost, but there again as it was sent.
    """

    missing: list[SentFile] = field(default_factory=list)
    changed: dict[SentFile, int] = field(default_factory=dict)
    found: list[SentFile] = field(default_factory=list)

    @property
    def all(self) -> list[SentFile]:
        return sorted([*self.missing, *self.changed], key=lambda one: (one.at_ms, one.id), reverse=True)


def sent_by(db: sqlite3.Connection, to: str, since_ms: int, before_ms: int) -> Iterator[SentFile]:
    """Yield the files of events and recordings since a time that an outbox had sent before another, newest first.

    Parts that a clip has replaced are no longer among them. Another process may have the outbox open.
    """
    return map(SentFile._make, db.execute(_SENT, (to, since_ms, before_ms)))


def lost_files(connection: DestinationConnection, sent: Callable[[int], Iterable[SentFile]], now_ms: int) -> LostFiles:
    """Compare what was sent with the files there. Raises DeliveryError.

    sent: returns what was sent before a time, ms UTC. It is called after the listing: what was replaced or deleted
    meanwhile is no longer in it.
    """
    there = {file.name: file.size_bytes for file in connection.files()}
    lost = LostFiles()
    for one in sent(now_ms):
        if one.name in there and one.size_bytes in (0, there[one.name]):  # 0: it isn't known
            lost.found.extend([one] if one.why else [])
        elif one.name in there and not one.why:
            lost.changed[one] = there[one.name]
        elif not one.why:
            lost.missing.append(one)
    return lost
