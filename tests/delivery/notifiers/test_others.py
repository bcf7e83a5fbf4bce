"""Home Assistant's messages as its documentation has them, and Apprise with a service that takes JSON."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from tawny.delivery.notifier import Urgency
from tawny.delivery.notifiers import apprise as notifier_apprise
from tawny.delivery.notifiers.apprise import Apprise
from tawny.delivery.notifiers.homeassistant import HomeAssistant
from tawny.model.errors import TargetUnreachable
from tawny.testing.contracts.notifier import JPEG, LATER, SECRET, SENT, NotifierCase, NotifierContract
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""Apprise loads all of its services at once, and some of them look for what Python no longer wants."""


def words(service: StandIn) -> str:
    return json.dumps(service.last.json, ensure_ascii=False)


class TestHomeAssistant(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn(lambda asked: (200, b"[]"))) as service:
            url = f"homeassistant+http://:{SECRET}@127.0.0.1:{service.port}/mobile_app_phone"
            yield NotifierCase(HomeAssistant(), service, url, received_text=words)

    def test_it_is_sent_and_changed_as_documented(self, subject: NotifierCase) -> None:
        sender = subject.open()
        receipt = sender.send(SENT, None)
        first = subject.service.last
        assert (first.method, first.route) == ("POST", "/api/services/notify/mobile_app_phone")
        assert first.headers["authorization"] == f"Bearer {SECRET}"
        data = first.json["data"]
        assert (first.json["title"], data["tag"], data["group"]) == (SENT.title, SENT.event, "front-door")
        assert (data["url"], data["clickAction"]) == (SENT.link, SENT.link)
        assert data["actions"][0] == {"action": "URI", "title": "Mute for 1 h", "uri": SENT.buttons[0].url}
        sender.edit(receipt, replace(LATER, clip_link="https://cloud.example.org/clip.mp4"), None)
        changed = subject.service.last.json["data"]
        assert (changed["tag"], changed["video"]) == (data["tag"], "https://cloud.example.org/clip.mp4")
        assert changed["push"] == {"interruption-level": "passive"}

    def test_trouble_comes_at_once(self, subject: NotifierCase) -> None:
        subject.open().send(replace(SENT, urgency=Urgency.HIGH), None)
        data = subject.service.last.json["data"]
        assert (data["ttl"], data["priority"]) == (0, "high")

    def test_a_server_without_tls_is_named_as_such(self, subject: NotifierCase) -> None:
        subject.url = subject.url.replace("homeassistant+http:", "homeassistant:")
        with pytest.raises(TargetUnreachable, match="it doesn't speak TLS"):
            subject.open().send(SENT, None)

    @pytest.mark.parametrize("path", ["", "a%2Fb", "a%20c"])
    def test_a_service_has_a_name(self, path: str) -> None:
        with pytest.raises(ValueError, match="mobile_app_phone"):
            HomeAssistant().settings(f"homeassistant://:{SECRET}@host/{path}", {})


class TestApprise(NotifierContract):
    @pytest.fixture
    def subject(self) -> Iterator[NotifierCase]:
        with served(StandIn(lambda asked: (200, {}))) as service:
            url = f"apprise:json://me:{SECRET}@127.0.0.1:{service.port}/door"
            yield NotifierCase(Apprise(), service, url, received_text=words)

    def test_a_picture_arrives_as_it_is(self, subject: NotifierCase) -> None:
        subject.open().send(SENT, JPEG)
        (file,) = subject.service.last.json["attachments"]
        assert base64.b64decode(file["base64"]) == JPEG.data

    def test_what_moves_arrives_or_is_not_offered(self, subject: NotifierCase) -> None:
        assert (subject.kind.traits(subject.url).gif, subject.kind.traits(subject.url).video) == (True, False)

    def test_a_picture_that_nothing_responds_to_in_time_may_be_too_large(
        self, subject: NotifierCase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(notifier_apprise, "UPLOAD_S", 0.2)
        subject.url += "?cto=0.2&rto=0.2"
        ended = threading.Event()

        def answer_late(_: ReceivedRequest) -> Reply:
            ended.wait(10)
            return 200, {}

        subject.service.reply = answer_late
        with pytest.raises(TargetUnreachable, match=f"no response to {len(JPEG.data)} bytes"):
            subject.open().send(SENT, JPEG)
        ended.set()

    @pytest.mark.parametrize(("options", "limits_s"), [("", (4.0, 60.0)), ("?cto=2&rto=180", (2.0, 180.0))])
    def test_a_picture_only_has_more_time_for_the_response_than_the_address_says(
        self, subject: NotifierCase, monkeypatch: pytest.MonkeyPatch, options: str, limits_s: tuple[float, float]
    ) -> None:
        """A service that was off took a minute each time, and options of its address didn't count."""
        found, request = list[tuple[float, float]](), requests.Session.request

        def noted(*args: Any, **about: Any) -> Any:
            found.append(about["timeout"])
            return request(*args, **about)

        monkeypatch.setattr(requests.Session, "request", noted)
        subject.url += options
        subject.open().send(SENT, JPEG)
        assert found == [limits_s]

    def test_a_service_that_shows_html_gets_the_text_as_html(self, subject: NotifierCase) -> None:
        """It took the text for HTML: lines ran together, and names in angle brackets were gone."""
        subject.url = subject.url + "?format=html"
        subject.open().send(replace(SENT, text="Yard <rear> & gate"), None)
        body = subject.service.last.json["message"]
        assert "&lt;rear&gt;" in body
        assert body.count("<br/>") == 1, "text and link are two lines"

    @pytest.mark.parametrize("refusal", [(500, {}), None])
    def test_nothing_it_says_is_logged(
        self, subject: NotifierCase, caplog: pytest.LogCaptureFixture, refusal: Reply | None
    ) -> None:
        caplog.set_level("DEBUG")
        subject.service.fails = [refusal] * 4
        with pytest.raises(Exception, match="Apprise"):
            subject.open().send(SENT, None)
        assert SECRET not in caplog.text

    @pytest.mark.parametrize("url", ["apprise:", "apprise:nothing", "apprise:file:///etc/passwd", "apprise:x://y"])
    def test_addresses_that_cannot_be_are_refused(self, url: str) -> None:
        with pytest.raises(ValueError, match="address"):
            Apprise().settings(url, {})
