"""`tawny event`, `events`, `find` and `known`."""

from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tawny.app.control_client import is_in_memory
from tawny.app.local_zone import local_zone
from tawny.cli import options
from tawny.cli.control_client import ask_once, follow, lasts, ordered
from tawny.cli.look_search import search_looks
from tawny.cli.options import time_text
from tawny.cli.output import Output
from tawny.cli.paths import config_file, data_folder, existing_data, load_settings, running_data
from tawny.config.settings import Settings, display_name
from tawny.model.errors import NotDone, TawnyError, UsageError
from tawny.model.events import ALL_LEVELS, Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.observations import MOTION, NOTHING, REPORTED, Box
from tawny.model.times import Span, SystemClock, utc_from_text, utc_text
from tawny.playback.recordings import RecordingIndex
from tawny.playback.search.event_search import (
    SearchableNames,
    SearchHit,
    motion_in_spot,
    search_hits,
)
from tawny.playback.search.query_parser import SearchableIdentity, SearchQuery
from tawny.service import json_format
from tawny.service.detection.embedding_search import SearchModel
from tawny.service.detection.identity_store import PLATES, IdentityStore, KnownIdentity
from tawny.service.detection.recognition_service import face_print
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.visits import EventVisit, VisitQuery, find_visits, learn_neighbors, neighbors_of
from tawny.storage.disk.layout import picture_path
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import index_to_read, known_camera
from tawny.storage.index.protocol import all_events
from tawny.storage.segments.detection_files import MotionGrids

# `tawny event open | update | close`: report an event that tawny cannot detect itself.


def describe_event(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("what", choices=["open", "update", "close"], help="action")
    parser.add_argument(
        "which", metavar="CAMERA|EVENT", help="open: a camera's ID or name; otherwise an event's ID or key"
    )
    parser.add_argument("--kind", metavar="K", help="open: event type, such as person or doorbell (default: manual)")
    parser.add_argument("--key", metavar="KEY", help="open: your own key, to update or close the event later")
    parser.add_argument("--camera", metavar="C", help="update, close: the event's camera, if others have the same key")
    parser.add_argument("--label", metavar="TEXT", help="short description")
    parser.add_argument("--score", metavar="N", type=float, help="score, 0 to 100 (default: 100); update: if higher")
    lasts(parser, "5 min, unless closed earlier")


def run_event(args: Namespace, out: Output) -> int:
    if args.what == "open":
        if args.camera:
            raise UsageError("`--camera` only works with `tawny event update` and `tawny event close`.")
        more = {"kind": args.kind, "key": args.key, "label": args.label, "score": args.score}
        return ordered(args, out, command="event.open", camera=args.which, **more)
    if args.kind or args.key:
        raise UsageError("`--kind` and `--key` only work with `tawny event open`.")
    which = {"event": args.which, "camera": args.camera}
    if args.what == "update":
        return ordered(args, out, command="event.update", **which, label=args.label, score=args.score)
    if args.label or args.lasts or args.score is not None:
        raise UsageError("`tawny event close` takes the event and its camera, nothing else.")
    return ordered(args, out, command="event.close", **which)


HEADS = ("start", "length", "camera", "kind", "level", "score", "id")
LOOKED_BACK = "24 h ago"
UNHEARD_MS = 60_000
"""How long before the last message an event may have begun that isn't printed yet, ms."""
MOST_ENDED = 1000
"""Number of events that are remembered after their end."""
PAGE = 200
"""Events that are read from the index at once."""


def describe_events(parser: ArgumentParser) -> None:
    options.data(parser)
    options.times(parser, begin=LOOKED_BACK, end="now")
    parser.add_argument("--camera", metavar="C", action="append", help="only this camera (repeatable)")
    parser.add_argument("--kind", metavar="K", action="append", help="only this event type, such as motion or person")
    parser.add_argument(
        "--level",
        choices=[*map(str, ALL_LEVELS)],
        action="append",
        help="only this level: alert, detection or motion (repeatable)",
    )
    parser.add_argument("--visits", action="store_true", help="join events that belong together, over cameras")
    parser.add_argument("--follow", action="store_true", help="keep running and print a line for every change")


def run_events(args: Namespace, out: Output) -> int:
    if args.visits:
        return _run_visits(args, out)
    if args.follow:
        return _run_follow(args, out)
    folder = existing_data(args)[1]
    _print_past([] if is_in_memory(folder) else _past(folder, args), out, empty="No events in this time.")
    return 0


def _print_past(found: Sequence[Event], out: Output, *, empty: str = "") -> None:
    shown = [json_format.event(event) for event in found]
    if out.as_json:
        for one in shown:
            out.data(one, "")
    elif shown or empty:
        out.data(None, out.table(HEADS, [row(one) for one in shown], empty=empty))


def _run_follow(args: Namespace, out: Output) -> int:
    """Print the messages of selected events. What happens while the recorder restarts comes from the index."""
    folder, selected = running_data(args), FollowedEvents(args)
    # a program that follows gets the past, which looks otherwise, only if it asks for it: the default is no such wish
    is_new_only = args.json and args.begin is LOOKED_BACK
    is_first = True
    for entry in follow(folder, out):
        entries: Iterable[dict[str, Any]] = [entry]
        if entry["type"] == "following":  # all later messages come; what was before is in the index
            entries = []
            if not is_first and not is_in_memory(folder):
                try:
                    found = [*_events_of(folder, selected.lasting), *_past(folder, selected.unheard())]
                    entries = selected.missed(found)
                except TawnyError as error:  # what comes now is still followed
                    out.error(error)
            elif not is_new_only and not is_in_memory(folder):
                selected.have(found := _past(folder, args))
                _print_past(found, out)
            is_first = False
        for one in selected.of(entries):
            out.data(one, f"{one['type'].removeprefix('event.'):8}" + "  ".join(row(one["event"])))
    return 0


def _run_visits(args: Namespace, out: Output) -> int:
    if args.follow:
        raise UsageError("`--visits` and `--follow` don't go together: a visit may still grow.", "Leave one away.")
    chosen, folder = existing_data(args)
    now_ms = SystemClock().now_ms()
    within = options.span(args.begin, args.end, now_ms)
    found: list[EventVisit] = []
    with index_to_read(folder) as index:
        query = VisitQuery(
            within,
            None if args.camera is None else frozenset(known_camera(folder, name, index) for name in args.camera),
            None if args.kind is None else frozenset(args.kind),
            None if args.level is None else frozenset(args.level),
            limit=PAGE,
        )
        neighbors = neighbors_of(
            learn_neighbors(index, now_ms), {CameraId(name): one.neighbors for name, one in chosen.cameras.items()}
        )
        while True:
            page, after = find_visits(index, query, neighbors)
            found += page
            if after is None:
                break
            query = replace(query, after=after)
    visits = [json_format.visit(one) for one in reversed(found)]
    if args.json:
        for one in visits:
            out.data(one, "")
    else:
        rows = [_visit_row(one) for one in visits]
        out.data(None, out.table(VISIT_HEADS, rows, empty="No events in this time."))
    return 0


VISIT_HEADS = ("start", "length", "cameras", "kind", "level", "events", "id")


def _visit_row(visit: dict[str, Any]) -> tuple[str, ...]:
    start, length, *_ = row(visit["best"] | {"start": visit["start"], "end": visit["end"]})
    about = ", ".join(visit["cameras"]), _kind_and_class(visit["best"]), visit["level"]
    return start, length, *about, str(len(visit["events"])), visit["id"]


def _past(folder: Path, args: Namespace) -> list[Event]:
    """Return the matching events in the index, oldest first."""
    within = options.span(args.begin, args.end, SystemClock().now_ms())
    with index_to_read(folder) as index:
        cameras = [known_camera(folder, name, index) for name in args.camera] if args.camera else None
        return list(_all_events(index, within, cameras, args.kind, args.level))[::-1]


def _events_of(folder: Path, ids: Iterable[str]) -> list[Event]:
    """Return these events, without deleted ones."""
    with index_to_read(folder) as index:
        found = [index.event(EventId(one)) for one in sorted(ids)]
    return [event for event in found if event is not None]


def _all_events(
    index: RecordingIndex,
    within: Span,
    cameras: list[CameraId] | None,
    kinds: list[str] | None = None,
    levels: list[str] | None = None,
) -> Iterator[Event]:
    """Yield the events, newest first."""
    return all_events(
        lambda after: index.events(within, cameras=cameras, kinds=kinds, levels=levels, after=after, limit=PAGE)
    )


def row(event: dict[str, Any]) -> tuple[str, ...]:
    """Return the event as a table row under `HEADS`."""
    start_ms = utc_from_text(event["start"])
    length = "ongoing" if event["end"] is None else f"{(utc_from_text(event['end']) - start_ms) / 1000:.0f} s"
    about = event["camera"], _kind_and_class(event), event["level"]
    return time_text(start_ms), length, *about, f"{event['score']:.0f}", event["id"]


def kind_words(event: dict[str, Any]) -> str:
    """Return the event's type as text: the user's, else the detected one."""
    if event["labeled_as"]:
        return MOTION if event["labeled_as"] == NOTHING else str(event["labeled_as"])
    return str(event["type"])


def _kind_and_class(event: dict[str, Any]) -> str:
    """Return `kind_words`, of a sound with its classes: `sound (bark)`."""
    kind, classes = kind_words(event), [one["label"] for one in event["objects"] if one["label"] != REPORTED]
    return f"{kind} ({', '.join(classes)})" if kind == "sound" and classes else kind


class FollowedEvents:
    """Selects the messages of events, of each until its end, as its type and level may change, and none twice."""

    def __init__(self, args: Namespace) -> None:
        self._args, self._clock = args, SystemClock()
        self._begun_ms = self._heard_ms = self._clock.now_ms()
        self.lasting = set[str]()
        """IDs of printed events that have not ended."""
        self._ended = deque[str](maxlen=MOST_ENDED)

    def have(self, events: Iterable[Event]) -> None:
        """Note events that were printed."""
        for event in events:
            self._note(event.id, is_over=event.end_ms is not None)

    def of(self, entries: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for entry in entries:
            if "time" in entry:  # when it happened: it may be read late
                self._heard_ms = max(self._heard_ms, utc_from_text(entry["time"]))
            if not entry["type"].startswith("event."):
                continue
            event, what = entry["event"], entry["type"]
            is_lasting, is_over = event["id"] in self.lasting, event["id"] in self._ended
            is_again = what == "event.started" if is_lasting else is_over and what != "event.updated"
            if not is_again and (is_lasting or _wanted(event, self._args)):
                self._note(event["id"], is_over=event["end"] is not None)
                yield entry

    def unheard(self) -> Namespace:
        """Return the arguments that select what may have happened since the last message."""
        now_ms = self._clock.now_ms()
        if self._begun_ms >= now_ms:  # the clock was set back
            self._begun_ms = now_ms - UNHEARD_MS
        self._heard_ms = min(self._heard_ms, now_ms)
        begin_ms = max(self._heard_ms - UNHEARD_MS, self._begun_ms)
        selected = {"begin": utc_text(begin_ms), "end": "now", "camera": None, "kind": None, "level": None}
        return Namespace(**selected)

    def missed(self, events: Iterable[Event]) -> Iterator[dict[str, Any]]:
        """Yield the messages about these events."""
        for event in events:
            found = []
            if event.start_ms >= self._begun_ms:
                found.append(EventChanged("started", replace(event, end_ms=None)))
            if event.end_ms is not None:
                found.append(EventChanged("ended", event))
            yield from filter(None, (json_format.message(one, self._heard_ms) for one in found))

    def _note(self, event: str, *, is_over: bool) -> None:
        if is_over:
            self.lasting.discard(event)
            self._ended.append(event)
        else:
            self.lasting.add(event)


def _wanted(event: dict[str, Any], args: Namespace) -> bool:
    is_there = not args.camera or event["camera"] in args.camera
    is_level = not args.level or event["level"] in args.level
    return is_there and is_level and (not args.kind or kind_words(event).rstrip("?") in args.kind)


# Access to known identities (faces, plates) for commands.


def identity_store(args: Namespace, folder: Path) -> IdentityStore:
    """Return the identity store of this folder; its key is stored next to the settings file."""
    config = config_file(args)
    return IdentityStore(folder, config.parent if config is not None else None)


def recognised(book: IdentityStore) -> SearchableIdentity:
    return SearchableIdentity([one.name for one in book.all()], book.words)


def read_text(event: Event, book: IdentityStore) -> str:
    """Return the names and plates recognized in an event, comma-separated."""
    parts = (" ".join(one for one in (book.name(read), read.text) if one) for read in event.reads)
    return ", ".join(one for one in parts if one)


# `tawny find`: search events by words, or motion in an area of the image.


def describe_find(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("words", nargs="*", help="search words, for example: person gate last night, longer than 10 s")
    spot = "find motion in this area of the image, as left,top,right,bottom from 0 to 1; words limit camera and time"
    parser.add_argument("--spot", metavar="X,Y,X,Y", help=spot)
    parser.add_argument("--like", metavar="EVENT", help="find events that look like this one; words limit them")
    since = "only from this time on, whatever the words say, for example 2026-11-20, yesterday or '3 h ago'"
    parser.add_argument("--since", metavar="T", help=since)
    count = options.whole_number(1, 1_000_000)
    parser.add_argument("--most", metavar="N", type=count, default=50, help="maximum number of results (default: 50)")
    in_results = "search what `tawny scan` has found instead: its `--log` file, or its output with --json"
    parser.add_argument("--on", choices=["boxes"], help="search the recorders that have joined this hub")
    parser.add_argument("--in", metavar="RESULTS", dest="results", help=in_results)


def run_find(args: Namespace, out: Output) -> int:
    if not args.words and args.spot is None and args.like is None:
        raise UsageError("What to search for is missing.", "Give words, an area with `--spot`, or `--like EVENT`.")
    if args.results and args.on:
        raise UsageError("`--in` and `--on` don't go together.", "Results of boxes are searched with `--in` alone.")
    if args.results:
        return _find_in_results(args, out)
    if args.on:
        return _find_on_boxes(args, out)
    chosen, folder = existing_data(args)
    spot = None if args.spot is None else _spot(args.spot)
    book = identity_store(args, folder)
    with index_to_read(folder) as index:
        watched = [camera.detection for camera in chosen.cameras.values()]
        zones = {name for one in watched for name in (*one.zones, *one.lines)}
        removed = {CameraId(one): name for one, name in chosen.removed_names.items() if index.bounds(CameraId(one))}
        names = {name: str(name) for name in Volume.at(folder).cameras() if name not in removed}
        names |= {CameraId(name): display_name(name, camera) for name, camera in chosen.cameras.items()}
        search = partial(
            search_hits, index, " ".join(args.words), SearchableNames(names, zones, recognised(book), removed),
            ZoneInfo(local_zone()), SystemClock().now_ms(), args.most + 1,
        )  # fmt: skip
        (query, hits), unread = search_looks(args, chosen, folder, index, out, search)
    if query.unknown:
        out.say(f"Ignored unknown words: {', '.join(query.unknown)}.")
    if not query.is_of_look and not (query.unknown and chosen.search.model):
        unread = ""  # it wasn't needed
    if unread:
        out.say(unread)
    if spot is not None:
        moments = _moments(folder, query, spot, {**names, **removed})
        _print_moments(moments[: args.most], query, out)
        say_if_more(moments, args.most, out)
        return 0
    say_if_more(hits, args.most, out)
    hits = hits[: args.most]
    if args.like or (query.is_of_look and not unread):
        _print_looks(hits, query, partial(_picture, Volume.at(folder), chosen.web.link_url), out)
        return 0
    found = [hit.event for hit in hits]
    events = [json_format.event(event) for event in found]
    if any(event.reads for event in found):
        read = [(*row(one), read_text(event, book)) for one, event in zip(events, found, strict=True)]
        heads: tuple[str, ...] = (*HEADS, "read")
    else:
        read, heads = [row(one) for one in events], HEADS
    data = {"events": events, "time": query.time_words, "unknown": list(query.unknown)}
    empty = f"No matching events ({query.time_words})."
    if unread:
        data, empty = {**data, "not_searched": unread}, f"No events match the other words ({query.time_words})."
    out.data(data, out.table(heads, read, empty=empty))
    return 0


def say_if_more(found: Sized, most: int, out: Output) -> None:
    """Say that `--most` cut the results off, if it did."""
    if len(found) > most:
        out.say(f"Only the first {most}; `--most N` shows more.")


FLEET_HEADS = ("start", "recorder", "camera", "what", "match", "event")
NOT_SEARCHED = {
    "offline": "is offline",
    "not_allowed": "doesn't allow it: its owner can add `events` to `allow` under [fleet] in its settings",
    "no_answer": "didn't answer in time",
    "no_model": "has no search model, and finds colours and sizes only",
}


def _find_on_boxes(args: Namespace, out: Output) -> int:
    """Search what a hub knows of its recorders; what objects looked like is asked of those that are connected."""
    if args.spot or args.since or args.like:
        raise UsageError("With `--on boxes`, words are searched only.", "Leave out `--spot`, `--since` and `--like`.")
    request = {"command": "find in boxes", "words": " ".join(args.words), "most": args.most}
    found = ask_once(running_data(args), request)
    rows = [
        (
            time_text(one["start_ms"]), one["box"], one["camera_name"], one["why"] or one["title"],
            "–" if one["match"] is None else f"{one['match']:.0%}", one["id"],
        )
        for one in found["events"]
    ]  # fmt: skip
    for one in found["missing"]:
        out.say(f"Not searched: {one['box']} {NOT_SEARCHED[one['reason']]}.")
    if found["unknown"]:
        out.say(f"Ignored unknown words: {', '.join(found['unknown'])}.")
    if found.get("more"):
        out.say("There may be more: `--most N` shows more, and a day or a recorder's name among the words narrows it.")
    out.data(found, out.table(FLEET_HEADS, rows, empty=f"No matching events ({found['time']})."))
    return 0


def _find_in_results(args: Namespace, out: Output) -> int:
    if args.spot or args.since:
        raise UsageError("Results of scans have no areas.", "Leave out `--spot`, and say the time in the words.")
    # lazy: other searches don't need what reads scans
    from tawny.cli.scan_search import ScanResults, print_hits, search_results

    results, (chosen, _) = ScanResults.read(Path(args.results)), load_settings(args)
    model = SearchModel(lambda: chosen.search, PluginRegistry.opened().embedders)
    zone = ZoneInfo(local_zone())
    query, hits = search_results(results, " ".join(args.words), args.like, model, zone, args.most + 1)
    if model.trouble:
        out.say(model.trouble)
    elif model.id and (count := results.other_vectors(model.id)):
        out.say(f"{count} objects were seen by another search model and are found by colours only: scan them again.")
    if query.unknown:
        out.say(f"Ignored unknown words: {', '.join(query.unknown)}.")
    say_if_more(hits, args.most, out)
    print_hits(results, query, hits[: args.most], out)
    model.close()
    return 0


def _picture(volume: Volume, address: str, event: Event) -> str:
    """Return where the event's image is: its URL where the web interface has one, else its file."""
    path = volume.path(picture_path(event))
    if event.picture_ms is None or not path.is_file():
        return "–"
    return f"{address}/media/{event.id}.jpg" if address else str(path)


def _print_looks(hits: list[SearchHit], query: SearchQuery, picture: Callable[[Event], str], out: Output) -> None:
    events = [
        {**json_format.event(hit.event), "why": hit.why, "match": round(hit.score, 2), "image": picture(hit.event)}
        for hit in hits
    ]
    rows = [
        (time_text(hit.event.start_ms), str(hit.event.camera), hit.why, f"{hit.score:.0%}", one["id"], one["image"])
        for hit, one in zip(hits, events, strict=True)
    ]
    empty = f"No matching events ({query.time_words}). Colours are not stored of encrypted cameras and infrared images."
    data = {"events": events, "time": query.time_words, "unknown": list(query.unknown)}
    out.data(data, out.table(("start", "camera", "why", "match", "event", "image"), rows, empty=empty))


def _spot(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = 0.0
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise UsageError(
            f"--spot {text} isn't a valid area.", "Use four numbers from 0 to 1, for example 0.1,0.5,0.4,0.9."
        )
    return x0, y0, x1, y1


def _moments(folder: Path, query: SearchQuery, spot: Box, cameras: Iterable[CameraId]) -> list[tuple[CameraId, Span]]:
    """Return the times of motion in the area, newest first."""
    grids = MotionGrids(Volume.at(folder), SystemClock())
    found = [
        (camera, moment)
        for camera in query.cameras or cameras
        if camera not in query.but_places
        for span in query.spans
        for moment in motion_in_spot(grids.read(camera, span), spot)
        if query.least_s <= moment.seconds <= query.most_s
    ]
    return sorted(found, key=lambda one: -one[1].begin_ms)


def _print_moments(found: list[tuple[CameraId, Span]], query: SearchQuery, out: Output) -> None:
    moments = [
        {"camera": camera, "start": utc_text(moment.begin_ms), "end": utc_text(moment.end_ms)}
        for camera, moment in found
    ]
    rows = [(time_text(moment.begin_ms), f"{moment.seconds:.0f} s", str(camera)) for camera, moment in found]
    text = out.table(("start", "length", "camera"), rows, empty=f"No motion there ({query.time_words}).")
    out.data({"moments": moments, "time": query.time_words, "unknown": list(query.unknown)}, text)


# `tawny known`: manage known faces and plates: `list`, `add`, `forget`.

KNOWN_HEADS = ("name", "identified by", "plate", "id")


def describe_known(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("do", choices=["list", "add", "forget"], help="action")
    parser.add_argument("name", nargs="?", default="", help="add: name; forget: name or ID")
    parser.add_argument("--plate", metavar="TEXT", default="", help="add: a license plate, for example 'B AB 123'")
    parser.add_argument("--by", metavar="RECOGNIZER", default="", help="add: the recognizer that should learn the face")
    parser.add_argument("--picture", metavar="FILE", help="add: a photo of the face")
    parser.add_argument("--all", action="store_true", help="forget: everyone")


def run_known(args: Namespace, out: Output) -> int:
    chosen, _ = load_settings(args)
    book = identity_store(args, data_folder(args, chosen))
    if args.do == "list":
        found = book.all()
        if book.trouble:
            raise NotDone(book.trouble)
        rows = [(one.name, one.by, one.text or "–", one.id) for one in found]
        out.data(
            {"known": [as_shown(one) for one in found]},
            out.table(KNOWN_HEADS, rows, empty="No known faces or plates."),
        )
        return 0
    if args.do == "forget":
        return _forget(args, book, out)
    if not args.name:
        raise UsageError("`tawny known add` requires a name.")
    made = _add(args, chosen, book)
    out.data(as_shown(made), f"Saved {made.name}.")
    return 0


def as_shown(one: KnownIdentity) -> dict[str, object]:
    """Return the identity for output, without its feature vectors."""
    return {"id": one.id, "name": one.name, "by": one.by, "text": one.text}


def _add(args: Namespace, chosen: Settings, book: IdentityStore) -> KnownIdentity:
    if bool(args.plate) == bool(args.picture):
        raise UsageError(
            "What identifies this person?", "Pass either `--plate TEXT`, or `--by RECOGNIZER --picture FILE`."
        )
    if args.plate:
        return book.add(args.name, PLATES, args.plate)
    if args.by not in chosen.recognizers:
        there = ", ".join(chosen.recognizers) or "none configured"
        what = f"No recognizer named {args.by}." if args.by else "No recognizer given."
        raise UsageError(what, f"Use `--by` with one of: {there}.")
    try:
        content = Path(args.picture).read_bytes()
    except OSError as error:
        raise NotDone(f"Can't read {args.picture}: {error.strerror}.") from None
    return book.add(args.name, args.by, "", face_print(args.by, content, chosen, PluginRegistry.opened().recognisers))


def _forget(args: Namespace, book: IdentityStore, out: Output) -> int:
    if bool(args.name) == args.all:
        raise UsageError("Nothing selected.", "Pass a name, or `--all`.")
    if args.all:
        count = book.forget_all()
        out.data({"forgotten": count}, f"All known faces and plates are deleted ({count}).")
        return 0
    count = book.forget(args.name)
    out.data({"forgotten": count}, f"{count} deleted." if count else "No one with this name.")
    return 0 if count else 1
