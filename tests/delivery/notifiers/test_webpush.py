"""Web push: sealed for the browser alone, signed by us, and browsers that are gone are forgotten."""

import json
import logging
import re
import socket
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tawny.delivery.courier import Courier, DeliveryRoute
from tawny.delivery.delivery import DeliveryKind, DeliveryState
from tawny.delivery.message_carrier import MessageCarrier
from tawny.delivery.notifier import NotifierContext, NotifierStore, Urgency
from tawny.delivery.notifiers import webpush
from tawny.delivery.notifiers.webpush import Browser, WebPush
from tawny.delivery.outbox import Outbox
from tawny.model.errors import DeliveryError, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import MemoryContent
from tawny.testing.contracts.notifier import SENT
from tawny.testing.http_service import ReceivedRequest, StandIn, served
from tests.delivery.carried import delivery

URL = "webpush:me@example.org"


@dataclass
class Marks:
    kept: dict[str, str] = field(default_factory=dict)

    def marks(self) -> dict[str, str]:
        return dict(self.kept)

    def mark(self, name: str, value: str) -> None:
        self.kept.pop(name, None)
        if value:
            self.kept[name] = value


def subscribe(marks: NotifierStore, browser: Browser) -> None:
    WebPush().subscribe(marks, browser.person, browser.endpoint, (browser.p256dh, browser.auth))


class Phone:
    """A browser's side: its keys, and how it opens what comes (RFC 8188, 8291)."""

    def __init__(self) -> None:
        self.key, self.auth = ec.generate_private_key(ec.SECP256R1()), bytes(range(16))
        form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        self.point = self.key.public_key().public_bytes(*form)

    def asks(self, endpoint: str, person: str = "Anna") -> Browser:
        return Browser(person, endpoint, webpush.base64url_text(self.point), webpush.base64url_text(self.auth))

    def opens(self, body: bytes) -> bytes:
        salt, length = body[:16], body[20]
        theirs = body[21 : 21 + length]
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        shared = self.key.exchange(ec.ECDH(), point)
        info = b"WebPush: info\0" + self.point + theirs
        first = HKDF(hashes.SHA256(), 32, self.auth, info).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(first)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(first)
        return AESGCM(key).decrypt(nonce, body[21 + length :], None).rstrip(b"\0").removesuffix(b"\x02")


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """The push services of these tests are on this computer."""
    monkeypatch.setenv(webpush.OWN_HOSTS, "127.0.0.1")


@pytest.fixture
def service() -> Iterator[StandIn]:
    with served(StandIn(lambda asked: (201, b""))) as made:
        yield made


def context_of(marks: Marks, seen: tuple[str, ...] = ("Anna",)) -> NotifierContext:
    options = WebPush().settings(URL, {})
    return NotifierContext("browsers", URL, options, FakeClock(), marks, lambda person, camera: person in seen)


def test_only_the_browser_can_read_it(service: StandIn) -> None:
    marks, phone = Marks(), Phone()
    subscribe(marks, phone.asks(f"{service.base}/push/abc"))
    WebPush().open(context_of(marks)).send(SENT, None)
    asked = service.last
    data = json.loads(phone.opens(asked.body))
    assert (data["title"], data["body"], data["url"]) == (SENT.title, SENT.text, f"/events/{SENT.event}")
    assert SENT.title.encode() not in asked.body
    assert (asked.path, asked.headers["content-encoding"], asked.headers["ttl"]) == ("/push/abc", "aes128gcm", "86400")
    assert len(asked.headers["topic"]) <= 32


@pytest.mark.parametrize(
    ("labels", "sent"),
    [((), None), (webpush.LABELS, None), (("Jetzt", *webpush.LABELS[1:]), ["Jetzt", *webpush.LABELS[1:]])],
)
def test_it_carries_the_labels_of_another_language(
    labels: tuple[str, ...], sent: list[str] | None, service: StandIn
) -> None:
    marks, phone = Marks(), Phone()
    subscribe(marks, phone.asks(f"{service.base}/push/abc"))
    WebPush().open(context_of(marks)).send(replace(SENT, labels=labels), None)
    assert json.loads(phone.opens(service.last.body)).get("labels") == sent


def test_the_service_worker_has_the_same_labels_in_this_order() -> None:
    worker = (Path(__file__).parents[3] / "ui/public/push.js").read_text()
    listed = worker.partition("const LABELS = [")[2].partition("];")[0]
    assert tuple(re.findall('"([^"]+)"', listed)) == webpush.LABELS


@pytest.mark.parametrize("letter", ["a", "ü", "😀", '"', "\x01", "\ud800"])
def test_a_long_text_is_shortened_by_characters(letter: str, service: StandIn) -> None:
    marks, phone = Marks(), Phone()
    subscribe(marks, phone.asks(f"{service.base}/push/abc"))
    for text, title in ((letter * 5000, SENT.title), (letter * 9000, letter * 9000)):
        WebPush().open(context_of(marks)).send(replace(SENT, text=text, title=title), None)
        plain = phone.opens(service.last.body)
        data = json.loads(plain)
        assert webpush.MOST_BYTES - 12 <= len(plain) <= webpush.MOST_BYTES
        assert (data["url"], data["tag"]) == (f"/events/{SENT.event}", SENT.event)
        assert set(data["body"]) | set(data["title"]) <= {*letter, *SENT.title, "…", "?"}


def test_it_is_signed_for_that_service(service: StandIn) -> None:
    marks, phone = Marks(), Phone()
    subscribe(marks, phone.asks(f"{service.base}/push/abc"))
    WebPush().open(context_of(marks)).send(SENT, None)
    scheme, _, rest = service.last.headers["authorization"].partition(" ")
    token, key = (part.strip().partition("=")[2] for part in rest.split(","))
    answer, _, signature = token.rpartition(".")
    raw = webpush.base64url_bytes(signature)
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), webpush.base64url_bytes(key))
    coded = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    point.verify(coded, answer.encode(), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        point.verify(coded, b"another", ec.ECDSA(hashes.SHA256()))
    claims = json.loads(urlsafe_b64decode(answer.split(".")[1] + "=="))
    assert (scheme, claims["aud"], claims["sub"]) == ("vapid", service.base, "mailto:me@example.org")
    assert key == WebPush().public_key(marks)


def test_who_may_not_see_the_camera_is_not_told(service: StandIn) -> None:
    marks = Marks()
    subscribe(marks, Phone().asks(f"{service.base}/anna", "Anna"))
    subscribe(marks, Phone().asks(f"{service.base}/ben", "Ben"))
    WebPush().open(context_of(marks)).send(SENT, None)
    assert [asked.path for asked in service.asked] == ["/anna"]


def test_who_may_not_see_a_camera_of_the_visit_gets_no_name_of_it(service: StandIn) -> None:
    marks, phones = Marks(), {name: Phone() for name in ("anna", "ben")}
    for name, phone in phones.items():
        subscribe(marks, phone.asks(f"{service.base}/{name}", name))
    context = NotifierContext(
        "browsers", URL, {}, FakeClock(), marks, lambda who, camera: who == "anna" or camera == "porch"
    )
    alone = replace(SENT, camera="porch", about="e0", urgency=Urgency.NORMAL)
    visit = replace(
        alone, text="Gate → Porch", cameras=("gate", "porch"), alone=alone, urgency=Urgency.QUIET, event="e2"
    )
    WebPush().open(context).send(visit, None)
    data = {one.path[1:]: json.loads(phones[one.path[1:]].opens(one.body)) for one in service.asked}
    assert {name: (one["body"], one["silent"], one["tag"]) for name, one in data.items()} == {
        "anna": ("Gate → Porch", True, "e0"),
        "ben": (SENT.text, False, "e0"),
    }


def test_who_may_not_see_all_cameras_with_a_problem_is_told_of_their_own(service: StandIn) -> None:
    marks, phones = Marks(), {name: Phone() for name in ("anna", "ben", "cleo")}
    for name, phone in phones.items():
        subscribe(marks, phone.asks(f"{service.base}/{name}", name))
    sees = {"anna": {"", "gate", "porch", "yard"}, "ben": {"gate", "porch"}, "cleo": {"shed"}}
    context = NotifierContext("browsers", URL, {}, FakeClock(), marks, lambda who, camera: camera in sees[who])
    several = replace(
        SENT, kind="alarm", camera="", text="All.", cameras=("gate", "porch", "yard"),
        narrowed=lambda cameras: replace(SENT, text=" ".join(cameras)),
    )  # fmt: skip
    WebPush().open(context).send(several, None)
    data = {one.path[1:]: json.loads(phones[one.path[1:]].opens(one.body))["body"] for one in service.asked}
    assert data == {"anna": "All.", "ben": "gate porch"}


def test_who_has_snoozed_the_camera_is_told_of_problems_alone(service: StandIn) -> None:
    marks, clock = Marks(), FakeClock()
    for name in ("anna", "ben"):
        subscribe(marks, Phone().asks(f"{service.base}/{name}", name))
    now_ms = clock.now_ms()
    context = NotifierContext(
        "browsers", URL, {}, clock, marks,
        has_snoozed=lambda who, camera, at_ms: (who, camera, at_ms) == ("ben", "porch", now_ms),
    )  # fmt: skip
    for kind in ("event", "digest", "alarm"):
        WebPush().open(context).send(replace(SENT, kind=kind, camera="porch", at_ms=now_ms - 5000), None)
    assert [asked.path for asked in service.asked] == ["/anna", "/anna", "/anna", "/ben"]


@pytest.mark.parametrize(
    ("kind", "event", "url", "camera"),
    [
        ("event", "e1", "/events/e1", "porch"),
        ("digest", "", "/events", "porch"),
        ("alarm", "", "/health", ""),
        ("recap", "", "/timeline", ""),
        ("test", "", "/", ""),
    ],
)
def test_a_click_opens_what_it_is_about(service: StandIn, kind: str, event: str, url: str, camera: str) -> None:
    marks, phone = Marks(), Phone()
    subscribe(marks, phone.asks(f"{service.base}/x"))
    context = NotifierContext("browsers", URL, {}, FakeClock(), marks, new_events=lambda who: 3 if who == "Anna" else 0)
    WebPush().open(context).send(replace(SENT, kind=kind, camera="porch", event=event), None)
    data = json.loads(phone.opens(service.last.body))
    assert (data["url"], data["camera"], data["badge"]) == (url, camera, 3)


@pytest.mark.parametrize(
    ("opens", "has_buttons", "talks", "stays"),
    [
        ("/live/front-door?talk=1", True, True, True),
        ("/live/front-door?talk=1", False, False, True),
        ("/live/front-door", True, False, False),
    ],
)
def test_a_ring_opens_the_camera_ready_to_answer(
    service: StandIn, opens: str, has_buttons: bool, talks: bool, stays: bool
) -> None:
    marks, phone = Marks(), Phone()
    subscribe(marks, phone.asks(f"{service.base}/push/abc"))
    rung = replace(SENT, opens=opens, urgency=Urgency.HIGH, has_buttons=has_buttons)
    WebPush().open(context_of(marks)).send(rung, None)
    data = json.loads(phone.opens(service.last.body))
    assert (data["url"], data["talk"], data["silent"], data["tag"]) == (opens, talks, False, SENT.event)
    assert data["stays"] == stays


def test_a_browser_that_is_gone_is_forgotten(service: StandIn) -> None:
    marks = Marks()
    subscribe(marks, Phone().asks(f"{service.base}/gone"))
    subscribe(marks, Phone().asks(f"{service.base}/here"))
    service.fails = [(410, b"")]
    WebPush().open(context_of(marks)).send(SENT, None)
    assert [one.endpoint for one in webpush.browsers(marks)] == [f"{service.base}/here"]


def test_a_message_that_no_browser_is_left_for_is_not_sent(service: StandIn) -> None:
    marks, clock = Marks(), FakeClock()
    subscribe(marks, Phone().asks(f"{service.base}/gone"))
    service.reply = lambda asked: (410, b"")
    outbox = Outbox(":memory:", clock)

    def carrier() -> MessageCarrier:
        sender = WebPush().open(context_of(marks))
        return MessageCarrier(sender, WebPush().traits(URL), lambda one: replace(SENT, id=one.name))

    courier = Courier(1, DeliveryRoute("offsite", carrier, lambda _: MemoryContent()), outbox, clock, lambda _: None)
    outbox.add([delivery(name, DeliveryKind.MESSAGE) for name in ("first", "second")])
    for _ in range(2):
        courier.step()
    ended = [(one.state, one.why) for one in outbox.ended("offsite")]
    assert ended == [(DeliveryState.DROPPED, "No browser has turned on notifications.")] * 2
    assert len(service.asked) == 1
    outbox.close()


def test_a_message_without_any_browser_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Each event was one in the log, while the channel's page says it all the time."""
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    outbox = Outbox(":memory:", clock)

    def carrier() -> MessageCarrier:
        return MessageCarrier(WebPush().open(context_of(Marks())), WebPush().traits(URL), lambda _: SENT)

    courier = Courier(1, DeliveryRoute("offsite", carrier, lambda _: MemoryContent()), outbox, clock, lambda _: None)
    outbox.add([delivery("first", DeliveryKind.MESSAGE)])
    courier.step()
    outbox.close()
    assert [one.levelname for one in caplog.records if "No browser" in one.getMessage()] == ["INFO"]


def test_a_service_that_fails_is_tried_again_and_the_others_are_told(service: StandIn) -> None:
    marks = Marks()
    for name in ("one", "two"):
        subscribe(marks, Phone().asks(f"{service.base}/{name}"))
    service.fails = [(500, b"")]
    with pytest.raises(DeliveryError) as failed:
        WebPush().open(context_of(marks)).send(SENT, None)
    assert len(service.asked) == 1
    assert "/one" not in str(failed.value)


@pytest.mark.parametrize("status", [403, 503])
def test_one_browser_that_always_fails_neither_repeats_nor_delays_messages_of_the_others(
    service: StandIn, status: int
) -> None:
    marks, kind, clock = Marks(), WebPush(), FakeClock()
    context = replace(context_of(marks), clock=clock)
    for name in ("bad", "good"):
        subscribe(marks, Phone().asks(f"{service.base}/{name}"))
    service.reply = lambda asked: (status if asked.path == "/bad" else 201, b"")
    outbox = Outbox(":memory:", clock)

    def carrier() -> MessageCarrier:
        return MessageCarrier(kind.open(context), kind.traits(URL), lambda one: replace(SENT, id=one.name))

    route = DeliveryRoute("offsite", carrier, lambda _: MemoryContent())
    courier = Courier(1, route, outbox, clock, lambda _: None)
    outbox.add([delivery(name, DeliveryKind.MESSAGE) for name in ("first", "second")])
    for _ in range(2):
        courier.step()
    assert [asked.path for asked in service.asked].count("/good") == 2
    begin_s = clock.mono_s()
    while clock.mono_s() < begin_s + 6 * 3600:
        clock.advance(max(courier.step(), 1.0))
    assert [asked.path for asked in service.asked].count("/good") == 2
    assert [one.state for one in outbox.ended("offsite")] == [DeliveryState.DONE] * 2
    outbox.close()


def test_a_repeat_is_for_the_browsers_that_did_not_get_it(service: StandIn) -> None:
    marks, kind = Marks(), WebPush()
    for name in ("one", "two"):
        subscribe(marks, Phone().asks(f"{service.base}/{name}"))
    service.fails = [(500, b"")]
    with pytest.raises(DeliveryError):
        kind.open(context_of(marks)).send(SENT, None)
    kind.open(context_of(marks)).send(SENT, None)
    assert [asked.path for asked in service.asked] == ["/two", "/one"]


@pytest.mark.parametrize(
    ("url", "sub"),
    [
        ("webpush:", webpush.NO_CONTACT),
        ("webpush:me@example.org", "mailto:me@example.org"),
        ("webpush:https://cam.example.org", "https://cam.example.org"),
    ],
)
def test_the_contact_is_an_address_that_push_services_accept(service: StandIn, url: str, sub: str) -> None:
    marks = Marks()
    subscribe(marks, Phone().asks(f"{service.base}/push/abc"))
    context = replace(context_of(marks), url=url, options=WebPush().settings(url, {}))
    WebPush().open(context).send(SENT, None)
    result = service.last.headers["authorization"].split(" t=")[1].split(".")[1]
    assert json.loads(urlsafe_b64decode(result + "=="))["sub"] == sub


@pytest.mark.parametrize("url", ["webpush:me", "webpush:@example.org", "webpush:https://", "webpush:me @example.org"])
def test_a_contact_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="webpush"):
        WebPush().settings(url, {})


def test_keys_that_are_none_are_refused() -> None:
    marks = Marks()
    for p256dh, auth in (("x", "y"), ("", ""), (webpush.base64url_text(b"\x04" * 65), "y")):
        with pytest.raises(ValueError):
            subscribe(marks, Browser("Anna", "https://h/x", p256dh, auth))
    assert marks.kept == {}


UNUSABLE = ["https://push.example.org:99999/x", "https://push.example.org:0/x", "https://push..org/x", "https:///x"]


@pytest.mark.parametrize("endpoint", UNUSABLE)
def test_an_address_that_is_none_is_refused(endpoint: str) -> None:
    marks = Marks()
    with pytest.raises(ValueError, match=r"address|label"):
        subscribe(marks, Phone().asks(endpoint))
    assert marks.kept == {}


@pytest.mark.parametrize("endpoint", UNUSABLE)
def test_a_stored_address_that_is_none_is_forgotten_and_the_others_are_told(service: StandIn, endpoint: str) -> None:
    """Earlier versions stored any."""
    marks, bad = Marks(), Phone().asks(endpoint)
    marks.mark(f"browser/{bad.id}", json.dumps(asdict(bad)))
    subscribe(marks, Phone().asks(f"{service.base}/good"))
    WebPush().open(context_of(marks)).send(SENT, None)
    assert ([one.path for one in service.asked], len(webpush.browsers(marks))) == (["/good"], 1)


def test_it_is_switched_off_again() -> None:
    marks = Marks()
    subscribe(marks, Phone().asks("https://h/x"))
    WebPush().unsubscribe(marks, "https://h/x")
    assert webpush.browsers(marks) == []


AT_HOME = ["192.168.1.1", "10.0.0.9:8443", "127.0.0.2", "169.254.1.1", "[::1]", "[fd00::1]", "[::ffff:192.168.1.1]"]


@pytest.mark.parametrize("host", [*AT_HOME, "localhost"])
def test_an_address_in_the_home_network_is_refused(host: str) -> None:
    marks = Marks()
    with pytest.raises(ValueError, match="address"):
        subscribe(marks, Phone().asks(f"https://{host}/x"))
    assert marks.kept == {}


def test_an_address_on_the_internet_is_accepted() -> None:
    marks = Marks()
    for host in ("updates.push.services.mozilla.com", "9.9.9.9", "[2620:fe::fe]:8443"):
        subscribe(marks, Phone().asks(f"https://{host}/x"))
    assert len(webpush.browsers(marks)) == 3


@pytest.mark.parametrize("addresses", [["192.168.1.1"], ["9.9.9.9", "127.0.0.1"], ["fe80::1%eth0"]])
def test_a_name_that_stands_for_an_address_at_home_is_not_connected_to(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    marks, connected = Marks(), list[object]()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: found)
    monkeypatch.setattr(socket, "create_connection", lambda address, *given: connected.append(address))
    subscribe(marks, Phone().asks("https://push.example.org/x"))
    with pytest.raises(TargetUnreachable, match="home network"):
        WebPush().open(context_of(marks)).send(SENT, None)
    assert connected == []


def test_it_connects_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    marks, connected = Marks(), list[object]()

    def connect(address: object, timeout_s: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError(111, "refused")

    names = [*(f"2620:fe::{end}" for end in range(4)), *(f"9.9.9.{end}" for end in range(9))]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, 443)) for name in names]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: found)
    monkeypatch.setattr(socket, "create_connection", connect)
    subscribe(marks, Phone().asks("https://push.example.org/x"))
    with pytest.raises(TargetUnreachable, match="refused"):
        WebPush().open(context_of(marks)).send(SENT, None)
    assert connected == [(name, 443) for name in ("2620:fe::0", "2620:fe::1", "9.9.9.0", "9.9.9.1")]


def test_a_person_has_at_most_ten_browsers_and_the_oldest_goes() -> None:
    marks, phone = Marks(), Phone()
    subscribe(marks, phone.asks("https://push.example.org/ben", "Ben"))
    for number in (*range(10), 0, 10, 11):
        subscribe(marks, phone.asks(f"https://push.example.org/{number}"))
    left = sorted(one.endpoint.rpartition("/")[2] for one in webpush.browsers(marks))
    assert left == sorted(["ben", "0", *map(str, range(3, 12))])


def test_browsers_that_failed_come_last_and_hold_up_the_others_for_a_bounded_time(service: StandIn) -> None:
    marks, kind, clock = Marks(), WebPush(), FakeClock()
    context = replace(context_of(marks), clock=clock)
    for name in (*(f"slow/{number}" for number in range(8)), "good"):
        subscribe(marks, Phone().asks(f"{service.base}/{name}"))

    def reply(asked: ReceivedRequest) -> tuple[int, bytes]:
        if asked.path == "/good":
            return 201, b""
        clock.advance(15)
        return 503, b""

    service.reply = reply
    with pytest.raises(DeliveryError):
        kind.open(context).send(SENT, None)
    assert [asked.path for asked in service.asked] == ["/slow/0", "/slow/1"]
    for number in range(9):  # with each message, two that are slow are known
        with suppress(DeliveryError):
            kind.open(context).send(replace(SENT, id=f"{number}"), None)
    service.asked.clear()
    with pytest.raises(DeliveryError):
        kind.open(context).send(replace(SENT, id="last"), None)
    assert [asked.path for asked in service.asked] == ["/good", "/slow/0", "/slow/1"]


def test_a_browser_whose_session_was_signed_out_is_forgotten(service: StandIn) -> None:
    marks = Marks()
    for name, session in (("here", "s1"), ("gone", "s2"), ("of-an-earlier-version", "")):
        one = Phone().asks(f"{service.base}/{name}")
        WebPush().subscribe(marks, one.person, one.endpoint, (one.p256dh, one.auth), session)
    context = replace(context_of(marks), is_signed_in=lambda person, session: (person, session) == ("Anna", "s1"))
    WebPush().open(context).send(SENT, None)
    assert [asked.path for asked in service.asked] == ["/here", "/of-an-earlier-version"]
    assert len(webpush.browsers(marks)) == 2


def test_a_browser_that_an_earlier_version_stored_goes_on(service: StandIn) -> None:
    marks, one = Marks(), Phone().asks(f"{service.base}/x")
    stored = {"person": one.person, "endpoint": one.endpoint, "p256dh": one.p256dh, "auth": one.auth}
    marks.mark(f"browser/{one.id}", json.dumps(stored))
    WebPush().open(replace(context_of(marks), is_signed_in=lambda *_: False)).send(SENT, None)
    assert [asked.path for asked in service.asked] == ["/x"]
