"""The bus: who publishes does not know who listens. Nothing is kept; what must not be lost is asked of the index."""

import threading
from collections.abc import Callable

from tawny.model.messages import Message

Listener = Callable[[Message], None]


class Bus:
    """Listeners run in the publisher's thread, must return at once and must not raise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()

    def publish(self, message: Message) -> None:
        for listener in self._listeners:
            listener(message)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear every message from now on. Call what is returned to stop."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not listener)

        return unsubscribe
