"""Models as the web layer sees them (`web.models.Models`)."""

from collections.abc import Sequence
from dataclasses import asdict

from tawny.app.watching.naming import Naming
from tawny.app.watching.shelf import RECOMMENDED, Offer
from tawny.watch.kind_card import card_words
from tawny.watch.objects.labels import COCO
from tawny.web import models as web


class ModelsDesk:
    """offered: the one that can be fetched."""

    def __init__(self, naming: Naming, offered: Offer = RECOMMENDED) -> None:
        self._shelf, self._naming, self._offered = naming.shelf, naming, offered

    @property
    def trouble(self) -> str:
        return " ".join(self._naming.troubles)

    @property
    def suggests(self) -> str:
        suggesting = self._naming.suggesting
        return suggesting.hint if suggesting.card is None else card_words(suggesting.card)

    def offer(self) -> web.ModelOffer:
        return web.ModelOffer(**asdict(self._offered))

    def there(self) -> Sequence[web.ModelThere]:
        used = self._naming.card
        return [
            web.ModelThere(
                card.name, card.family, card.origin, card.licence, card.bytes, len(card.labels or COCO), card == used
            )
            for card in self._shelf.all()
        ]

    def fetch(self) -> None:
        self._shelf.add_offer(self._offered)
        self._naming.look_now()

    def remove(self, name: str) -> None:
        self._shelf.remove(name)
        self._naming.look_now()
