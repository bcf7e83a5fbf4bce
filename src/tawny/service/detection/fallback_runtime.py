"""Fallback runtime: opens the classifier that suggests types, as selected in the settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tawny.config.settings import Settings
from tawny.detection.classification.fallback import FallbackClassifier
from tawny.detection.kind_model import KindClassifier
from tawny.detection.kind_model_card import OWN, KindCard, card_of
from tawny.model.clock import Clock
from tawny.model.errors import NotDone

OFF: Final = "off"
COMES_WITH_TAWNY: Final = "own"


class FallbackRuntime:
    """Runs the fallback classifier.

    settings: returns the current ones. trouble: why the classifier does not run, and the remedy.
    """

    def __init__(self, settings: Callable[[], Settings], clock: Clock) -> None:
        self._settings = settings
        self.guesser = FallbackClassifier(clock)
        self.card: KindCard | None = None
        """Card of the model in use; None: no model."""
        self.trouble = ""
        self._chosen: str | None = None

    def choose(self) -> None:
        """Open the selected model if the setting has changed."""
        wanted = self._settings().object_detection.kinds
        if wanted == self._chosen:
            return
        self._chosen, self.trouble, self.card, self.guesser.model = wanted, "", None, None
        if wanted == OFF:
            return
        file = kinds_file(wanted)
        try:
            card = card_of(file)
            self.guesser.model = KindClassifier(file)
            self.card = card
        except NotDone as error:
            self.trouble = f"The built-in guess isn't available: {error}"


def kinds_file(wanted: str) -> Path:
    """Return the file of the `kinds` setting in `[object_detection]`, unless it is `off`."""
    return OWN if wanted == COMES_WITH_TAWNY else Path(wanted).expanduser()
