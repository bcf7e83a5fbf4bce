"""MQTT client: one connection to a broker. Thread-safe.

Reconnects by itself. Errors contain no secrets. Requires `tawny[mqtt]`. A message counts as sent when the broker has
acknowledged it (QoS 1).
"""

import secrets
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from itertools import islice
from typing import Any, Protocol

from tawny.delivery.notifier import NotifierAddress, parse
from tawny.model.errors import DeliveryError, TargetRefused, TargetUnreachable

PORTS = {"mqtt": 1883, "mqtts": 8883}
TIMEOUT_S, SLOWEST_BPS = 15.0, 1000
"""How long, s, an acknowledgement may take, and longer by what a line of this many bytes/s needs for what is sent."""
LONGEST_S = 120.0
"""In any case: what waits behind it, and a stop, must not take hours."""
LOOK_S = 1.0
"""Interval of the looks whether there still is a connection on which it can come."""
EXAMPLE = "mqtt://user:password@broker/tawny"
MOST_QUEUED = 1000
MOST_AT_ONCE = 50
"""Messages that are sent before the first of them is acknowledged: far brokers take long to answer."""
HANGS_UP = 2
"""How often a broker may hang up while a message is sent, until that isn't sent again: mostly it is too large."""
MISSING = "the MQTT library: .venv/bin/pip install 'tawny[mqtt]'"
_REFUSED = frozenset({"Not authorized", "Bad user name or password", "Banned"})


class MessageListener(Protocol):
    """Receives topic and payload. is_retained: sent from the broker's store."""

    def __call__(self, topic: str, payload: bytes, *, is_retained: bool) -> None: ...


def _nothing(topic: str, payload: bytes, *, is_retained: bool) -> None:
    """Ignore messages; used without subscriptions."""


def is_client_installed() -> bool:
    """Return whether the library is installed."""
    return find_spec("paho") is not None


def base_topic(url: str) -> str:
    """Return the base topic; `tawny` if the address names none. Raises ValueError for invalid topics."""
    base = "/".join(parse(url, EXAMPLE).parts) or "tawny"
    if any(one in base for one in "+#") or base.startswith("$"):
        raise ValueError(f"url: a topic without + or #, as in {EXAMPLE}")
    return base


class MqttClient:
    """A connection to a broker.

    public: name in errors. will: topic and payload the broker publishes, retained, when the connection is lost.
    connected: called after every connect and reconnect. lost: called when the connection ends. These and on_message run
    on the library's thread and must return at once.
    """

    def __init__(
        self,
        address: NotifierAddress,
        public: str,
        *,
        will: tuple[str, bytes] | None = None,
        connected: Callable[["MqttClient"], None] = lambda _: None,
        lost: Callable[[], None] = lambda: None,
        on_message: MessageListener = _nothing,
    ) -> None:
        """Connect. Raises TargetUnreachable and TargetRefused."""
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._public, self._connected, self._lost = public, connected, lost
        self._answered, self._refusal = threading.Event(), ""
        self.losses = 0
        """How often the connection was lost, or ended by the broker."""
        self._overdue: dict[str, tuple[bytes, Any]] = {}
        """By topic, a message that was not acknowledged in time, and the library's record of it."""
        # with an ID of its own, a reconnect ends the session that the broker still has, before its will comes late
        self._client = Client(CallbackAPIVersion.VERSION2, f"tawny-{secrets.token_hex(8)}")
        if address.user:
            self._client.username_pw_set(address.user, address.password)
        if address.scheme == "mqtts":
            self._client.tls_set_context(ssl.create_default_context())
        if will is not None:
            self._client.will_set(will[0], will[1], qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = lambda _, __, message: on_message(
            message.topic, bytes(message.payload), is_retained=message.retain
        )
        self._client.max_queued_messages_set(MOST_QUEUED)
        self._client.connect_timeout = TIMEOUT_S
        try:
            self._client.connect(address.host, address.port or PORTS[address.scheme])
        except OSError as error:
            raise TargetUnreachable(public, _why_unreachable(error)) from None
        self._client.loop_start()
        is_answered = self._answered.wait(TIMEOUT_S)
        if not is_answered or self._refusal:
            self.close()
            raise self.why_lost("no answer in time")

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    def why_lost(self, otherwise: str = "the connection is lost") -> DeliveryError:
        """Return why it isn't connected: the broker's last answer, or why there was none; else `otherwise`."""
        if self._refusal in _REFUSED:
            return TargetRefused(self._public, self._refusal)
        return TargetUnreachable(self._public, self._refusal or otherwise)

    def subscribe(self, topic: str) -> None:
        """Subscribe for the current connection; repeat it in `connected`."""
        self._client.subscribe(topic, qos=1)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish and wait for the acknowledgement. Raises DeliveryError and TargetUnreachable.

        The library goes on sending a message that was not acknowledged in time. The next one of its topic waits for it,
        and isn't sent if it is the same: copies would fill a slow line.
        """
        self._await_published(topic, payload, self._begun(topic, payload, retain=retain))

    def say(self, topic: str, payload: bytes) -> None:
        """Publish without waiting, to those who listen now. Call from any thread, also from that of the library."""
        self._client.publish(topic, payload, qos=0)

    def publish_states(self, states: Iterable[tuple[str, bytes]], published: Callable[[str, bytes], None]) -> None:
        """Publish retained messages of different topics; several wait for their acknowledgement at the same time.

        published: called after each. Raises like `publish`.
        """
        left = iter(states)
        while part := list(islice(left, MOST_AT_ONCE)):
            begun = [(topic, payload, self._begun(topic, payload, retain=True)) for topic, payload in part]
            for topic, payload, sent in begun:
                self._await_published(topic, payload, sent)
                published(topic, payload)

    def _begun(self, topic: str, payload: bytes, *, retain: bool) -> Any:
        """Return the library's record of a message that is being sent. Waits for an earlier one of its topic."""
        overdue = self._overdue.get(topic)
        if overdue is not None and retain and overdue[1].is_published():
            overdue = None  # the broker has it, but may have replaced it since, as by a will
        if overdue is not None:
            self._await_published(topic, *overdue)
            if overdue[0] == payload:
                return overdue[1]
        sent = self._handed_over(topic, payload, retain=retain)
        self._overdue[topic] = payload, sent
        return sent

    def _await_published(self, topic: str, payload: bytes, sent: Any) -> None:
        self._overdue[topic], losses = (payload, sent), self.losses
        ahead_bytes = sum(len(data) for data, one in [*self._overdue.values()] if not one.is_published())
        left_s = min(TIMEOUT_S + ahead_bytes / SLOWEST_BPS, LONGEST_S)
        while left_s > 0 and self.is_connected and not sent.is_published() and self.losses < losses + HANGS_UP:
            sent.wait_for_publish(min(left_s, LOOK_S))
            left_s -= LOOK_S
        if not sent.is_published():
            raise TargetUnreachable(self._public, "the message was not acknowledged")
        self._overdue.pop(topic, None)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _handed_over(self, topic: str, payload: bytes, *, retain: bool) -> Any:
        """Hand a message to the library, which keeps it until it is acknowledged.

        Raises TargetUnreachable, and DeliveryError if the library keeps no more.
        """
        from paho.mqtt.client import error_string
        from paho.mqtt.enums import MQTTErrorCode

        if not self.is_connected:
            raise TargetUnreachable(self._public, "the connection is lost")
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        if sent.rc == MQTTErrorCode.MQTT_ERR_NO_CONN:
            sent.rc = MQTTErrorCode.MQTT_ERR_SUCCESS  # lost just now: the library sends it on the next connection
        elif sent.rc > MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise DeliveryError(self._public, error_string(sent.rc).rstrip("."))
        return sent

    def _on_connect(self, client: Any, data: Any, flags: Any, code: Any, properties: Any) -> None:
        """Handle the broker's response. Called on the library's thread."""
        self._refusal = str(code) if code.is_failure else ""
        self._answered.set()
        if not self._refusal:
            # the broker may have lost what it acknowledged: the library sends the rest again by itself
            self._overdue = {topic: one for topic, one in self._overdue.copy().items() if not one[1].is_published()}
            self._connected(self)

    def _on_disconnect(self, client: Any, data: Any, flags: Any, code: Any, properties: Any) -> None:
        """Count it. Called on the library's thread."""
        self.losses += 1
        self._lost()

    def _on_connect_fail(self, client: Any, data: Any) -> None:
        """Note why a reconnect fails. Called on the library's thread while it handles the error."""
        error = sys.exception()
        self._refusal = _why_unreachable(error) if isinstance(error, OSError) else ""


def _why_unreachable(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't valid: {error.verify_message}"
    return error.strerror or type(error).__name__
