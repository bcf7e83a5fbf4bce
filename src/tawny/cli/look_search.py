"""What objects looked like, as `tawny find` searches it. Only the recorder changes the file that has it."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from tawny.cli import options
from tawny.cli.output import Output
from tawny.config.settings import Settings
from tawny.model.errors import DatabaseDamaged, DatabaseNewer, DatabaseUnfit, NotDone, StorageError
from tawny.model.ids import EventId
from tawny.model.times import SystemClock
from tawny.playback.recordings import RecordingIndex
from tawny.playback.search.event_search import LookedEvents, LookSearch
from tawny.service.detection.appearance_service import stored_looks
from tawny.service.detection.embedding_search import SearchModel, VectorSearch
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.index.appearance_db import AppearanceDb


@contextmanager
def open_looks(
    args: Namespace, chosen: Settings, folder: Path, index: RecordingIndex, out: Output
) -> Iterator[tuple[LookSearch, str]]:
    """Yield what objects looked like, and why that can't be read; empty if it can.

    Raises NotDone after `--like`: for an unknown event, or if there is nothing to compare it with.
    """
    like = index.event(EventId(args.like)) if args.like else None
    if args.like and like is None:
        raise NotDone(f"No event {args.like}.", "`tawny events` lists their IDs.")
    since_ms = options.instant(args.since, SystemClock().now_ms()) if args.since else None
    try:
        db = AppearanceDb.to_read(folder)
    except StorageError as error:
        if like is not None:
            raise NotDone(f"No event can be compared with {like.id}: {error.message}", _remedy(error)) from error
        unread = f"Colours, sizes and likeness were not searched: {error.message} {_remedy(error)}"
        yield LookSearch(lambda _: LookedEvents(), None, since_ms, are_readable=False), unread
        return
    if db is None:
        yield LookSearch(lambda _: LookedEvents(), like, since_ms), ""
        return
    with closing(db):
        model = SearchModel(lambda: chosen.search, PluginRegistry.opened().embedders)
        similar = VectorSearch(lambda: db, model, SystemClock()).similar
        yield LookSearch(partial(stored_looks, db), like, since_ms, similar), ""
        if model.trouble:
            out.say(model.trouble)
        model.close()


def _remedy(error: StorageError) -> str:
    if isinstance(error, DatabaseNewer | DatabaseUnfit):
        return "Restart the recorder with this version of tawny, or search with the version that it has."
    if isinstance(error, DatabaseDamaged):
        return "Restart the recorder: it makes the file again from the snapshots."
    return error.do
