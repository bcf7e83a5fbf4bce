"""Protocols of the event storage; `storage.Ledger` is an implementation."""

from typing import Protocol

from tawny.model.events import Event


class EventLog(Protocol):
    def put_event(self, event: Event) -> bool:
        """Add the event or replace the one with its id. Return whether it is durable; it is kept in any case."""
        ...


class SavePicture(Protocol):
    def __call__(self, event: Event, jpeg: bytes) -> object:
        """Replace the event's image. Raises StorageError: if it cannot be written."""
        ...
