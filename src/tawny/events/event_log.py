"""Where events are written down, as `events` needs it; `storage.Ledger` is one."""

from typing import Protocol

from tawny.model.events import Event


class EventLog(Protocol):
    def put_event(self, event: Event) -> bool:
        """New, or in place of the one with its id. Returns whether it is durable now; keeps it in any case."""
        ...


class SavePicture(Protocol):
    def __call__(self, event: Event, jpeg: bytes) -> object:
        """In place of the picture it had. Raises StorageError."""
        ...
