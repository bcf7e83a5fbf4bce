"""Models for the web layer; implements `service.interfaces.models.ModelApi`."""

from collections.abc import Sequence
from dataclasses import asdict

from tawny.detection.kind_model_card import card_words
from tawny.detection.models.labels import COCO
from tawny.service.detection.classifier_runtime import ClassifierRuntime
from tawny.service.detection.model_store import RECOMMENDED, RecommendedModel
from tawny.service.interfaces import models as web


class ModelService:
    """Lists, downloads and removes models. offered: the recommended model."""

    def __init__(self, naming: ClassifierRuntime, offered: RecommendedModel = RECOMMENDED) -> None:
        self._shelf, self._naming, self._offered = naming.shelf, naming, offered

    @property
    def trouble(self) -> str:
        return " ".join(self._naming.troubles)

    @property
    def suggests(self) -> str:
        card = self._naming.suggesting.card
        return "" if card is None else card_words(card)

    def offer(self) -> web.ModelOffer:
        return web.ModelOffer(**asdict(self._offered))

    def there(self) -> Sequence[web.InstalledModel]:
        used = self._naming.card
        return [
            web.InstalledModel(
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
