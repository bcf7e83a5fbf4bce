"""Interface for the web layer: settings of destinations and notifiers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tawny.config.changes.delivery import Group
from tawny.delivery.connection_check import ConnectionTestStep


@dataclass(frozen=True, slots=True)
class TargetField:
    """A form field. goes: into the address, percent-encoded or unchanged, or into a setting of the same key."""

    key: str
    label: str
    hint: str = ""
    goes: Literal["encoded", "as-is", "setting"] = "encoded"
    secret: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A type of destination or notifier.

    address: template with `{field}`s; a part in `[…]` is omitted if a field in it is empty. shows: what its messages
    display on which phone.
    """

    group: Group
    scheme: str
    title: str
    about: str
    address: str
    fields: tuple[TargetField, ...]
    shows: str = ""


@dataclass(frozen=True, slots=True)
class TargetSettingsView:
    """A target's settings, without secrets."""

    group: Group
    values: Mapping[str, Any]


class TargetSettingsApi(Protocol):
    """Changes targets. Thread-safe; may wait for the disk.

    Raises SettingsError, NotDone and FolderUnwritable; nothing is changed then.
    """

    @property
    def is_kept(self) -> bool:
        """Whether changes survive a restart, in a settings file."""
        ...

    def kinds(self) -> Sequence[TargetKind]: ...
    def said(self, name: str) -> TargetSettingsView: ...
    def put(self, group: Group, name: str, values: Mapping[str, Any]) -> None:
        """Change values, named as in the file. None removes one; others stay. Takes effect at once."""
        ...

    def remove(self, name: str) -> None:
        """Remove the target and drop its waiting deliveries."""
        ...

    def try_out(self, group: Group, name: str, values: Mapping[str, Any]) -> Sequence[ConnectionTestStep]:
        """Test these values without saving them. Waits for the network."""
        ...
