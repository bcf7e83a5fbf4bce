"""The first hour: which steps of the setup are done, skipped or open, and the offers for later.

What is set up elsewhere counts as done by itself. Only what people chose is stored, in `setup.json` by the accounts.
"""

import json
import logging
import os
import shlex
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from tawny.config.file_writing import replace_file
from tawny.config.retention import RetentionSettings
from tawny.config.settings import Settings
from tawny.model.errors import FolderUnwritable, NotDone
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.health.checks import in_container

FILE: Final = "setup.json"
UNIT: Final = Path("/etc/systemd/system/tawny.service")
Id = TypeVar("Id", bound=StrEnum)
State = TypeVar("State", bound=StrEnum)
log = logging.getLogger(__name__)


class SetupStep(StrEnum):
    ACCOUNT = "account"
    CAMERAS = "cameras"
    STORAGE = "storage"
    NOTIFICATIONS = "notifications"
    OUTSIDE = "outside"


class StepState(StrEnum):
    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"


class SetupCard(StrEnum):
    """An offer for later, on the last page."""

    SERVICE = "service"
    DETECTION = "detection"
    ENCRYPTION = "encryption"
    HOUSEHOLD = "household"


class CardState(StrEnum):
    OPEN = "open"
    DONE = "done"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class SetupFacts:
    """What exists now. people: accounts. has_push: a browser gets notifications. has_model: a model is installed."""

    has_owner: bool
    people: int = 1
    has_push: bool = False
    has_model: bool = False


@dataclass(frozen=True, slots=True)
class SetupReport:
    """hidden: the reminder is. finished: all is done, or a user has ended it. service_command: empty: not offered."""

    steps: Mapping[SetupStep, StepState]
    cards: Mapping[SetupCard, CardState]
    hidden: bool
    finished: bool
    service_command: str


@dataclass
class _Choices:
    """Content of the file."""

    steps: dict[SetupStep, StepState] = field(default_factory=dict)
    cards: dict[SetupCard, CardState] = field(default_factory=dict)
    hidden: bool = False
    finished: bool = False

    def text(self) -> str:
        values = {"steps": self.steps, "cards": self.cards, "hidden": self.hidden, "finished": self.finished}
        return json.dumps(values, indent=1) + "\n"

    @classmethod
    def parse(cls, text: str) -> "_Choices":
        """Return what the file says, without what this version does not know. Raises ValueError."""
        values: Any = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("not a table")
        return cls(
            _known(values.get("steps"), SetupStep, StepState),
            _known(values.get("cards"), SetupCard, CardState),
            values.get("hidden") is True,
            values.get("finished") is True,
        )


def _known(values: object, ids: type[Id], states: type[State]) -> dict[Id, State]:
    pairs = values.items() if isinstance(values, dict) else ()
    return {ids(key): states(value) for key, value in pairs if key in list(ids) and value in list(states)}


class FirstSetupService:
    """The state of the setup. Thread-safe; calls wait for the disk.

    folder: of `setup.json`; None: nothing survives the process. facts: what exists now.
    """

    def __init__(
        self,
        settings: ChangeableSettings,
        folder: Path | None,
        facts: Callable[[], SetupFacts],
        service: "ServiceOffer | None" = None,
    ) -> None:
        self._settings, self._facts = settings, facts
        self._file = None if folder is None else folder / FILE
        self._service = ServiceOffer.found(settings.file) if service is None else service
        self._lock = threading.Lock()
        self._choices = self._read()

    def now(self) -> SetupReport:
        settings, facts = self._settings.now(), self._facts()
        steps = {step: self._step(step, settings, facts) for step in SetupStep}
        cards = {card: self._card(card, steps, settings, facts) for card in SetupCard}
        is_over = self._settings.file is None or set(steps.values()) == {StepState.DONE}
        return SetupReport(steps, cards, self._choices.hidden, self._choices.finished or is_over, self._service.command)

    def put_step(self, step: SetupStep, state: StepState) -> None:
        """Skip a step, open it again, or confirm that it is done. Raises FolderUnwritable, NotDone."""
        if step is SetupStep.ACCOUNT:
            raise NotDone("The account can't be skipped.", "Create it with the setup link.")
        with self._lock:
            self._choices.steps[step] = state
            self._write()

    def put_card(self, card: SetupCard, *, hidden: bool) -> None:
        """Hide an offer, or show it again. Raises FolderUnwritable."""
        with self._lock:
            self._choices.cards[card] = CardState.HIDDEN if hidden else CardState.OPEN
            self._write()

    def put(self, *, hidden: bool | None = None, finished: bool | None = None) -> None:
        """Hide the reminder, or end the setup. None: unchanged. Raises FolderUnwritable."""
        with self._lock:
            self._choices.hidden = self._choices.hidden if hidden is None else hidden
            self._choices.finished = self._choices.finished if finished is None else finished
            self._write()

    def put_name(self, name: str) -> None:
        """Set the recorder's name; empty: its host name. Raises SettingsError, FolderUnwritable, NotDone."""
        self._settings.put("web", {"name": name.strip()})

    # --- internal

    def _step(self, step: SetupStep, settings: Settings, facts: SetupFacts) -> StepState:
        if is_step_done(step, settings, facts):
            return StepState.DONE
        return self._choices.steps.get(step, StepState.OPEN)

    def _card(
        self, card: SetupCard, steps: Mapping[SetupStep, StepState], settings: Settings, facts: SetupFacts
    ) -> CardState:
        done = {
            SetupCard.SERVICE: self._service.is_done,
            SetupCard.DETECTION: facts.has_model,
            SetupCard.ENCRYPTION: bool(settings.encryption.all),
            SetupCard.HOUSEHOLD: facts.people > 1,
        }
        if done[card]:
            return CardState.DONE
        is_absent = {
            SetupCard.SERVICE: not self._service.command,
            SetupCard.HOUSEHOLD: steps[SetupStep.OUTSIDE] is not StepState.DONE,
        }
        if is_absent.get(card) or self._settings.file is None:
            return CardState.HIDDEN
        return self._choices.cards.get(card, CardState.OPEN)

    def _read(self) -> _Choices:
        """Return the stored choices. A recorder from before this file existed is set up already: nothing reminds."""
        try:
            if self._file is not None and self._file.exists():
                return _Choices.parse(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            log.warning("cannot read %s, the setup begins again: %s", self._file, error)
            return _Choices()
        if self._facts().has_owner and self._settings.now().cameras:
            return _Choices(cards=dict.fromkeys(SetupCard, CardState.HIDDEN), finished=True)
        return _Choices()

    def remember(self) -> None:
        """Write the file if there is none, so that what is set up meanwhile doesn't look like an earlier recorder's."""
        with self._lock:
            if self._file is None or self._file.exists():
                return
            try:
                self._write()
            except FolderUnwritable as error:
                log.warning("%s", error)

    def _write(self) -> None:
        if self._file is None:
            return
        try:
            if not self._file.exists():
                os.close(os.open(self._file, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise FolderUnwritable(str(self._file.parent), error.strerror or "") from None
        replace_file(self._file, self._choices.text())


def is_step_done(step: SetupStep, settings: Settings, facts: SetupFacts) -> bool:
    """Return whether the step is done, wherever that was."""
    match step:
        case SetupStep.ACCOUNT:
            return facts.has_owner
        case SetupStep.CAMERAS:
            return bool(settings.cameras)
        case SetupStep.STORAGE:
            return bool(settings.storage.path) or settings.storage.retention != RetentionSettings()
        case SetupStep.NOTIFICATIONS:
            return facts.has_push or any(not one.url.startswith("webpush:") for one in settings.notifiers.values())
        case SetupStep.OUTSIDE:
            return bool(settings.web.link_url)


# Starting tawny with the computer.


@dataclass(frozen=True, slots=True)
class ServiceOffer:
    """is_done: tawny is installed as a service. command: installs it; empty where that isn't possible."""

    is_done: bool
    command: str

    @classmethod
    def found(cls, config: Path | None, unit: Path = UNIT, env: Mapping[str, str] = os.environ) -> "ServiceOffer":
        """Return what holds on this computer."""
        is_done = "INVOCATION_ID" in env or unit.exists()
        has_systemd = Path("/run/systemd/system").is_dir() and not in_container(env)
        if is_done or config is None or not has_systemd:
            return cls(is_done, "")
        if any(path.is_relative_to("/root") for path in (config.absolute(), Path(sys.prefix))):
            return cls(is_done, "")  # a service never runs as root, and no other user can open these
        return cls(is_done, shlex.join(["sudo", _program(), "service", "install", "--config", str(config.absolute())]))


def _program() -> str:
    """Return the path of the command: the wrapper of a source folder, or the installed program."""
    wrapper = Path(sys.prefix).parent / "tawny"
    if wrapper.is_file() and os.access(wrapper, os.X_OK):
        return str(wrapper)
    return shutil.which("tawny") or str(Path(sys.prefix) / "bin" / "tawny")
