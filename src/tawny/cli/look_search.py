"""What objects looked like, as `tawny find` searches it. Only the recorder changes the file that has it."""

from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from tawny.cli import options
from tawny.cli.output import Output
from tawny.config.settings import Settings
from tawny.model.errors import DatabaseDamaged, DatabaseNewer, DatabaseUnfit, NotDone, StorageError
from tawny.model.ids import EventId
from tawny.model.times import SystemClock
from tawny.playback.recordings import RecordingIndex
from tawny.playback.search.event_search import LookedEvents, LookSearch, SearchHit
from tawny.playback.search.query_parser import SearchQuery
from tawny.service.detection.appearance_service import stored_looks
from tawny.service.detection.embedding_search import SearchModel, VectorSearch
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.index.appearance_db import AppearanceDb

_Found = tuple[SearchQuery, list[SearchHit]]


def search_looks(
    args: Namespace, chosen: Settings, folder: Path, index: RecordingIndex, out: Output,
    search: Callable[[LookSearch], _Found],
) -> tuple[_Found, str]:  # fmt: skip
    """Search with what objects looked like. Return what `search` found, and why that wasn't read; empty if it was.

    Raises NotDone after `--like`: for an unknown event, or if there is nothing to compare it with.
    """
    like = index.event(EventId(args.like)) if args.like else None
    if args.like and like is None:
        raise NotDone(f"No event {args.like}.", "`tawny events` lists their IDs.")
    since_ms = options.instant(args.since, SystemClock().now_ms()) if args.since else None
    try:
        if (db := AppearanceDb.to_read(folder)) is None:
            return search(LookSearch(lambda _: LookedEvents(), like, since_ms)), ""
        model = SearchModel(lambda: chosen.search, PluginRegistry.opened().embedders)
        with closing(db), closing(model):
            similar = VectorSearch(lambda: db, model, SystemClock()).similar
            found = search(LookSearch(partial(stored_looks, db), like, since_ms, similar))
            if model.trouble:
                out.say(model.trouble)
            return found, ""
    except StorageError as error:  # also while it is read: damage may be anywhere in it
        if like is not None:
            raise NotDone(f"No event can be compared with {like.id}: {error.message}", _remedy(error)) from error
        unread = f"Colours, sizes and likeness were not searched: {error.message} {_remedy(error)}"
    return search(LookSearch(lambda _: LookedEvents(), None, since_ms, are_readable=False)), unread


def _remedy(error: StorageError) -> str:
    if isinstance(error, DatabaseNewer | DatabaseUnfit):
        return "Restart the recorder with this version of tawny, or search with the version that it has."
    if isinstance(error, DatabaseDamaged):
        return "Restart the recorder: it makes the file again from the snapshots."
    return error.do
