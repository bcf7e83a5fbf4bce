"""Classifier runtime: selects, opens and replaces the object detection model for all cameras. One actor.

Each step classifies frames; every CHECKED_EVERY_S it checks which model the settings select.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tawny.config.recognition import ObjectModelSettings
from tawny.config.settings import Settings
from tawny.detection.classification import ClassificationQueue
from tawny.detection.kind_model import OWN, FallbackClassifier, KindCard, KindClassifier, card_of, card_words
from tawny.detection.models.families import Size
from tawny.detection.models.labels import COCO
from tawny.detection.models.object_model import ObjectModel
from tawny.detection.onnx import CPU, PACKAGES, PROVIDERS, Accelerator, FileVersion, file_version
from tawny.engine import Engine
from tawny.model.errors import NotDone
from tawny.model.times import Clock
from tawny.service.detection import model_store as web
from tawny.service.detection.model_store import RECOMMENDED, ModelManifest, ModelStore, RecommendedModel
from tawny.service.detection.reclassification import EventReclassifier, ReclassificationInfo

# Fallback runtime: opens the built-in classifier of types, as selected in the settings.

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
            model = KindClassifier(file)
            self.guesser.triggers, self.guesser.judged = card.triggers, card.tracks
            self.guesser.model, self.card = model, card
        except NotDone as error:
            self.trouble = f"The built-in classification isn't available: {error}"


def kinds_file(wanted: str) -> Path:
    """Return the file of the `kinds` setting in `[object_detection]`, unless it is `off`."""
    return OWN if wanted == COMES_WITH_TAWNY else Path(wanted).expanduser()


CHECKED_EVERY_S = 10.0
"""Interval in s at which the stored models are looked at: a command may have added one."""


class ClassifierRuntime:
    """Runs the object detection model.

    settings: returns the current ones. trouble: why the model does not run, and the remedy.
    """

    name = "objects"

    def __init__(
        self,
        store: ModelStore,
        settings: Callable[[], Settings],
        clock: Clock,
        accelerators: Mapping[str, Any] | None = None,
        again: EventReclassifier | None = None,
        queue: ClassificationQueue | None = None,
    ) -> None:
        """again: classifies the last days' events after a model was added; None: no events are stored.

        queue: of what the model classifies; None: its own.
        """
        self.store, self._settings, self._clock = store, settings, clock
        self._accelerators = accelerators or {}
        self.queue = queue or ClassificationQueue()
        self.suggesting = FallbackRuntime(settings, clock)
        self.again = again
        self.card: ModelManifest | None = None
        """Manifest of the model in use; None: no model."""
        self.provider = ""
        self.trouble = ""
        self._chosen: tuple[ModelManifest | None, FileVersion, ObjectModelSettings] | None = None
        self._checked_s = float("-inf")

    @property
    def troubles(self) -> list[str]:
        """The problems of the model and of the fallback classifier."""
        return [trouble for trouble in (self.trouble, self.suggesting.trouble) if trouble]

    @property
    def progress(self) -> ReclassificationInfo | None:
        """Progress of classifying the last days' events; None while no model is in use."""
        return None if self.again is None or self.card is None else self.again.info

    def start(self, engine: Engine) -> None:
        self.queue.handle.start(engine, self.name, lambda: self)

    def look_now(self) -> None:
        """Look at settings and models at once, after one of them changed. Call from any thread."""
        self._checked_s = float("-inf")
        self.queue.handle.wake()

    def step(self) -> float:
        if self._clock.mono_s() - self._checked_s >= CHECKED_EVERY_S:
            self._checked_s = self._clock.mono_s()
            self._choose()
            self.suggesting.choose()
        rest_s = self.queue.step()
        if rest_s > 0 and self.again is not None and self.queue.is_open:  # nothing else waits
            rest_s = min(rest_s, self.again.step(self.queue.look_at))
        return min(rest_s, CHECKED_EVERY_S)

    def close(self) -> None:
        self.queue.close()
        if self.again is not None:
            self.again.close()

    def _choose(self) -> None:
        wanted = self._settings().object_detection
        try:
            card = None if wanted.model == OFF else self.store.chosen(wanted.model)
        except NotDone as error:
            self._chosen = None
            self._use(None, None, str(error))
            return
        version = () if card is None else file_version(self.store.file(card.name))
        if self._chosen != (card, version, wanted):
            self._chosen = card, version, wanted
            self._open(card, wanted)

    def _open(self, card: ModelManifest | None, wanted: ObjectModelSettings) -> None:
        if card is None:
            self._use(None, None, "")
            return
        width, height = (int(part) for part in wanted.size.split("x"))
        try:
            self.store.check(card)
            model = ObjectModel(
                self.store.file(card.name), card.labels or None, size=Size(width, height),
                providers=(PROVIDERS.get(wanted.device, CPU),), threshold=wanted.sure,
                accelerator=self._accelerator(wanted.device),
            )  # fmt: skip
        except NotDone as error:
            self._use(card, None, str(error))
            return
        is_there = model.provider == PROVIDERS.get(wanted.device, model.provider)
        self._use(card, model, "" if is_there else _absent(wanted.device))

    def _accelerator(self, name: str) -> Accelerator | None:
        """Return None for devices that onnxruntime supports. Raises NotDone if it is missing or cannot be loaded."""
        if name in PROVIDERS:
            return None
        try:
            found: Accelerator = self._accelerators[name]
        except KeyError:
            there = ", ".join([*PROVIDERS, *self._accelerators])
            raise NotDone(f"Accelerator {name} isn't available.", f"Available: {there}.") from None
        return found

    def _use(self, card: ModelManifest | None, model: ObjectModel | None, trouble: str) -> None:
        self.trouble = trouble
        self.card, self.provider = (card, model.provider) if model is not None else (None, "")
        self.queue.use(model)
        if self.again is not None and self.card is not None:
            self.again.use(self.card.name, self.card.sha256)


def _absent(by: str) -> str:
    package = f" (`pip install {PACKAGES[by]}` in place of onnxruntime)" if by in PACKAGES else ""
    return (
        f"Object detection runs on the CPU: onnxruntime here doesn't support {PROVIDERS[by]}. Install one that "
        f'does{package}, or set `object_detection.device = "cpu"`.'
    )


class ModelService:
    """Lists, downloads and removes models. offered: the recommended model.

    Thread-safe; waits for disk and network. Raises NotDone.
    """

    def __init__(self, naming: ClassifierRuntime, offered: RecommendedModel = RECOMMENDED) -> None:
        self._store, self._naming, self._offered = naming.store, naming, offered

    @property
    def trouble(self) -> str:
        """Why object detection does not work, and the remedy; empty if it does."""
        return " ".join(self._naming.troubles)

    @property
    def suggests(self) -> str:
        """Description of the fallback classifier with origin and accuracy; or why it does not run; empty if off."""
        card = self._naming.suggesting.card
        return "" if card is None else card_words(card)

    @property
    def again(self) -> ReclassificationInfo | None:
        """Progress of classifying the last days' events; None while no model is in use."""
        return self._naming.progress

    def offer(self) -> RecommendedModel:
        return self._offered

    def there(self) -> Sequence[web.ModelInfo]:
        used = self._naming.card
        return [
            web.ModelInfo(
                card.name,
                card.family,
                card.origin,
                card.licence,
                card.bytes,
                0 if card.trouble else len(card.labels or COCO),
                card == used,
            )
            for card in self._store.all()
        ]

    def fetch(self) -> None:
        """Download and install the offered model."""
        self._store.add_offer(self._offered)
        self._naming.look_now()

    def remove(self, name: str) -> None:
        self._store.remove(name)
        self._naming.look_now()
