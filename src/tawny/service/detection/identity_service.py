"""Known identities for the web layer; implements `service.interfaces.identities.IdentityApi`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tawny.config.settings import Settings
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.service.detection.identity_store import PLATES, IdentityStore
from tawny.service.detection.recognition_service import WHOLE, face_print
from tawny.service.interfaces import identities as web


class IdentityService:
    def __init__(self, book: IdentityStore, settings: Callable[[], Settings], doors: Mapping[str, Any]) -> None:
        self._book, self._settings, self._doors = book, settings, doors

    @property
    def words(self) -> Callable[[Event], frozenset[str]]:
        return self._book.words

    @property
    def trouble(self) -> str:
        return self._book.trouble

    def readers(self) -> Sequence[str]:
        return [name for name in self._settings().recognizers if name != PLATES]

    def all(self) -> Sequence[web.IdentityView]:
        return [web.IdentityView(one.id, one.name, one.by, one.text, len(one.prints)) for one in self._book.all()]

    def add_plate(self, name: str, plate: str) -> None:
        self._book.add(name, PLATES, plate)

    def add_of(self, name: str, by: str, event: Event, picture: bytes) -> None:
        if by not in self.readers():
            raise NotDone(f"No recognizer named {by}.", "Use one from the settings.")
        print_ = face_print(by, picture, self._settings(), self._doors, event.kind, event.box or WHOLE)
        self._book.add(name, by, "", print_)

    def forget(self, who: str) -> None:
        if not self._book.forget(who):
            raise NotDone("Not found.", "It may have been deleted already.")

    def forget_all(self) -> None:
        self._book.forget_all()
