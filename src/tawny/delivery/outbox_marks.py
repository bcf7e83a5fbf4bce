"""Values that the parts of a recorder store in its outbox: each part has a prefix of its own."""

from tawny.delivery.outbox import Outbox


class OutboxMarks:
    """Key-value store of one notifier: a prefix of the outbox's marks."""

    def __init__(self, outbox: Outbox, prefix: str) -> None:
        self._outbox, self._prefix = outbox, prefix

    def marks(self) -> dict[str, str]:
        found = self._outbox.marks(self._prefix)
        return {name.removeprefix(self._prefix): value for name, value in found.items()}

    def mark(self, name: str, value: str) -> None:
        self._outbox.mark(self._prefix + name, value)
