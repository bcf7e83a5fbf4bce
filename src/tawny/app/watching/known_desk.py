"""Who is known, as the web layer sees it (`web.known.KnownDesk`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tawny.app.watching.known import PLATES, KnownBook
from tawny.app.watching.reading import WHOLE, print_of
from tawny.config.settings import Settings
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.web import known as web


class BookDesk:
    def __init__(self, book: KnownBook, settings: Callable[[], Settings], doors: Mapping[str, Any]) -> None:
        self._book, self._settings, self._doors = book, settings, doors

    @property
    def words(self) -> Callable[[Event], frozenset[str]]:
        return self._book.words

    @property
    def trouble(self) -> str:
        return self._book.trouble

    def readers(self) -> Sequence[str]:
        return [name for name in self._settings().recognisers if name != PLATES]

    def all(self) -> Sequence[web.KnownOne]:
        return [web.KnownOne(one.id, one.name, one.by, one.text, len(one.prints)) for one in self._book.all()]

    def add_plate(self, name: str, plate: str) -> None:
        self._book.add(name, PLATES, plate)

    def add_of(self, name: str, by: str, event: Event, picture: bytes) -> None:
        if by not in self.readers():
            raise NotDone(f"No recognizer named {by}.", "Use one from the settings.")
        print_ = print_of(by, picture, self._settings(), self._doors, event.kind, event.box or WHOLE)
        self._book.add(name, by, "", print_)

    def forget(self, who: str) -> None:
        if not self._book.forget(who):
            raise NotDone("Not found.", "It may have been deleted already.")

    def forget_all(self) -> None:
        self._book.forget_all()
