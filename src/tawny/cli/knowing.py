"""Who is known, for commands."""

from argparse import Namespace
from pathlib import Path

from tawny.app.watching.known import KnownBook
from tawny.cli.places import config_file
from tawny.model.events import Event
from tawny.playback.finding.question import Recognised


def known_book(args: Namespace, folder: Path) -> KnownBook:
    """The one of the recorder of this folder: its key lies beside the settings."""
    config = config_file(args)
    return KnownBook(folder, config.parent if config is not None else None)


def recognised(book: KnownBook) -> Recognised:
    return Recognised([one.name for one in book.all()], book.words)


def read_text(event: Event, book: KnownBook) -> str:
    """What was read in an event: names, and plates."""
    said = (
        " ".join(one for one in (book.name(read.who) if read.who else "", read.text) if one) for read in event.reads
    )
    return ", ".join(one for one in said if one)
