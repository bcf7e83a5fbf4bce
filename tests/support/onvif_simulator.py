"""A camera with ONVIF's event service (pull points), beside what `OnvifDevice` has: profiles S, T and G.

with simulated() as camera:
    camera.report("tns1:VideoSource/MotionAlarm", {"Source": "lens0"}, {"State": "true"})
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tawny.testing.clips import SampleClip
from tawny.testing.rtsp_card import MemoryCard
from tests.sources.onvif.fake_camera import FakeCamera, fault, served
from tests.support.onvif_device import OnvifDevice, Stream

EVENTS, IMAGING = "/onvif/events", "/onvif/imaging"
SUBSCRIPTION = "/onvif/subscription"
SEARCH, REPLAY = "/onvif/search", "/onvif/replay"
AXIS = "http://www.axis.com/2009/event"


@dataclass
class Subscription:
    until_s: float
    waiting: list[str] = field(default_factory=list)
    consumer: str = ""
    """Where its events are sent; empty: they are asked for."""


@dataclass
class OnvifSimulator(OnvifDevice):
    """has_events: whether it has the event service. named_by: `path` or `header`: how it tells subscriptions apart."""

    has_events: bool = True
    named_by: str = "path"
    declares: str = f'xmlns:dom0="{AXIS}"'
    """Attributes of the header that names a subscription."""
    declares_outside: str = ""
    """Those of the element around it all."""
    grants_s: int = 0
    """How long it says that a subscription lasts; 0: it doesn't say."""
    can_renew: bool = True
    has_pull_points: bool = True
    """False: it sends its events only (WS-BaseNotification)."""
    has_notifications: bool = True
    answers: list[int] = field(default_factory=list)
    """What its consumers answered to what it sent."""
    refuses_events: bool = False
    """It refuses the sign-in for them."""
    states: dict[str, str] = field(default_factory=dict)
    """The last message of each property, which a new subscription gets first."""
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)
    made: int = 0
    """Count of subscriptions so far."""
    imaging: dict[str, str] = field(
        default_factory=lambda: {"Brightness": "50", "Contrast": "40", "IrCutFilter": "AUTO", "Mode": "OFF"}
    )
    """Image settings; `Mode` is that of the wide dynamic range. Empty: it has no imaging service."""
    bit_rate: int = 4096
    raw: str = ""
    """What it answers to a pull instead."""
    event_port: int = 0
    """Where it says that its subscriptions are; 0: where everything is."""
    serves_apart: bool = False
    """Its subscriptions are nowhere else."""
    event_host: str = "127.0.0.1"
    """The host of its subscriptions, as it says."""
    closes: Callable[[], None] | None = None
    """Called at each pull, after which it closes the connection without an answer."""
    card: MemoryCard | None = None
    """Its own recordings; None: it has no card."""
    clip: SampleClip | None = None
    replay: str = ""
    """Address of the replay."""
    tells_by_services: bool = False
    """It lists search and replay by GetServices only."""
    searches: dict[str, int] = field(default_factory=dict)
    """How often each open search was asked for results."""

    def more_services(self, host: str) -> str:
        events = f"<tt:Events><tt:XAddr>http://{host}{EVENTS}</tt:XAddr></tt:Events>" if self.has_events else ""
        if self.imaging:
            events += f"<tt:Imaging><tt:XAddr>http://{host}{IMAGING}</tt:XAddr></tt:Imaging>"
        if self.card is not None and not self.tells_by_services:
            events += "<tt:Extension>" + "".join(
                f"<tt:{name}><tt:XAddr>http://{host}{path}</tt:XAddr></tt:{name}>"
                for name, path in (("Search", SEARCH), ("Replay", REPLAY))
            ) + "</tt:Extension>"  # fmt: skip
        return super().more_services(host) + events

    def report(
        self, topic: str, source: Mapping[str, str], data: Mapping[str, str], *, age_s: float = 0.0, keep: bool = True
    ) -> None:
        """Send a message to all subscribers. age_s: so long ago it happened. keep: a property, not a moment."""
        with self.changed:
            text = self._message(topic, source, data, "Changed" if keep else "", age_s)
            if keep:
                self.states[topic + repr(source)] = self._message(topic, source, data, "Initialized", age_s)
            for one in self.subscriptions.values():
                one.waiting.append(text)
            self.changed.notify_all()
            consumers = [one.consumer for one in self.subscriptions.values() if one.consumer]
        for consumer in consumers:
            self.answers.append(notify(consumer, text))

    def restart(self) -> None:
        """Forget all subscriptions and states, as a camera does that is switched off and on."""
        with self.changed:
            self.subscriptions.clear()
            self.states.clear()
            self.changed.notify_all()

    def await_subscribed(self, timeout_s: float = 30.0) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: bool(self.subscriptions), timeout_s), "nobody subscribed"

    def _message(
        self, topic: str, source: Mapping[str, str], data: Mapping[str, str], operation: str, age_s: float
    ) -> str:
        at = (datetime.now(UTC) + self.ahead - timedelta(seconds=age_s)).isoformat().replace("+00:00", "Z")
        text = f' PropertyOperation="{operation}"' if operation else ""
        return (
            f"<wsnt:NotificationMessage><wsnt:Topic>{topic}</wsnt:Topic><wsnt:Message>"
            f'<tt:Message UtcTime="{at}"{text}>{_items("Source", source)}{_items("Data", data)}'
            "</tt:Message></wsnt:Message></wsnt:NotificationMessage>"
        )

    def _of(self, name: str, values: dict[str, str], path: str) -> tuple[int, str]:
        is_event = path.startswith((EVENTS, SUBSCRIPTION))
        if is_event and self.refuses_events:
            return 400, fault("ter:NotAuthorized", "Sender not authorized")
        if path == IMAGING and self.imaging:
            return self._image(name, values)
        if name == "SetVideoEncoderConfiguration" and "BitrateLimit" in values and not self.refuses:
            self.bit_rate = int(values["BitrateLimit"])
        if self.card is not None and path in (SEARCH, REPLAY):
            return self._recording(name, values, path)
        if name == "GetServices" and self.card is not None and self.tells_by_services:
            host = f"127.0.0.1:{self.port}"
            listed = "".join(
                f"<Service><Namespace>http://www.onvif.org/ver10/{kind}/wsdl</Namespace>"
                f"<XAddr>http://{host}{at}</XAddr></Service>"
                for kind, at in (("search", SEARCH), ("replay", REPLAY))
            )
            return 200, f"<r>{listed}</r>"
        return self._event(name, values, path) if is_event else super()._of(name, values, path)

    def _event(self, name: str, values: dict[str, str], path: str) -> tuple[int, str]:
        match name:
            case "CreatePullPointSubscription" if path == EVENTS and not self.has_pull_points:
                return 400, fault("ter:ActionNotSupported", "no pull points")
            case "CreatePullPointSubscription" if path == EVENTS:
                return 200, self._subscribe()
            case "Subscribe" if path == EVENTS and self.has_notifications:
                return 200, self._subscribe(values["Address"])
            case "PullMessages" if path.startswith((SUBSCRIPTION, EVENTS)):
                return self._pull(self._subscription_at(path), values)
            case "Renew" if path.startswith((SUBSCRIPTION, EVENTS)):
                found = self._subscription_at(path)
                if found is None or not self.can_renew:
                    return 400, fault("wsnt:ResourceUnknown", "no such subscription")
                found.until_s = time.monotonic() + 60
                return 200, f"<r>{self._times()}</r>"
            case "Unsubscribe" if path.startswith((SUBSCRIPTION, EVENTS)):
                with self.changed:
                    self.subscriptions.pop(path.rpartition("/")[2], None)
                    self.changed.notify_all()
                return 200, "<r/>"
        return super()._of(name, values, path)

    def _recording(self, name: str, values: dict[str, str], path: str) -> tuple[int, str]:
        """Search and replay of the card (profile G)."""
        assert self.card is not None
        assert self.clip is not None
        token = values.get("SearchToken", "")
        match name, path:
            case "FindRecordings", "/onvif/search":
                self.searches[f"search-{len(self.searches)}"] = 0
                return 200, f"<r><SearchToken>search-{len(self.searches) - 1}</SearchToken></r>"
            case "GetRecordingSearchResults", "/onvif/search" if token in self.searches:
                self.searches[token] += 1
                if self.searches[token] == 1:  # results may come in parts
                    return 200, "<r><ResultList><SearchState>Searching</SearchState></ResultList></r>"
                found = self.card.recorded(self.clip)
                listed = self._listed(found[0].at_ms, found[-1].at_ms) if found else ""
                return 200, f"<r><ResultList><SearchState>Completed</SearchState>{listed}</ResultList></r>"
            case "EndSearch", "/onvif/search" if token in self.searches:
                return 200, "<r/>"
            case "GetReplayUri", "/onvif/replay" if values.get("RecordingToken") == "card-0":
                return 200, f"<r><Uri>{self.replay}</Uri></r>"
        return 400, fault("ter:InvalidToken", f"{name} with an unknown token")

    def _listed(self, first_ms: float, last_ms: float) -> str:
        assert self.card is not None
        begin, end = (
            datetime.fromtimestamp(at_ms / 1000 + self.card.ahead_s, UTC).isoformat().replace("+00:00", "Z")
            for at_ms in (first_ms, last_ms)
        )
        return (
            "<RecordingInformation><RecordingToken>card-0</RecordingToken><Source><SourceId>lens0</SourceId></Source>"
            f"<EarliestRecording>{begin}</EarliestRecording><LatestRecording>{end}</LatestRecording>"
            f"<Track><TrackToken>v</TrackToken><TrackType>Video</TrackType><DataFrom>{begin}</DataFrom>"
            f"<DataTo>{end}</DataTo></Track></RecordingInformation>"
        )

    def _image(self, name: str, values: dict[str, str]) -> tuple[int, str]:
        match name:
            case "GetImagingSettings":
                now = self.imaging
                plain = "".join(f"<{key}>{value}</{key}>" for key, value in now.items() if key != "Mode")
                wdr = f"<WideDynamicRange><Mode>{now['Mode']}</Mode></WideDynamicRange>"
                return 200, f"<r><ImagingSettings>{plain}{wdr}</ImagingSettings></r>"
            case "GetOptions":
                ranges = "".join(f"<{one}><Min>0</Min><Max>100</Max></{one}>" for one in ("Brightness", "Contrast"))
                modes = "".join(f"<IrCutFilterModes>{one}</IrCutFilterModes>" for one in ("ON", "OFF", "AUTO"))
                wdr = "<WideDynamicRange><Mode>ON</Mode><Mode>OFF</Mode></WideDynamicRange>"
                return 200, f"<r><ImagingOptions>{ranges}{modes}{wdr}</ImagingOptions></r>"
            case "SetImagingSettings" if not self.refuses:
                self.imaging |= {key: value for key, value in values.items() if key in self.imaging}
                return 200, "<r/>"
        return 400, fault("ter:SettingsInvalid", self.refuses or f"{name} is not known")

    def _profile(self, one: Stream) -> str:
        limit = f"<BitrateLimit>{self.bit_rate}</BitrateLimit></RateControl>"
        return super()._profile(one).replace("</RateControl>", limit)

    def _profile2(self, one: Stream) -> str:
        limit = f"<BitrateLimit>{self.bit_rate}</BitrateLimit></RateControl>"
        return super()._profile2(one).replace("</RateControl>", limit)

    def _subscribe(self, consumer: str = "") -> str:
        with self.changed:
            self.made += 1
            key = str(self.made)
            waiting = list(self.states.values())
            self.subscriptions[key] = Subscription(time.monotonic() + 60, waiting, consumer)
            self.changed.notify_all()
        host = f"{self.event_host}:{self.event_port or self.port}"
        where = f"<a:Address>http://{host}{SUBSCRIPTION}/{key}</a:Address>"
        if self.named_by == "header":
            where = (
                f"<a:Address>http://{host}{EVENTS}</a:Address><a:ReferenceParameters>"
                f"<dom0:SubscriptionId {self.declares}>{key}</dom0:SubscriptionId></a:ReferenceParameters>"
            )
        reference = f"<SubscriptionReference>{where}</SubscriptionReference>"
        return f"<r {self.declares_outside}>{reference}{self._times()}</r>"

    def _times(self) -> str:
        now = datetime.now(UTC) + self.ahead
        end = f"<TerminationTime>{(now + timedelta(seconds=self.grants_s)).isoformat()}</TerminationTime>"
        return f"<CurrentTime>{now.isoformat()}</CurrentTime>{end if self.grants_s else ''}"

    def _subscription_at(self, path: str) -> Subscription | None:
        key = self.header_key if self.named_by == "header" else path.rpartition("/")[2]
        with self.changed:
            return self.subscriptions.get(key)

    def _pull(self, found: Subscription | None, values: dict[str, str]) -> tuple[int, str]:
        if self.closes is not None:
            self.closes()
            return 0, ""
        if self.raw:
            return 200, self.raw
        if found is None:
            return 400, fault("wsnt:ResourceUnknown", "no such subscription")
        wait_s = float(values["Timeout"].removeprefix("PT").removesuffix("S"))
        with self.changed:
            self.changed.wait_for(lambda: found.waiting or found not in self.subscriptions.values(), wait_s)
            if found not in self.subscriptions.values():
                return 400, fault("wsnt:ResourceUnknown", "no such subscription")
            messages, found.waiting = found.waiting, []
        now = (datetime.now(UTC) + self.ahead).isoformat().replace("+00:00", "Z")
        return 200, f'<r xmlns:wsnt="urn:n" xmlns:tt="urn:t"><CurrentTime>{now}</CurrentTime>{"".join(messages)}</r>'

    header_key: str = ""

    def answer(self, path: str, body: bytes, authorization: str) -> tuple[int, str]:
        if b"SubscriptionId" in body:
            text = body.decode()
            assert f'xmlns="{AXIS}"' in text
            self.header_key = text.partition("<SubscriptionId")[2].partition(">")[2].partition("<")[0]
        if self.serves_apart and path.startswith(SUBSCRIPTION):
            return 400, fault("ter:InvalidArgVal", "error")
        return super().answer(path, body, authorization)

    def answer_apart(self, path: str, body: bytes, authorization: str) -> tuple[int, str]:
        """Answer at the port of the subscriptions."""
        return super().answer(path, body, authorization)


@dataclass
class _EventPort(FakeCamera):
    camera: OnvifSimulator = field(default_factory=OnvifSimulator)

    def answer(self, path: str, body: bytes, authorization: str) -> tuple[int, str]:
        return self.camera.answer_apart(path, body, authorization)


def notify(consumer: str, *messages: str) -> int:
    """Send messages as a camera does; return the status of the answer."""
    body = (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="t" xmlns:wsnt="n"><s:Body>'
        f"<wsnt:Notify>{''.join(messages)}</wsnt:Notify></s:Body></s:Envelope>"
    )
    request = Request(consumer, body.encode(), {"Content-Type": "application/soap+xml"})
    try:
        with urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def _items(part: str, items: Mapping[str, str]) -> str:
    inside = "".join(f'<tt:SimpleItem Name="{name}" Value="{value}"/>' for name, value in items.items())
    return f"<tt:{part}>{inside}</tt:{part}>"


@contextmanager
def simulated(**how: Any) -> Iterator[OnvifSimulator]:
    camera = OnvifSimulator(**how)
    with served(camera):
        yield camera
        camera.restart()


@contextmanager
def simulated_apart(**how: Any) -> Iterator[OnvifSimulator]:
    """A camera that serves its subscriptions at another port, as those of TP-Link do."""
    with simulated(**how) as camera, served(_EventPort(camera=camera)) as apart:
        camera.event_port, camera.serves_apart = apart.port, True
        yield camera
