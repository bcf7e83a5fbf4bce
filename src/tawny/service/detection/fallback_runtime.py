"""What suggests kinds, chosen by the settings and changed while the program runs; nothing else depends on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tawny.config.settings import Settings
from tawny.detection.classification.fallback import FallbackClassifier
from tawny.detection.kind_model import KindClassifier
from tawny.detection.kind_model_card import OWN, KindCard, card_of
from tawny.detection.onnx import is_onnx_installed
from tawny.model.clock import Clock
from tawny.model.errors import NotDone

OFF: Final = "off"
COMES_WITH_TAWNY: Final = "own"
HINT: Final = (
    "The built-in guess (person or vehicle) isn't available. Install its requirements with `pip install tawny[models]`."
)


class FallbackRuntime:
    """settings: as they are now. trouble: why nothing is suggested though it should be, and what to do."""

    def __init__(self, settings: Callable[[], Settings], clock: Clock) -> None:
        self._settings = settings
        self.guesser = FallbackClassifier(clock)
        self.card: KindCard | None = None
        """Of the model in use."""
        self.trouble = self.hint = ""
        """hint: what would have to be installed for suggestions: nothing is wrong without."""
        self._chosen: str | None = None

    def choose(self) -> None:
        """Open what the settings want, if that is another one than before."""
        wanted = self._settings().object_detection.kinds
        if wanted == self._chosen:
            return
        self._chosen, self.trouble, self.hint, self.card, self.guesser.model = wanted, "", "", None, None
        if wanted == OFF:
            return
        if wanted == COMES_WITH_TAWNY and not is_onnx_installed():
            self.hint = HINT
            return
        file = kinds_file(wanted)
        try:
            card = card_of(file)
            self.guesser.model = KindClassifier(file)
            self.card = card
        except NotDone as error:
            self.trouble = f"The built-in guess isn't available: {error}"


def kinds_file(wanted: str) -> Path:
    """What the setting `kinds` in `[object_detection]` means, unless it is `off`."""
    return OWN if wanted == COMES_WITH_TAWNY else Path(wanted).expanduser()
