"""Events that an ONVIF camera reports: a pull point, and what its messages mean.

A message is placed by its age at the camera, which is the difference of two of the camera's own stamps, before its
arrival here: a camera's clock that is wrong does not matter.
"""

import re
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from tawny.model.errors import SourceError, SourceLoginWeaker, SourceRefused, SourceUnreachable
from tawny.model.events import DOORBELL
from tawny.model.times import Clock
from tawny.model.validation import device_label
from tawny.protocols.soap import find_elements, namespace, quoted, text_at
from tawny.sources.onvif import TIMEOUT_S, OnvifCamera, UnansweredClose, request_path

# What messages mean. Makers name their topics differently, so words are looked for, the more specific first.

MOTION, PERSON, VEHICLE, ANIMAL = "motion", "person", "vehicle", "animal"
TAMPER, LINE, INPUT = "tamper", "line", "input"
_DOORBELL: Final = re.compile(r"visitor|doorbell|bell(button|press|ring)|button(press|push)|/call\b|ringing")
_INPUT: Final = re.compile(r"digitalinput|virtualinput|alarmin\b|/io/(port|input|supervisedport)")
_NUMBERS: Final = re.compile(r"(id|token|count|level|likelihood|confidence|rule)$")
"""Names of data that are numbers, of which 0 and 1 are no states."""
_TOPICS: Final = (
    (DOORBELL, _DOORBELL),
    (TAMPER, re.compile(r"tamper|globalscenechange|imagetoo(blurry|dark|bright)|covered|defocus|casing/open")),
    (LINE, re.compile(r"line(detector|cross)|crossline|crossed|tripwire|fenceguard")),
    (INPUT, _INPUT),
)
_CLASSES: Final = (
    (PERSON, re.compile(r"people|person|human|pedestrian|(?<!inter)face")),
    (VEHICLE, re.compile(r"vehicle|\bcar\b|iscar|bike|truck")),
    (ANIMAL, re.compile(r"dogcat|ispet|\bpet|animal")),
)
_MOVES: Final = re.compile(
    r"motion|objectsinside|fielddetector|intrusion|objectdetect|objectanalytics|smartevent|\bvmd\d?\b|loiteringguard"
    r"|sensor/pir"
)
_STATES: Final = frozenset({"state", "active", "isinside", "ismotion"})
"""Names of data that say whether the named classes are there."""
_YES: Final = frozenset({"true", "1", "active", "on"})
_NO: Final = frozenset({"false", "0", "inactive", "off"})
_MOST_CHARACTERS, _MOST_ITEMS, _MOST_MESSAGES = 200, 32, 256
MOST_LATE_MS: Final = 60_000
"""Age of a message, ms, above which its stamp counts as wrong."""


@dataclass(frozen=True, slots=True)
class CameraReport:
    """What a camera says happens. kind: of the constants above. source: its own name for what reported it.

    is_on: None: it happened and is over at once, such as a line that was crossed. at_ms: ms UTC, by this computer.
    """

    kind: str
    source: str
    at_ms: int
    is_on: bool | None = True


def read_reports(answer: ET.Element, now_ms: int, at_rest: set[tuple[str, str]]) -> list[CameraReport]:
    """Return what the messages of an answer report; those of other subjects are left out.

    at_rest: the buttons, by topic and source, that were off when last reported; it is brought up to date.
    """
    now_there = _stamp_ms(text_at(answer, "CurrentTime"))
    found: list[CameraReport] = []
    for message in find_elements(answer, "NotificationMessage")[:_MOST_MESSAGES]:
        topic = text_at(message, "Topic")[:_MOST_CHARACTERS]
        inner = next(reversed(find_elements(message, "Message")), None)
        if inner is None or not topic or inner.get("PropertyOperation") == "Deleted":
            continue
        at_there = _stamp_ms(inner.get("UtcTime", ""))
        age_ms = now_there - at_there if now_there is not None and at_there is not None else 0
        at_ms = now_ms - age_ms if 0 <= age_ms <= MOST_LATE_MS else now_ms
        source, data = _items(inner, "Source"), _items(inner, "Data")
        is_first, name = inner.get("PropertyOperation") == "Initialized", _name_of(source)
        for kind, is_on in kinds_meant(topic, source, data):
            is_pressed = kind == DOORBELL and _is_new_press(at_rest, (topic, name), is_on=is_on)
            if is_first and (is_on is None or (kind == DOORBELL and is_on and not is_pressed)):
                continue  # nothing happens at the beginning: a button that wasn't known to be off stays on
            found.append(CameraReport(kind, name, now_ms if is_first else at_ms, is_on))
    return found


def _is_new_press(at_rest: set[tuple[str, str]], button: tuple[str, str], *, is_on: bool | None) -> bool:
    """Note the state of a button, and return whether it is on and was off before."""
    if is_on is False:
        if len(at_rest) < _MOST_ITEMS:
            at_rest.add(button)
        return False
    was_off = button in at_rest
    at_rest.discard(button)
    return was_off


def names_doorbell(text: str) -> bool:
    """Return whether the name of an input says that it is a doorbell's button."""
    return bool(_DOORBELL.search(text.lower()))


def kinds_meant(topic: str, source: Mapping[str, str], data: Mapping[str, str]) -> list[tuple[str, bool | None]]:
    """Return the kinds that a message with this topic reports, each with its state; None: it is over at once."""
    path = re.sub(r"\w+:", "", topic).lower()
    state = _state(data)
    if _INPUT.search(path) and names_doorbell(" ".join(source.values())):
        return [(DOORBELL, state)]
    for kind, pattern in _TOPICS:
        if pattern.search(path):
            return [(kind, state)]
    by_class = _classes(data)
    if by_class:
        return by_class
    for kind, pattern in _CLASSES:
        if pattern.search(path):
            return [(kind, state)]
    return [(MOTION, state)] if _MOVES.search(path) else []


def _classes(data: Mapping[str, str]) -> list[tuple[str, bool | None]]:
    """Return the classes that the data name: `IsPeople=true`, or `ClassTypes="Human Vehicle"`."""
    found: dict[str, bool | None] = {}
    for name, value in data.items():
        words = value.lower() if "class" in name.lower() or name.lower() == "type" else ""
        for kind, pattern in _CLASSES:
            if words and pattern.search(words):
                found[kind] = True
            elif not words and pattern.search(name.lower()) and (known := _truth(value)) is not None:
                found[kind] = known or bool(found.get(kind))
    state = _state({name: value for name, value in data.items() if name.lower() in _STATES})
    return [(kind, is_on if state is None else state and bool(is_on)) for kind, is_on in found.items()]


def _state(data: Mapping[str, str]) -> bool | None:
    """Return the state that the data name: true if any of them is; None if they name none."""
    states = (value for name, value in data.items() if not _NUMBERS.search(name.lower()))
    found = [known for value in states if (known := _truth(value)) is not None]
    return any(found) if found else None


def _truth(value: str) -> bool | None:
    word = value.strip().lower()
    return True if word in _YES else False if word in _NO else None


def _items(message: ET.Element, part: str) -> dict[str, str]:
    below = next(iter(find_elements(message, part)), None)
    items = find_elements(below, "SimpleItem")[:_MOST_ITEMS] if below is not None else []
    return {one.get("Name", "")[:_MOST_CHARACTERS]: one.get("Value", "")[:_MOST_CHARACTERS] for one in items}


def _name_of(source: Mapping[str, str]) -> str:
    """Return the camera's name of what reported it: that of its rule or input, if it says one."""
    named = {name.lower(): value for name, value in source.items() if value}
    for name in ("rule", "inputtoken", "token", "source"):
        if name in named:
            return device_label(named[name])[:60]
    return device_label(next(iter(named.values()), ""))[:60]


def _stamp_ms(text: str) -> int | None:
    """Return a stamp in ms UTC; None for what is none."""
    try:
        at = datetime.fromisoformat(text[:40])
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return None


# Subscriptions: made when first used, renewed, and made again when the camera has forgotten them.

LASTS_S: Final = 60.0
"""Length of a subscription, s: a recorder that vanishes leaves none for long."""
RENEWS_S: Final = 25.0
"""Age of a subscription at which it is renewed, s; less if the camera grants a short one."""
_LEAST_S: Final = 1.0
PULL_S: Final = 8.0
"""How long the camera may wait for something to report, s: some close a connection after 10 s."""
_CLOSES_S: Final = 5.0
"""A connection that the camera closes after this much waiting, s, is its way to say that there is nothing."""
_LEAVES_S: Final = 1.5
_LIMIT: Final = 64
_EVENTS, NOTIFY = "http://www.onvif.org/ver10/events/wsdl", "http://docs.oasis-open.org/wsn/b-2"
_MANAGER: Final = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager"
ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
_PULL_POINT: Final = f"{_EVENTS}/PullPointSubscription"
_NAMESPACE: Final = re.compile(r"(https?://|urn:)[^\s\"<>&]{1,200}")


@dataclass(frozen=True, slots=True)
class _Subscription:
    path: str
    port: int | None
    """Of its own; None: that of the camera's address."""
    address: str
    """As the camera named it."""
    parameters: str
    """Headers that the camera wants back."""
    renew_s: float


class EventSubscription:
    """A subscription to one camera's events: made when first used, renewed, and made again after a failure.

    Call from one thread, `cancel` from any. Raises SourceError, and NotDone if the camera reports no events.
    """

    def __init__(self, camera: OnvifCamera, clock: Clock) -> None:
        self._camera, self._clock = camera, clock
        self._made: _Subscription | None = None
        self._at_rest: set[tuple[str, str]] = set()
        self._is_answered = False
        """Whether the camera has answered at the address of the subscription."""
        self._follows = True
        """Whether to use the port that the camera names: some name one where nothing answers."""

    def pull(self, waits_s: float = PULL_S) -> list[CameraReport]:
        """Return what was reported since; waits so long for something. Subscribes if it is not."""
        try:
            made = self._made or self._subscribe()
            if self._clock.mono_s() >= made.renew_s:
                made = self._renew(made)
            # a camera that waits for longer than it keeps the subscription ends it meanwhile
            return self._received(made, min(waits_s, max(_LEAST_S, made.renew_s - self._clock.mono_s())))
        except SourceError:
            if not self._camera.client.is_cancelled:  # else it still lasts, and `leave` ends it
                if self._made is not None and not self._is_answered:
                    self._follows = not self._follows
                self._made = None
            raise

    def _received(self, made: _Subscription, waits_s: float) -> list[CameraReport]:
        raise NotImplementedError

    def _request(self) -> tuple[str, str]:
        """Return action and body of the request for a subscription."""
        raise NotImplementedError

    def cancel(self) -> None:
        """End the request under way: `pull` raises SourceUnreachable."""
        self._camera.client.is_cancelled = True

    def leave(self) -> None:
        """End the subscription: cameras have room for few."""
        made, self._made = self._made, None
        if made is None:
            return
        self._camera.client.is_cancelled = False
        try:
            body = f'<n:Unsubscribe xmlns:n="{NOTIFY}"/>'
            self._ask(made, f"{_MANAGER}/UnsubscribeRequest", body, _LEAVES_S - TIMEOUT_S)
        except SourceError:
            return  # it ends by itself

    def _subscribe(self) -> _Subscription:
        self._camera.forget()  # it may have restarted, with another clock
        action, body = self._request()
        path = self._camera.path_of("Events")
        answer = self._camera.ask("", body, path=path, address=_headers(action, ""))
        named = next(iter(find_elements(answer, "SubscriptionReference")), None)
        address = text_at(answer, "SubscriptionReference", "Address")
        parameters = find_elements(named, "ReferenceParameters") if named is not None else []
        echoed = "".join(_echoed(one) for below in parameters[:1] for one in list(below)[:8])
        named_path = request_path(address) if address else path
        port = self._camera.client.port_named(address) if self._follows else None
        self._is_answered = False
        self._made = _Subscription(named_path, port, address, echoed, self._renewal_s(answer))
        return self._made

    def _renew(self, made: _Subscription) -> _Subscription:
        body = f'<n:Renew xmlns:n="{NOTIFY}"><n:TerminationTime>PT{LASTS_S:g}S</n:TerminationTime></n:Renew>'
        try:
            answer = self._ask(made, f"{_MANAGER}/RenewRequest", body)
        except (SourceRefused, SourceLoginWeaker, SourceUnreachable):
            raise
        except SourceError:
            return self._subscribe()  # it knows the subscription no more, or can't renew any
        self._made = replace(made, renew_s=self._renewal_s(answer))
        return self._made

    def _renewal_s(self, answer: ET.Element) -> float:
        """Return when to renew, s monotonic: before half of what the camera grants is over, if it says that."""
        begins_ms, ends_ms = (_stamp_ms(text_at(answer, name)) for name in ("CurrentTime", "TerminationTime"))
        granted_s = (ends_ms - begins_ms) / 1000 if begins_ms is not None and ends_ms is not None else 0.0
        after_s = min(RENEWS_S, max(_LEAST_S, granted_s / 2)) if granted_s > 0 else RENEWS_S
        return self._clock.mono_s() + after_s

    def _ask(self, made: _Subscription, action: str, body: str, waits_s: float = 0.0) -> ET.Element:
        address = _headers(action, made.address) + made.parameters
        answer = self._camera.ask("", body, path=made.path, address=address, waits_s=waits_s, port=made.port)
        self._is_answered = True
        return answer


class PullPoint(EventSubscription):
    """The camera is asked for its events, and waits with its answer until there are some."""

    def _request(self) -> tuple[str, str]:
        body = (
            f'<e:CreatePullPointSubscription xmlns:e="{_EVENTS}"><e:InitialTerminationTime>PT{LASTS_S:g}S'
            "</e:InitialTerminationTime></e:CreatePullPointSubscription>"
        )
        return f"{_EVENTS}/EventPortType/CreatePullPointSubscriptionRequest", body

    def _received(self, made: _Subscription, waits_s: float) -> list[CameraReport]:
        body = (
            f'<e:PullMessages xmlns:e="{_EVENTS}"><e:Timeout>PT{waits_s:.0f}S</e:Timeout>'
            f"<e:MessageLimit>{_LIMIT}</e:MessageLimit></e:PullMessages>"
        )
        asked_s = self._clock.mono_s()
        try:
            answer = self._ask(made, f"{_PULL_POINT}/PullMessagesRequest", body, waits_s)
        except UnansweredClose:
            # it may wait for less shortly before a renewal
            if self._camera.client.is_cancelled or self._clock.mono_s() - asked_s < min(_CLOSES_S, 0.6 * waits_s):
                raise
            self._is_answered = True
            return []
        return read_reports(answer, self._clock.now_ms(), self._at_rest)


def _headers(action: str, to: str) -> str:
    """Return the headers of WS-Addressing, which many cameras require. to: the camera's own address of the service."""
    identity = secrets.token_hex(16)
    named = f'<a:To xmlns:a="{ADDRESSING}">{quoted(to[:_MOST_CHARACTERS])}</a:To>' if to else ""
    return (
        f'<a:Action xmlns:a="{ADDRESSING}">{action}</a:Action>'
        f'<a:MessageID xmlns:a="{ADDRESSING}">urn:uuid:{identity}</a:MessageID>{named}'
    )


def _echoed(element: ET.Element) -> str:
    """Return a reference parameter as it is sent back, with its namespace."""
    space = namespace(element) if _NAMESPACE.fullmatch(namespace(element)) else ""
    name = element.tag[:_MOST_CHARACTERS] if re.fullmatch(r"[A-Za-z_][\w.-]*", element.tag) else ""
    declared = f' xmlns="{quoted(space)}"' if space else ""
    return f"<{name}{declared}>{quoted((element.text or '').strip()[:_MOST_CHARACTERS])}</{name}>" if name else ""
