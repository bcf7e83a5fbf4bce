"""What the web layer needs to add, change and remove destinations and notifiers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tawny.config.changes.delivery import Group
from tawny.delivery.connection_check import ConnectionTestStep


@dataclass(frozen=True, slots=True)
class TargetField:
    """What a person fills in. goes: into the address, percent-encoded or as it is; or a setting of its own."""

    key: str
    label: str
    hint: str = ""
    goes: Literal["encoded", "as-is", "setting"] = "encoded"
    secret: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A kind of destination or notifier, for who chooses.

    address: with `{field}`s; what is in `[…]` is left out where a field in it is empty. shows: what people see of it on
    which phone.
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
    """What the settings say of one, without anything secret."""

    group: Group
    values: Mapping[str, Any]


class TargetSettingsApi(Protocol):
    """Any thread; may wait for the disk. Whatever raises SettingsError, NotDone, FolderUnwritable changes nothing."""

    @property
    def is_kept(self) -> bool:
        """Whether changes outlast the program: there is a settings' file."""
        ...

    def kinds(self) -> Sequence[TargetKind]: ...
    def said(self, name: str) -> TargetSettingsView: ...
    def put(self, group: Group, name: str, values: Mapping[str, Any]) -> None:
        """Each as in the file; None takes one away, and what is not named stays. It holds at once."""
        ...

    def remove(self, name: str) -> None:
        """What waits for it is dropped."""
        ...

    def try_out(self, group: Group, name: str, values: Mapping[str, Any]) -> Sequence[ConnectionTestStep]:
        """As it would be then; nothing is changed. Waits for the network."""
        ...
