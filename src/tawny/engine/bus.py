"""Bus: publishes messages to listeners. Nothing is stored; use the index for data that must not be lost."""

import threading
from collections.abc import Callable

from tawny.model.messages import Message

Listener = Callable[[Message], None]


class Bus:
    """Publish and subscribe. Thread-safe.

    Listeners run on the publisher's thread, must return at once and must not raise.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()

    def publish(self, message: Message) -> None:
        for listener in self._listeners:
            listener(message)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Receive every message from now on. Call the returned function to unsubscribe."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not listener)

        return unsubscribe
