"""MQTT bridge: publishes the recorder's state and events and receives commands. Home Assistant discovers it.

State topics are retained and published when their payload differs from the last one sent. Events are published once.
After a reconnect all state is published again.
"""

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from tawny.config.integrations import MqttSettings
from tawny.delivery.mqtt_client import MqttClient
from tawny.delivery.notifier import NotifierAddress, parse
from tawny.engine import Handle
from tawny.engine.backoff import Backoff
from tawny.model.clock import Clock
from tawny.model.errors import DeliveryError
from tawny.service.integrations import home_assistant as ha

EXAMPLE = "mqtt://user:password@broker/tawny"
MOST_WAITING = 500
STEP_S = 5.0
log = logging.getLogger(__name__)
Commanded = Callable[[str, bytes], None]


def base_topic(url: str) -> str:
    """Return the base topic; `tawny` if the address names none. Raises ValueError for invalid topics."""
    base = "/".join(parse(url, EXAMPLE).parts) or "tawny"
    if any(one in base for one in "+#") or base.startswith("$"):
        raise ValueError(f"url: a topic without + or #, as in {EXAMPLE}")
    return base


class MqttBridge:
    """Connects to the broker as an actor. The other methods are thread-safe.

    refresh: called in each step to `put` the state. commanded: receives messages to `…/set` topics, with the topic
    below the base; called on the library's thread, must return at once.
    """

    name = "mqtt"

    def __init__(self, settings: MqttSettings, refresh: Callable[[], None], commanded: Commanded, clock: Clock) -> None:
        self._settings, self._refresh, self._commanded, self._clock = settings, refresh, commanded, clock
        self._address: NotifierAddress = parse(settings.url, EXAMPLE)
        self.base = base_topic(settings.url)
        self.public = f"{self._address.scheme}://{self._address.at}/{self.base}"
        self._lock = threading.Lock()
        self._is: dict[str, bytes] = {}
        self._sent: dict[str, bytes] = {}
        self._once: deque[tuple[str, bytes]] = deque(maxlen=MOST_WAITING)
        self._stale: set[str] = set()
        self._line: MqttClient | None = None
        self._backoff = Backoff(most_s=60.0)
        self.handle: Handle | None = None
        self.trouble = ""
        self.published = self.dropped = 0
        self._life = 0
        """Count of connections. What was sent on an earlier one may be lost."""

    @property
    def waiting(self) -> int:
        return len(self._once)

    def put(self, topic: str, payload: bytes) -> None:
        """Set the state of a topic below the base; empty payload: remove it."""
        self.put_at(f"{self.base}/{topic}", payload)

    def put_at(self, topic: str, payload: bytes) -> None:
        with self._lock:
            is_new = self._is.get(topic) != payload
            self._is[topic] = payload
        if is_new:
            self._wake()

    def tell(self, topic: str, told: Any) -> None:
        """Publish an event once at a topic below the base, if a connection exists or follows soon."""
        with self._lock:
            self.dropped += len(self._once) == MOST_WAITING
            self._once.append((f"{self.base}/{topic}", json.dumps(told, ensure_ascii=False).encode()))
        self._wake()

    def step(self) -> float:
        try:
            if self._line is None:
                self._line = self._open()
            self._refresh()
            if self._line.is_connected:
                self._send(self._line)
                self._backoff.reset()
            else:  # the library reconnects by itself
                self.trouble = f"{self.public} isn't responding."
        except DeliveryError as error:
            if error.message != self.trouble:
                log.warning("%s", error)
            self.trouble = error.message
            return self._backoff.next_s()
        return STEP_S

    def close(self) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        try:
            if line.is_connected:
                line.publish(f"{self.base}/status", ha.OFFLINE, retain=True)
        except DeliveryError as error:
            log.info("%s", error)
        line.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _open(self) -> MqttClient:
        will = (f"{self.base}/status", ha.OFFLINE)
        return MqttClient(self._address, self.public, will=will, connected=self._connected, heard=self._heard)

    def _connected(self, line: MqttClient) -> None:
        """Handle a connection: the broker may have lost all state. Called on the library's thread."""
        self._forget_sent()
        for topic in ("set", "+/set", "+/+/set"):
            line.subscribe(f"{self.base}/{topic}")
        if self._settings.discovery:
            line.subscribe(f"{self._settings.discovery}/status")
            line.subscribe(f"{self._settings.discovery}/+/{ha.node_of(self.base)}/+/config")
        self._wake()

    def _heard(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """Handle a message. Called on the library's thread."""
        prefix = self._settings.discovery
        if prefix and topic == f"{prefix}/status":
            if payload == ha.ONLINE:  # Home Assistant has restarted
                self._forget_sent()
                self._wake()
        elif prefix and topic.startswith(f"{prefix}/"):
            with self._lock:
                if is_retained and payload and topic not in self._is:
                    self._stale.add(topic)  # announced by an earlier run of tawny
            self._wake()
        elif not is_retained:  # a retained command is outdated
            self._commanded(topic.removeprefix(f"{self.base}/"), payload)

    def _send(self, line: MqttClient) -> None:
        self.put("status", ha.ONLINE)
        with self._lock:
            changed = [(topic, payload) for topic, payload in self._is.items() if self._sent.get(topic) != payload]
            life, stale = self._life, [topic for topic in self._stale if topic not in self._is]
            self._stale.clear()
        for topic, payload in changed:
            line.publish(topic, payload, retain=True)
            with self._lock:
                if self._life == life:
                    self._sent[topic] = payload
        for topic in stale:
            line.publish(topic, b"", retain=True)
        while self._once:
            topic, payload = self._once[0]
            line.publish(topic, payload)
            self.published += 1
            with self._lock:
                if self._once and self._once[0] == (topic, payload):
                    self._once.popleft()
        self.trouble = ""

    def _forget_sent(self) -> None:
        with self._lock:
            self._life += 1
            self._sent.clear()

    def _wake(self) -> None:
        if self.handle is not None:
            self.handle.wake()
