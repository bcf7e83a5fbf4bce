"""Access to known identities (faces, plates) for commands."""

from argparse import Namespace
from pathlib import Path

from tawny.cli.paths import config_file
from tawny.model.events import Event
from tawny.playback.search.query import SearchableIdentity
from tawny.service.detection.identity_store import IdentityStore


def identity_store(args: Namespace, folder: Path) -> IdentityStore:
    """Return the identity store of this folder; its key is stored next to the settings file."""
    config = config_file(args)
    return IdentityStore(folder, config.parent if config is not None else None)


def recognised(book: IdentityStore) -> SearchableIdentity:
    return SearchableIdentity([one.name for one in book.all()], book.words)


def read_text(event: Event, book: IdentityStore) -> str:
    """Return the names and plates recognized in an event, comma-separated."""
    said = (
        " ".join(one for one in (book.name(read.who) if read.who else "", read.text) if one) for read in event.reads
    )
    return ", ".join(one for one in said if one)
