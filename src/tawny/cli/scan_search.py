"""`tawny find --in RESULTS`: searches what scans have found, by words and by what objects looked like.

RESULTS is the log of `tawny scan --log`, that of `--on boxes` in a hub's data folder, or the output of `--json`.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from tawny.api.fleet.fleet_search import ANYTHING, without_names
from tawny.cli.options import time_text
from tawny.cli.output import Output
from tawny.cli.scan_inputs import clock_text, digest, looks_from, vector_from
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import MOTION
from tawny.model.times import Span, SystemClock, utc_from_text
from tawny.playback.search.event_search import (
    LookedEvents,
    LookSearch,
    SearchableNames,
    SearchHit,
    search_hits,
    understand,
)
from tawny.playback.search.query_parser import SearchQuery
from tawny.service.detection.embedding_search import SearchModel, VectorSearch
from tawny.storage.index.protocol import EventPage

HEADS: Final = ("where", "at", "length", "why", "match", "event")
_IDENTITY: Final = ("box", "file", "camera", "start")
"""Fields that identify an input in the results: one that was scanned again counts once, as it was found last."""


@dataclass(frozen=True, slots=True)
class ScannedObject:
    """An event of the results. facts: the fields of its input. record: the event, as `tawny scan --json` has it.

    event: its times are ms UTC, or of a file, ms since its beginning.
    """

    event: Event
    facts: Mapping[str, Any]
    record: Mapping[str, Any]
    looks: bytes
    vector: bytes
    model: str

    @property
    def where(self) -> str:
        """Name of its video, for people."""
        place = str(self.facts.get("file") or self.facts.get("camera"))
        return f"{self.facts['box']}: {place}" if "box" in self.facts else place

    @property
    def when(self) -> str:
        """Its start, for people."""
        return time_text(self.event.start_ms) if "at" in self.record else clock_text(self.record["start_s"])


class ScanResults:
    """What scans have found, as an `EventSource`, with what objects looked like. Read-only."""

    def __init__(self, objects: Iterable[ScannedObject]) -> None:
        self._objects = sorted(objects, key=lambda one: (one.event.start_ms, one.event.id))
        self._starts_ms = [one.event.start_ms for one in self._objects]
        self._by_id = {one.event.id: one for one in self._objects}

    @classmethod
    def read(cls, file: Path) -> "ScanResults":
        """Return the results in a file. Raises NotDone: it can't be read, or has none."""
        try:
            with file.open(encoding="utf-8", errors="replace") as lines:
                found = dict(_summaries(lines))
        except OSError as error:
            raise NotDone(
                f"Can't read {file}: {error.strerror}.", "It is what `tawny scan --log` has written."
            ) from None
        if not found:
            raise NotDone(f"{file} has no results of scans.", "Scan with `tawny scan … --log FILE`, then pass FILE.")
        return cls(one for summary in found.values() for one in _objects_of(summary))

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def names(self) -> dict[CameraId, str]:
        """Names of cameras and files that a query may contain."""
        return {one.event.camera: str(one.event.camera) for one in self._objects}

    @property
    def boxes(self) -> dict[str, str]:
        return {box: box for one in self._objects if (box := str(one.facts.get("box", "")))}

    def at(self, boxes: Sequence[str]) -> "ScanResults":
        """Return those of some boxes."""
        return ScanResults(one for one in self._objects if one.facts.get("box") in boxes)

    def object(self, event: EventId) -> ScannedObject:
        return self._by_id[event]

    def event(self, event: EventId) -> Event | None:
        found = self._by_id.get(event)
        return found.event if found is not None else None

    def events(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        only: str = "all",
        after: str | None = None,
        limit: int = 60,
    ) -> EventPage:
        """See `EventSource`. What a scan has found is not marked: it is new."""
        places, wanted = (None if one is None else set(one) for one in (cameras, kinds))
        last = len(self._objects) if after is None else int(after)
        found: list[Event] = []
        if only not in ("all", "new", "named"):
            return EventPage(found, None)
        for number in range(min(last, bisect_left(self._starts_ms, within.end_ms)) - 1, -1, -1):
            event = self._objects[number].event
            if event.start_ms < within.begin_ms:
                break
            is_chosen = (places is None or event.camera in places) and (wanted is None or event.kind in wanted)
            if is_chosen and (only != "named" or event.kind != MOTION):
                found.append(event)
                if len(found) == limit:
                    return EventPage(found, str(number))
        return EventPage(found, None)

    def looks(self, within: Span) -> LookedEvents:
        found = [one for one in self._within(within) if one.looks]
        ids, starts_ms = [one.event.id for one in found], [one.event.start_ms for one in found]
        return LookedEvents(ids, starts_ms, [one.looks for one in found])

    @property
    def has_looks(self) -> bool:
        return any(one.looks or one.vector for one in self._objects)

    def vectors(self, model: str) -> list[tuple[EventId, int, bytes]]:
        """Return the vectors of this model: event, its start, and the vector."""
        of_it = (one for one in self._objects if one.vector and one.model == model)
        return [(one.event.id, one.event.start_ms, one.vector) for one in of_it]

    def other_vectors(self, model: str) -> int:
        """Return the number of objects whose vectors are of another model."""
        return sum(1 for one in self._objects if one.vector and one.model != model)

    def _within(self, span: Span) -> list[ScannedObject]:
        first, last = (bisect_left(self._starts_ms, at_ms) for at_ms in (span.begin_ms, span.end_ms))
        return self._objects[first:last]


def search_results(
    results: ScanResults, words: str, like: str | None, model: SearchModel, zone: ZoneInfo, most: int
) -> tuple[SearchQuery, list[SearchHit]]:
    """Return the parsed query and what matches; those by look with the best first. like: ID of an event.

    Without a time among the words, all results are searched. Raises NotDone: there is no such event.
    """
    example = results.event(EventId(like)) if like else None
    if like and example is None:
        raise NotDone(f"No event {like} in these results.", "`tawny find WORDS --in RESULTS` lists their IDs.")
    words, boxes = without_names(words, results.boxes)
    if len(boxes) < len(results.boxes):
        results = results.at(boxes)
    clock, names = SystemClock(), SearchableNames(results.names)
    now_ms, words = clock.now_ms(), words or ANYTHING
    has_time = understand(results, words, names, zone, now_ms).has_time
    similar = VectorSearch(lambda: results, model, clock).similar
    by = LookSearch(results.looks, example, None if has_time else 0, similar)
    question, hits = search_hits(results, words, names, zone, now_ms, most, by)
    return (question if has_time else replace(question, time_words="any time")), hits


def print_hits(results: ScanResults, query: SearchQuery, hits: Sequence[SearchHit], out: Output) -> None:
    found = [(results.object(hit.event.id), hit) for hit in hits]
    events = [_as_json(one, hit) for one, hit in found]
    rows = [
        (
            one.where, one.when, f"{one.record['end_s'] - one.record['start_s']:.1f} s", hit.why or one.event.kind,
            f"{hit.score:.0%}" if hit.why else "–", str(one.event.id),
        )
        for one, hit in found
    ]  # fmt: skip
    searched = "1 event" if len(results) == 1 else f"{len(results)} events"
    empty = f"Nothing found ({query.time_words}), of {searched} in these results."
    if len(results) and not results.has_looks:
        empty += " They have no colours: scan with `--log`."
    data = {"events": events, "time": query.time_words, "unknown": list(query.unknown)}
    out.data(data, out.table(HEADS, rows, empty=empty))


def _as_json(one: ScannedObject, hit: SearchHit) -> dict[str, Any]:
    data = {name: value for name, value in one.record.items() if name not in ("looks", "vector")}
    facts = {name: one.facts[name] for name in ("box", "file", "camera") if name in one.facts}
    matched = {"why": hit.why, "match": round(hit.score, 2)} if hit.why else {}
    return {"id": one.event.id, **facts, **data, **matched}


def _summaries(lines: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the results of complete inputs, each with what identifies the input. Damaged lines are skipped."""
    for line in lines:
        try:
            entry = json.loads(line)
            summary = entry.get("result", entry) if "part" not in entry else {}
            if isinstance(summary.get("events"), list) and "error" not in summary:
                yield digest([summary.get(name) for name in _IDENTITY]), summary
        except (ValueError, AttributeError, TypeError, RecursionError):
            continue


def _objects_of(summary: Mapping[str, Any]) -> Iterator[ScannedObject]:
    facts = {name: value for name, value in summary.items() if name != "events"}
    mark = digest([summary.get(name) for name in _IDENTITY])[:8]
    camera = CameraId(str(summary.get("camera") or Path(str(summary.get("file"))).stem).lower())
    for number, entry in enumerate(summary["events"], 1):
        with suppress(ValueError, KeyError, TypeError, OverflowError):
            begin_ms = utc_from_text(entry["at"]) if "at" in entry else round(entry["start_s"] * 1000)
            length_ms = round((entry["end_s"] - entry["start_s"]) * 1000)
            event = Event(
                EventId(f"{mark}-{number:04}"), camera, str(entry["type"]), begin_ms, begin_ms + length_ms,
                float(entry["score"]),
            )  # fmt: skip
            looks, vector = looks_from(entry.get("looks", "")), vector_from(entry.get("vector", ""))
            yield ScannedObject(event, facts, entry, looks, vector, str(summary.get("search_model", "")))
