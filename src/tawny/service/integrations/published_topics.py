"""Retained topics that this recorder published on an MQTT broker: with another base topic or discovery prefix, the
former ones are removed from the broker."""

import json
import logging
import threading
from collections.abc import Set as AbstractSet

from tawny.delivery.mqtt_client import MqttClient
from tawny.delivery.notifier import NotifierStore
from tawny.model.errors import StorageError

_NOTED = "mqtt/"
"""Prefix of what is stored of a broker and base topic: the topics that were published there."""
log = logging.getLogger(__name__)


class PublishedTopics:
    """Stores the topics of one broker. Thread-safe, apart from `read`, `note` and `clear_former`: use from one thread.

    kept: durable key-value store; None: in memory only. broker: its host and port. base: base topic in use.
    """

    def __init__(self, kept: NotifierStore | None, broker: str, base: str) -> None:
        self._kept, self._prefix, self._base = kept, f"{_NOTED}{broker}/", base
        self._noted, self._is_read = frozenset[str](), False
        self._former: dict[str, list[str]] = {}
        """Topics by former base topic."""
        self._lock = threading.Lock()
        self._unused: set[str] = set()
        """Former base topics that no other recorder uses now."""

    def read(self) -> list[str]:
        """Read what earlier runs published, once. Return those at the base topic in use, and announced entities."""
        if self._is_read or self._kept is None:
            return []
        try:
            marks = self._kept.marks()
        except StorageError as error:
            log.warning("what was published on the broker before can't be read, will retry: %s", error)
            return []
        self._is_read = True
        found = {
            name.removeprefix(self._prefix): json.loads(value)
            for name, value in marks.items()
            if name.startswith(self._prefix)
        }
        own: list[str] = found.pop(self._base, [])
        self._former = found
        return own

    def note(self, topics: AbstractSet[str]) -> None:
        """Store what is published, before it is."""
        if topics == self._noted:
            return
        self._noted = frozenset(topics)
        self._mark(self._base, json.dumps(sorted(topics)))

    def former(self) -> list[str]:
        """Return the former base topics from which topics have to be removed."""
        return [*self._former]

    def heard_status(self, base: str, *, is_online: bool) -> None:
        """Handle the status at a former base topic. Online: another recorder uses it now."""
        with self._lock:
            if is_online:
                self._unused.discard(base)
            else:
                self._unused.add(base)

    def clear_former(self, line: MqttClient, status: str, used: AbstractSet[str]) -> None:
        """Remove what is left at former base topics. used: topics in use now. Raises DeliveryError."""
        with self._lock:
            unused = [*self._unused]
        for base in unused:
            last = f"{base}/{status}"  # as long as it is there, an interrupted removal is repeated
            for topic in sorted(self._former.get(base, ()), key=last.__eq__):
                if topic not in used:
                    line.publish(topic, b"", retain=True)
            self._mark(base, "")
            self._former.pop(base, None)
            with self._lock:
                self._unused.discard(base)

    def _mark(self, base: str, value: str) -> None:
        try:
            if self._kept is not None:
                self._kept.mark(self._prefix + base, value)
        except StorageError as error:
            log.warning("what is published on the broker can't be stored: %s", error)
