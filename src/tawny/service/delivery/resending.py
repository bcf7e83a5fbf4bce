"""Uploads that are gone at their destination: found by comparing, and sent again as far as the recorder has them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Final

from tawny.config.targets import DestinationSettings
from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.delivery.destination import DestinationConnection, DestinationContext
from tawny.delivery.outbox import MOST_WAITING, Outbox
from tawny.delivery.sent_files import LostFiles, SentFile, lost_files, sent_by
from tawny.model.errors import NotDone
from tawny.model.ids import SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Clock, Span, missing_spans
from tawny.playback.clips import MOST_COVERED_S, held_times
from tawny.playback.recordings import JOIN_MS, segments
from tawny.service.backup.restored_accounts import opened_to_read
from tawny.service.backup.restored_outbox import OUTBOX
from tawny.service.delivery.event_forms import form_of
from tawny.service.delivery.guarded_target import BrokenTarget, as_delivery_error
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.recorder import RecorderService
from tawny.storage.disk.layout import is_sealed
from tawny.storage.index.sqlite_file import sqlite_errors

SHARE: Final = 0.5
"""Of the limits of waiting uploads, what may be used to send again: new events need the rest."""


@contextmanager
def connected(
    plugins: PluginRegistry, name: str, one: DestinationSettings, clock: Clock
) -> Iterator[DestinationConnection]:
    """Connect to a destination. Raises DeliveryError. Waits for the network."""
    kind = plugins.destination_of(one.url) or BrokenTarget()
    with as_delivery_error(name, one.url, kind):
        options = kind.settings(one.url, one.options)
        connection = kind.connect(DestinationContext(name, one.url, options, clock, one.write_only))
        try:
            yield connection
        finally:
            connection.close()


def lost_uploads(
    connection: DestinationConnection,
    one: DestinationSettings,
    now_ms: int,
    sent: Callable[[int, int], Iterable[SentFile]],
    since_ms: int = 0,
) -> LostFiles:
    """Compare what a destination should still have with its files. Raises DeliveryError.

    sent: returns what was sent of what happened since a time, and arrived before another. Older files than `retention`
    are left out.
    """
    first_ms = since_ms if one.retention is None else max(since_ms, now_ms - round(one.retention * 1000))
    return lost_files(connection, lambda before_ms: sent(first_ms, before_ms), now_ms)


def sent_from(folder: Path, name: str) -> Callable[[int, int], list[SentFile]]:
    """Return `sent` of `lost_uploads`, of a data folder, for commands. It raises StorageError."""

    def sent(since_ms: int, before_ms: int) -> list[SentFile]:
        path = folder / OUTBOX
        if not path.exists():
            return []
        with sqlite_errors(str(path), read_only=True), closing(opened_to_read(path)) as db:
            return list(sent_by(db, name, since_ms, before_ms))

    return sent


class _Held(Enum):
    """How much of a recording there is. Those reduced to keyframes, or of the sub stream alone, count as a part."""

    NOTHING = auto()
    PART = auto()
    ALL = auto()


class UploadResender:
    """Sends again what is gone at a destination, or has another size there. Call from any thread."""

    def __init__(self, outbox: Outbox, recorder: RecorderService, plugins: PluginRegistry, clock: Clock) -> None:
        self._outbox, self._recorder, self._plugins, self._clock = outbox, recorder, plugins, clock

    def resend(self, name: str, one: DestinationSettings, since_ms: int, budget_bytes: int) -> dict[str, int]:
        """Let what is lost since a time wait again, newest first, as far as the queue has room. Return the counts.

        `gone`: the recorder has nothing to make them of any more. `partial`: it has some of it: that is sent, but
        replaces no file there but empty ones. `later`: there was no room; if nothing waits, one file may need more than
        SHARE. `too_large`: of these, because of their size. Raises NotDone, DeliveryError. Waits for the network.
        """
        lost = self._lost(name, one, since_ms)
        waiting = self._outbox.waiting(name)
        count = round(MOST_WAITING * SHARE) - (waiting.count - waiting.removals)
        waiting_bytes = self._outbox.waiting().size_bytes
        left_bytes = budget_bytes * SHARE - waiting_bytes
        again = list[int]()
        counts = {"missing": len(lost.missing), "changed": len(lost.changed)}
        counts |= dict.fromkeys(("gone", "partial", "later", "too_large"), 0)
        for file in lost.all:
            delivery = self._outbox.find(name, file.name)
            if delivery is None or delivery.id != file.id or delivery.state is not DeliveryState.DONE:
                continue  # renewed since it was compared, as by its removal, or sent again
            held = self._held(delivery)
            if held is _Held.NOTHING:
                counts["gone"] += 1
            elif held is _Held.PART and lost.changed.get(file):  # the file there may be the only whole one
                counts["partial"] += 1
            elif len(again) >= count:
                counts["later"] += 1
            elif file.size_bytes > (left_bytes if again or waiting_bytes else budget_bytes):
                counts["later"] += 1
                counts["too_large"] += 1
            else:
                again.append(file.id)
                left_bytes -= file.size_bytes
                counts["partial"] += held is _Held.PART
        return {**counts, "sent": self._outbox.send_again(name, again)}

    def forget(self, name: str, one: DestinationSettings, since_ms: int) -> dict[str, int]:
        """Don't compare what is lost since a time until it is there again: it was deleted on purpose. As `resend`."""
        lost = self._lost(name, one, since_ms)
        self._outbox.note_lost((file.id for file in lost.all), is_lost=True)
        return {"missing": len(lost.missing), "changed": len(lost.changed), "forgotten": len(lost.all)}

    def _lost(self, name: str, one: DestinationSettings, since_ms: int) -> LostFiles:
        if one.write_only:
            raise NotDone(f"tawny can't list what is at {name}: its login may only write.", "Look there yourself.")
        now_ms = self._clock.now_ms()
        with connected(self._plugins, name, one, self._clock) as connection:
            lost = lost_uploads(connection, one, now_ms, lambda *times: self._outbox.sent(name, *times), since_ms)
        self._outbox.note_lost((file.id for file in lost.found), is_lost=False)
        return lost

    def _held(self, one: Delivery) -> "_Held":
        """Return how much the recorder still has of what a delivery was made of."""
        if one.what is DeliveryKind.PICTURE:
            return _Held.ALL if self._has_picture(one) else _Held.NOTHING
        if "segment" in one.content:
            segment = self._recorder.index.segment(SegmentId(one.content["segment"]))
            both, span = ([], None) if segment is None else ([segment], segment.span)
        else:
            span = Span(int(one.content["from_ms"]), int(one.content["to_ms"]))
            both = [] if one.camera is None else segments(self._recorder, one.camera, None, span)
        if span is None or not both or self._is_too_long_to_mask(one, both[0], span):
            return _Held.NOTHING
        found = [each for each in both if each.stream is StreamName.MAIN]
        if not found:
            return _Held.PART  # clips are made of the sub stream then
        holes = missing_spans([*held_times(found, span, ())], span)
        return _Held.PART if any(hole.end_ms - hole.begin_ms > JOIN_MS for hole in holes) else _Held.ALL

    def _has_picture(self, one: Delivery) -> bool:
        event = self._recorder.index.event(one.event) if one.event is not None else None
        picture = self._recorder.sealed_picture if one.content.get("sealed") else self._recorder.event_picture
        return event is not None and picture(event) is not None

    def _is_too_long_to_mask(self, one: Delivery, recorded: Segment, span: Span) -> bool:
        """Return whether privacy masks that the camera has got since prevent the clip (`ClipTooLongToMask`)."""
        is_clip = not is_sealed(recorded.path) and form_of(one) != "sheet"
        return is_clip and span.seconds > MOST_COVERED_S and bool(self._recorder.private(recorded.camera))
