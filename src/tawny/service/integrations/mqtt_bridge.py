"""MQTT bridge: publishes the recorder's state and events at a broker, and receives commands.

State topics are retained and published when their payload differs from the last one sent. Events are published once:
those that automations react to soon or never, the others also late, with their time. After a reconnect all state is
published again. Images come last, one at a time, since a slow line needs long for each.
"""

import json
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from tawny.config.integrations import MqttSettings
from tawny.delivery.mqtt_client import EXAMPLE, MqttClient, base_topic
from tawny.delivery.notifier import NotifierAddress, NotifierStore, parse
from tawny.engine import ActorHandle
from tawny.engine.backoff import Backoff
from tawny.model.errors import DeliveryError, TargetUnreachable
from tawny.model.times import Clock
from tawny.service.integrations import home_assistant as ha
from tawny.service.integrations.published_topics import PublishedTopics

MOST_WAITING = 500
"""Limit of each queue; the oldest messages are dropped."""
LARGE_BYTES = 8192
"""Size from which a state is published after everything else: an image."""
LARGE_TRIES, LARGE_PAUSE_S, LARGE_AGAIN_S = 3, 20.0, 3600.0
"""Number of images in a row at which a broker hangs up until it gets none of this size; pause between them, as a weak
line may break as often, s; and for how long, s.
"""
PRESENT_S = 60.0
"""Interval, s, at which a recorder says that it uses the topic."""
SEEN_S = 150.0
"""How long, s, another one counts as there after its last message."""
FAULTY_S = 900.0
"""How long, s, the broker may not work until that is a problem people should know about."""
FORBIDDEN_S, MOST_FORBIDDEN = 5.0, 2
"""A connection lost within this time after the ID was sent or subscribed to, s, this often in a row: the broker may
forbid it. Only the warning about other recorders is lost then.
"""
TRIGGER_S = 30.0
"""How long after an event, s, automations may still react to it."""
STEP_S = 5.0
_NO_LIMIT = 1 << 40
_OWN_ID = secrets.token_hex(8).encode()
"""Of this process: bridges that follow each other in it are the same recorder."""
_ASKS = b"?"
"""Behind the ID of one who has just connected."""
AVAILABLE = "available"
_STATUS, _RECORDER = "status", "recorder"
_OF_CAMERA = (AVAILABLE, "health", "motion", "alert", "record", "private", "track", "picture", "event/picture")
"""State topics of one camera."""
Commanded = Callable[[str, bytes], None]
log = logging.getLogger(__name__)


class WaitingMessage(NamedTuple):
    made_s: float  # monotonic
    topic: str
    payload: bytes


class _LargestMessage:
    """Notes the size of images at which the broker hangs up: with the others, nothing would arrive either."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._refused_bytes, self._until_s = clock, _NO_LIMIT, 0.0
        self._lost = list[int]()
        """Sizes of images at which the broker hung up in a row."""
        self._next_s = float("-inf")

    @property
    def refused_bytes(self) -> int:
        """Size from which images aren't sent."""
        return self._refused_bytes if self._clock.mono_s() < self._until_s else _NO_LIMIT

    @property
    def may_try(self) -> bool:
        """Whether an image may be sent now."""
        return self._clock.mono_s() >= self._next_s

    def note_loss(self, size: int, public: str) -> None:
        """Note that the broker hung up while an image of this size was sent."""
        self._lost.append(size)
        self._next_s = self._clock.mono_s() + LARGE_PAUSE_S
        if len(self._lost) >= LARGE_TRIES:
            self._refused_bytes, self._until_s = min(self._lost), self._clock.mono_s() + LARGE_AGAIN_S
            self._lost.clear()
            log.warning(
                "%s hangs up at images of %d bytes. They are left out for an hour.", public, self._refused_bytes
            )

    def note_success(self, size: int) -> None:
        """Note that an image of this size was sent: smaller ones, at which the broker hung up, aren't too large."""
        self._lost = [one for one in self._lost if one > size]


class _OtherRecorders:
    """Whether another recorder uses the same base topic. Thread-safe.

    Each says its ID from time to time, and when it connects, which the others answer.
    """

    def __init__(self, clock: Clock, base: str) -> None:
        self._clock, self._base = clock, base
        self._lock = threading.Lock()
        self._said_s = self._seen_s = float("-inf")
        self._due_s, self._is_new = float("inf"), True
        self._losses = 0

    @property
    def are_there(self) -> bool:
        return self._clock.mono_s() < self._seen_s + SEEN_S

    @property
    def are_looked_for(self) -> bool:
        """False if the broker seems to forbid the topic."""
        return self._losses < MOST_FORBIDDEN

    def connected(self) -> None:
        """Handle a connection: also a subscription to the topic may be what the broker hangs up at."""
        with self._lock:
            self._said_s = self._clock.mono_s()
            self._due_s, self._is_new = self._said_s, True

    def lost(self) -> None:
        """Handle a lost connection."""
        with self._lock:
            is_soon = self._clock.mono_s() - self._said_s < FORBIDDEN_S
            if self.are_looked_for:
                self._losses = self._losses + 1 if is_soon else 0

    def note(self, data: bytes) -> bool:
        """Handle the ID of a recorder, which may be this one. Return whether to answer."""
        if data.removesuffix(_ASKS) == _OWN_ID:
            return False
        if not self.are_there:
            log.warning("Another recorder uses the topic %s too. Give each its own: `url` under [mqtt].", self._base)
        with self._lock:
            self._seen_s = self._clock.mono_s()
        return data.endswith(_ASKS)

    def due(self) -> bytes:
        """Return what has to be published now, and note that it is; empty: nothing."""
        with self._lock:
            now_s = self._clock.mono_s()
            if now_s < self._due_s or not self.are_looked_for:
                return b""
            is_new, self._is_new = self._is_new, False
            self._said_s, self._due_s = now_s, now_s + PRESENT_S
            return _OWN_ID + _ASKS * is_new


class MqttBridge:
    """Connects to the broker as an actor. The other methods are thread-safe.

    refresh: called in each step to `put` the state. commanded: receives messages to `…/set` topics, with the topic
    below the base; called on the library's thread, must return at once. kept: as of MqttTopics. url_now: returns the
    address in the settings, which the next start uses; None: that of `settings`.
    """

    name = "mqtt"

    def __init__(
        self,
        settings: MqttSettings,
        refresh: Callable[[], None],
        commanded: Commanded,
        clock: Clock,
        kept: NotifierStore | None = None,
        url_now: Callable[[], str] | None = None,
    ) -> None:
        self._url_now = url_now or (lambda: settings.url)
        self._settings, self._refresh, self._commanded, self._clock = settings, refresh, commanded, clock
        self._address: NotifierAddress = parse(settings.url, EXAMPLE)
        self.base = base_topic(settings.url)
        self.public = f"{self._address.scheme}://{self._address.at}/{self.base}"
        self._lock = threading.Lock()
        self._is: dict[str, bytes] = {}
        self._sent: dict[str, bytes] = {}
        self._once: deque[WaitingMessage] = deque(maxlen=MOST_WAITING)
        self._triggers: deque[WaitingMessage] = deque(maxlen=MOST_WAITING)
        self._current: WaitingMessage | None = None
        self._stale: set[str] = set()
        self._left_out = set[str]()
        """Topics of images that are too large for the broker now: nothing is there."""
        self._published = PublishedTopics(kept, self._address.at, self.base)
        self._line: MqttClient | None = None
        self._backoff, self._not_before_s = Backoff(most_s=60.0), 0.0
        self.handle = ActorHandle()
        self.trouble, self._since_s = "", self._clock.mono_s()
        self.published = self.dropped = 0
        self._is_busy = False
        self._largest, self._others = _LargestMessage(clock), _OtherRecorders(clock, self.base)
        self._life = self._status_life = 0
        """Counts of times that the broker may have lost all state, and that it had another status than ours. What was
        sent before may have to be sent again."""

    @property
    def waiting(self) -> int:
        return len(self._once) + len(self._triggers)

    @property
    def is_sending(self) -> bool:
        """Return whether something is being published, or will be soon."""
        return self.is_usable and (self._is_busy or self.waiting > 0)

    @property
    def is_usable(self) -> bool:
        return self._line is not None and not self.trouble

    @property
    def fault(self) -> str:
        """What has been wrong for at least FAULTY_S; empty: nothing."""
        is_long = self._clock.mono_s() - self._since_s >= FAULTY_S
        return self.trouble if self.trouble and is_long else self._shared

    @property
    def note(self) -> str:
        """What is wrong although the broker is connected; empty: nothing."""
        size = self._largest.refused_bytes
        if self._shared or size == _NO_LIMIT:
            return self._shared
        return f"It hangs up at images of {size} bytes: let it take larger messages (mosquitto: max_packet_size)."

    @property
    def _shared(self) -> str:
        """What to do about another recorder with the same topic; empty: there is none."""
        if not self._others.are_there:
            return ""
        return f"Another recorder uses the topic {self.base} too. Give each its own: `url` under [mqtt]."

    def put(self, topic: str, payload: bytes) -> None:
        """Set the state of a topic below the base; empty payload: remove it."""
        self.put_at(f"{self.base}/{topic}", payload)

    def put_at(self, topic: str, payload: bytes) -> None:
        with self._lock:
            is_new = self._is.get(topic) != payload
            self._is[topic] = payload
        if is_new:
            self._wake()

    def clear(self, topic: str) -> None:
        """Remove the state of all topics below this one, which is below the base."""
        with self._lock:
            below = [one for one in self._is if one.startswith(f"{self.base}/{topic}/")]
        for one in below:
            self.put_at(one, b"")

    def publish(self, topic: str, content: Any, *, is_trigger: bool = False) -> None:
        """Publish an event once at a topic below the base. is_trigger: only if it can be published soon."""
        payload = json.dumps(content, ensure_ascii=False).encode()
        queue = self._triggers if is_trigger else self._once
        with self._lock:
            self.dropped += len(queue) == MOST_WAITING
            queue.append(WaitingMessage(self._clock.mono_s(), f"{self.base}/{topic}", payload))
        self._wake()

    def step(self) -> float:
        self._is_busy = True
        try:
            return self._step()
        finally:
            self._is_busy = False

    def _step(self) -> float:
        if self._drop_late() and self._line is not None:
            self._line.close()  # else the library sends what it still has of them when the broker is back
            self._line = None
        wait_s = self._not_before_s - self._clock.mono_s()
        if wait_s > 0:  # a new message wakes the actor, but must not cause another sign-in
            return wait_s
        try:
            if self._line is None:
                self._line = self._open()
            self._refresh()
            if self._line.is_connected:
                has_more = self._send(self._line)
                self._backoff.reset()
                return 0.0 if has_more else STEP_S
            self._troubled(self._line.why_lost())  # the library reconnects by itself
        except DeliveryError as error:
            self._troubled(error)
            wait_s = self._backoff.next_s()
            self._not_before_s = self._clock.mono_s() + wait_s
            return wait_s
        return STEP_S

    def close(self) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        try:
            if line.is_connected and self._is_left and not self._others.are_there:
                self._remove_all(line)
            elif line.is_connected:
                line.publish(f"{self.base}/{_STATUS}", ha.OFFLINE, retain=True)
        except DeliveryError as error:
            log.info("%s", error)
        line.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def _is_left(self) -> bool:
        """Whether the next start uses another broker, or none: it couldn't remove anything here."""
        url = self._url_now()
        return not url or parse(url, EXAMPLE).at != self._address.at

    def _remove_all(self, line: MqttClient) -> None:
        """Remove what was published, images and entities included. Raises DeliveryError."""
        with self._lock:
            topics = [*self._is]
        line.publish_states([(topic, b"") for topic in topics], lambda *_: None)
        self._published.note(frozenset())
        log.info("removed what was published at %s, which the settings no longer name", self.public)

    def _troubled(self, error: DeliveryError) -> None:
        if not self.trouble:
            self._since_s = self._clock.mono_s()
        if error.message != self.trouble:
            log.warning("%s", error)
        self.trouble = error.message

    def _drop_late(self) -> bool:
        """Drop what automations must not react to any more. Return whether the library has one of them."""
        oldest_s = self._clock.mono_s() - TRIGGER_S
        with self._lock:
            late = list[WaitingMessage]()
            while self._triggers and self._triggers[0].made_s < oldest_s:
                late.append(self._triggers.popleft())
            self.dropped += len(late)
            return any(one is self._current for one in late)

    def _next(self) -> WaitingMessage | None:
        self._drop_late()
        with self._lock:
            heads = [queue[0] for queue in (self._triggers, self._once) if queue]  # first what isn't acknowledged
            self._current = next((one for one in heads if one is self._current), heads[0] if heads else None)
            return self._current

    def _open(self) -> MqttClient:
        below, relays = f"{self.base}/", f"{self.base}/relay/"
        with self._lock:  # of a camera that is there, not all topics are used at once
            self._stale.update(
                one
                for one in self._published.read()
                if not one.startswith(below) or one.startswith(relays) or one.endswith(f"/{AVAILABLE}")
            )
        will = (f"{self.base}/{_STATUS}", ha.OFFLINE)
        return MqttClient(
            self._address, self.public, will=will, connected=self._connected, on_message=self._on_message,
            lost=self._others.lost,
        )  # fmt: skip

    def _connected(self, line: MqttClient) -> None:
        """Handle a connection: the broker may have lost all state. Called on the library's thread."""
        self._not_before_s = 0.0
        self._forget_sent()
        self._others.connected()
        for topic in (_STATUS, "set", "+/set", "+/+/set", *([_RECORDER] if self._others.are_looked_for else [])):
            line.subscribe(f"{self.base}/{topic}")
        for former in self._published.former():
            line.subscribe(f"{former}/{_STATUS}")
        if self._settings.discovery:
            line.subscribe(f"{self._settings.discovery}/status")
        self._wake()

    def _on_message(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """Handle a message. Called on the library's thread."""
        prefix, own = self._settings.discovery, f"{self.base}/{_STATUS}"
        if topic == own:
            if payload != ha.ONLINE:  # the broker has published the will of an earlier connection
                with self._lock:
                    self._status_life += 1  # also what is being published now
                    self._sent.pop(own, None)
                self._wake()
        elif topic == f"{self.base}/{_RECORDER}":
            if self._others.note(payload) and self._line is not None:
                self._line.say(topic, _OWN_ID)
            self._wake()
        elif topic in (f"{former}/{_STATUS}" for former in self._published.former()):
            self._published.heard_status(topic.removesuffix(f"/{_STATUS}"), is_online=payload != ha.OFFLINE)
            self._wake()
        elif prefix and topic == f"{prefix}/status":
            if payload == ha.ONLINE:  # Home Assistant has restarted
                self._forget_sent()
                self._wake()
        elif not is_retained:  # a retained command is outdated
            self._commanded(topic.removeprefix(f"{self.base}/"), payload)

    def _send(self, line: MqttClient) -> bool:
        """Publish what has changed, but of the images one only. Return whether there are more."""
        self.put(_STATUS, ha.ONLINE)
        with self._lock:
            changed = [(topic, payload) for topic, payload in self._is.items() if self._sent.get(topic) != payload]
            life, status_life = self._life, self._status_life
            self._stale -= self._is.keys()
            stale, used = [*self._stale], {*self._is}
        # what another one may use as well must not be removed when this one gets another topic
        noted = set[str]() if self._others.are_there else used
        self._published.note(noted | {*stale})

        def published(topic: str, payload: bytes) -> None:
            with self._lock:
                is_kept = self._status_life == status_life or topic != f"{self.base}/{_STATUS}"
                if self._life == life and is_kept:
                    self._sent[topic] = payload

        line.publish_states([one for one in changed if len(one[1]) < LARGE_BYTES], published)
        for topic in stale:
            camera = topic.removesuffix(AVAILABLE)
            for one in [topic] if camera == topic else [camera + what for what in _OF_CAMERA]:
                line.publish(one, b"", retain=True)
            with self._lock:
                self._stale.discard(topic)
        self._published.note(noted)
        self._published.clear_former(line, _STATUS, used)
        self._send_waiting(line)
        if due := self._others.due():
            line.say(f"{self.base}/{_RECORDER}", due)
        self.trouble = ""
        self._is_busy = False  # a stop does not wait for images
        large = dict(one for one in changed if len(one[1]) >= LARGE_BYTES)
        images = [one for one in large.items() if len(one[1]) < self._largest.refused_bytes]
        left_out = large.keys() - dict(images).keys() - self._left_out
        line.publish_states([(topic, b"") for topic in left_out], lambda *_: None)  # an older one would stay
        self._left_out = (self._left_out | left_out) - dict(images).keys()
        if images and self._largest.may_try:
            topic, payload = images[0]
            with self._lock:
                self._is[topic] = self._is.pop(topic)  # next time those of other cameras come first
            losses = line.losses
            try:
                line.publish_states([(topic, payload)], published)
            except TargetUnreachable as error:
                log.info("%s is late: %s", topic, error)
                if line.losses > losses:
                    self._largest.note_loss(len(payload), self.public)
                    line.close()  # else the library sends it again and again
                    self._line = None
            else:
                self._largest.note_success(len(payload))
        return len(images) > 1 and self._largest.may_try

    def _send_waiting(self, line: MqttClient) -> None:
        while (message := self._next()) is not None:
            line.publish(message.topic, message.payload)
            self.published += 1
            with self._lock:
                for queue in (self._triggers, self._once):
                    if queue and queue[0] is message:
                        queue.popleft()

    def _forget_sent(self) -> None:
        with self._lock:
            self._life += 1
            self._sent.clear()

    def _wake(self) -> None:
        self.handle.wake()
