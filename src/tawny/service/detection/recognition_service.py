"""Recognition service: runs recognizers of plates, faces and others for all cameras. One actor.

Each step recognizes. After a change of the settings it first starts and stops the recognizers that they select.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tawny.config.recognition import RecogniserSettings
from tawny.config.settings import Settings
from tawny.detection.recognition import (
    Recogniser,
    RecogniserInput,
    RecogniserResult,
    RecognitionQueue,
    UserRecogniser,
    crop_object,
)
from tawny.engine import Engine
from tawny.engine.backoff import Backoff
from tawny.engine.plugins import PluginFailed, plug_in_code
from tawny.engine.user_script import LOADS_S
from tawny.media.image.jpeg import decode_jpeg
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.observations import PERSON, Box, RecognisedText
from tawny.model.times import Clock, SystemClock
from tawny.service.detection import identity_store as web
from tawny.service.detection.identity_store import PLATES, IdentityStore
from tawny.service.plugin_registry import PluginRegistry

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


class RecognitionService:
    """Runs the recognizers. settings: returns the current ones. book: known identities."""

    name = "reading"

    def __init__(
        self, settings: Callable[[], Settings], plugins: PluginRegistry, book: IdentityStore, clock: Clock
    ) -> None:
        self._settings, self._plugins, self._clock = settings, plugins, clock
        self.book, self.queue = book, RecognitionQueue()
        self._made: dict[str, tuple[RecogniserSettings | None, Recogniser]] = {}
        self._failed: dict[str, str] = {}
        """Why others could not be made."""
        self._again_s, self._pauses = 0.0, Backoff(most_s=300.0)
        """When those are tried again; used only while there are some."""
        self._is_changed = True

    @property
    def troubles(self) -> list[str]:
        """Why recognition does not work, with remedies."""
        wrong = [f"{name}: {one.trouble}" for name, (_, one) in sorted(self._made.items()) if one.trouble]
        wrong += [f"{name}: {why}" for name, why in sorted(self._failed.items())]
        return [*wrong, *([self.book.trouble] if self.book.trouble else [])]

    def start(self, engine: Engine) -> None:
        self.queue.handle.start(engine, self.name, lambda: self)

    def look_now(self) -> None:
        """Use changed settings. Call from any thread."""
        self._is_changed = True
        self.queue.handle.wake()

    def step(self) -> float:
        if self._is_changed:
            self._is_changed = False  # a change after this counts
            self._pauses.reset()
            self._choose()
        elif self._failed and self._clock.mono_s() >= self._again_s:
            self._choose()
        wait_s = self.queue.step()
        return min(wait_s, max(0.0, self._again_s - self._clock.mono_s())) if self._failed else wait_s

    def close(self) -> None:
        self.queue.close()
        for _, recogniser in self._made.values():
            recogniser.close()
        self._made, self._is_changed = {}, True

    def _choose(self) -> None:
        """Start and stop recognizers as the cameras' settings require, also those that could not be made before."""
        settings = self._settings()
        wanted = {name for camera in settings.cameras.values() for name in camera.detection.recognize}
        for name, (of, recogniser) in list(self._made.items()):
            if name not in wanted or of != settings.recognizers.get(name):
                recogniser.close()
                del self._made[name]
        failed: dict[str, str] = {}
        for name in sorted(wanted - self._made.keys()):
            try:
                made = make_recogniser(name, settings.recognizers, self._plugins.recognisers, self._clock)
            except NotDone as error:
                failed[name] = error.message
                continue
            except ValueError as error:  # a start doesn't make a plug-in's only to check its settings
                failed[name] = str(error)
                continue
            if made is not None:
                self._made[name] = settings.recognizers.get(name), made
        self._failed, self._again_s = failed, self._clock.mono_s() + self._pauses.next_s()
        self.queue.use({name: recogniser for name, (_, recogniser) in self._made.items()}, self.book.who)


def recogniser_settings(settings: Settings, name: str) -> RecogniserSettings:
    """Return the settings of a recognizer, or the defaults."""
    return settings.recognizers.get(name, RecogniserSettings())


def make_recogniser(
    name: str, settings: Mapping[str, RecogniserSettings], plugins: Mapping[str, Any], clock: Clock
) -> Recogniser | None:
    """Return a new recognizer; None for an unknown name. Raises ValueError for its settings, NotDone if it fails."""
    of = settings.get(name, RecogniserSettings())
    if of.file:
        return UserRecogniser(
            Path(of.file), of.kinds, deadline_s=of.deadline, memory=of.memory, allow_read=of.allow_read, clock=clock
        )
    try:
        kind = plugins[name]
    except KeyError as missing:
        if not (why := getattr(missing, "why", "")):
            return None
        raise NotDone(PluginFailed(name, why).sentence, "Choose another recognizer, or report the error.") from None
    try:
        with plug_in_code(name, ValueError, NotDone):
            made: Recogniser = kind(of.options)
    except PluginFailed as error:
        raise NotDone(error.sentence, "Choose another recognizer, or report the error.") from error
    return made


def face_print(
    name: str, picture: bytes, settings: Settings, plugins: Mapping[str, Any], kind: str = PERSON, box: Box = WHOLE
) -> tuple[float, ...]:
    """Return a face embedding. picture: JPEG or PNG; box: region of it. Raises NotDone, for example without a face."""
    rgb = decode_jpeg(picture)
    if rgb is None:
        raise NotDone("Can't read this image.", "Use a JPEG or PNG file.")
    clock = SystemClock()
    recogniser = make_recogniser(name, settings.recognizers, plugins, clock)
    if recogniser is None:
        raise NotDone(f"No recognizer named {name}.", "Use one from the settings.")
    shown = RecogniserInput(CameraId("known"), clock.now_ms(), kind, crop_object(rgb, box))
    try:
        readings = read_once(recogniser, shown, clock)
    finally:
        trouble = recogniser.trouble
        recogniser.close()
    best = max((one for one in readings if one.print), key=lambda one: one.score, default=None)
    if best is None:
        raise NotDone(
            trouble or f"{name} can't recognize anyone in this photo.",
            "Use a large photo with one face, seen from the front.",
        )
    return best.print


def read_once(recogniser: Recogniser, shown: RecogniserInput, clock: Clock) -> Sequence[RecogniserResult]:
    """Return the results, retrying while the recognizer loads its file, for at most LOADS_S."""
    until_s = clock.mono_s() + LOADS_S
    while True:
        readings = recogniser.read(shown)
        if readings or recogniser.trouble or recogniser.is_ready or clock.mono_s() > until_s:
            return readings


class IdentityService:
    """Manages known identities. Thread-safe; waits for the disk and for a recognizer. Raises NotDone."""

    def __init__(self, book: IdentityStore, settings: Callable[[], Settings], plugins: Mapping[str, Any]) -> None:
        self._book, self._settings, self._plugins = book, settings, plugins

    @property
    def words(self) -> Callable[[Event], frozenset[str]]:
        """Returns the search words of an event's recognized identities."""
        return self._book.words

    @property
    def trouble(self) -> str:
        return self._book.trouble

    def readers(self) -> Sequence[str]:
        """Return the recognizers that can identify faces."""
        return [name for name in self._settings().recognizers if name != PLATES]

    def all(self) -> Sequence[web.IdentityInfo]:
        return [web.IdentityInfo(one.id, one.name, one.by, one.text, len(one.prints)) for one in self._book.all()]

    def add_plate(self, name: str, plate: str) -> None:
        self._book.add(name, PLATES, plate)

    def add_of(self, name: str, by: str, event: Event, picture: bytes) -> RecognisedText:
        """Add the face in an event's snapshot. Return what the event shows with it."""
        if by not in self.readers():
            raise NotDone(f"No recognizer named {by}.", "Use one from the settings.")
        print_ = face_print(by, picture, self._settings(), self._plugins, event.kind, event.box or WHOLE)
        return RecognisedText(by, "", 1.0, self._book.add(name, by, "", print_).id)

    def forget(self, who: str) -> None:
        """Delete by ID."""
        if not self._book.forget(who):
            raise NotDone("Not found.", "It may have been deleted already.")

    def forget_all(self) -> None:
        self._book.forget_all()
