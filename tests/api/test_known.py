"""Who is known, over HTTP: by owners alone, and forgotten at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.config.settings import Settings
from tawny.detection.recognition import RecogniserInput, RecogniserResult
from tawny.media.image.jpeg import jpeg
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.observations import RecognisedText
from tawny.service.detection.identity_store import IdentityStore
from tawny.service.detection.recognition_service import IdentityService
from tests.api.fakes import House
from tests.playback.archives import PORCH


@pytest.fixture
def book(house: House, tmp_path: Path) -> IdentityStore:
    made = IdentityStore(tmp_path, tmp_path)
    house.site.known = IdentityService(made, Settings, {})
    return made


async def test_a_plate_is_given_a_name_and_forgotten(house: House, book: IdentityStore) -> None:
    browser = house.signed_in()
    data = (await browser.post("/api/v1/known/plates", json={"name": "Anna's car", "plate": "b ab 123"})).json()
    (one,) = data["items"]
    assert (one["name"], one["text"], one["by"], data["trouble"]) == ("Anna's car", "B AB 123", "plates", "")
    assert (await browser.delete(f"/api/v1/known/{one['id']}")).json()["items"] == []
    assert (await browser.delete(f"/api/v1/known/{one['id']}")).status_code == 409
    await browser.post("/api/v1/known/plates", json={"name": "Ben", "plate": "XYZ 987"})
    assert (await browser.delete("/api/v1/known")).json()["items"] == []
    assert book.all() == []


async def test_what_was_read_is_told_with_the_name_as_long_as_it_is_known(house: House, book: IdentityStore) -> None:
    anna = book.add("Anna's car", "plates", "BAB123")
    house.recorder.known = {anna.id: anna.name}
    now_ms = house.clock.now_ms()
    reads = (RecognisedText("plates", "BAB123", 0.8, anna.id),)
    house.recorder.index.put_event(Event(EventId("e"), PORCH, "vehicle", now_ms - 9000, now_ms, 80.0, reads=reads))
    browser = house.signed_in()
    for question in ("anna's car", "plate bab 123", "known plates", "bab1"):
        (item,) = (await browser.get("/api/v1/find", params={"q": question})).json()["items"]
        assert item["title"] == "Anna's car · Front door"
        assert item["recognized"] == [{"by": "plates", "text": "BAB123", "score": 0.8, "known": "Anna's car"}]
    for question in ("unknown plates", "plate XX 987"):
        assert (await browser.get("/api/v1/find", params={"q": question})).json()["items"] == []
    house.recorder.known = {}
    book.forget("Anna's car")
    (item,) = (await browser.get("/api/v1/find", params={"q": "unknown plates"})).json()["items"]
    assert (item["title"], item["recognized"][0]["known"]) == ("Vehicle BAB123 · Front door", "")


async def test_an_event_shows_the_name_that_its_plate_got_later(house: House, book: IdentityStore) -> None:
    now_ms = house.clock.now_ms()
    reads = (RecognisedText("plates", "BAB123", 0.8),)
    house.recorder.index.put_event(Event(EventId("e"), PORCH, "vehicle", now_ms - 9000, now_ms, 80.0, reads=reads))
    house.recorder.known = {"BAB123": "Anna's car"}
    item = (await house.signed_in().get("/api/v1/events/e")).json()
    assert (item["title"], item["recognized"][0]["known"]) == ("Anna's car · Front door", "Anna's car")


class OneFace:
    """Recognizes the same face in every image."""

    trouble, is_ready = "", True

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Has no options."""

    def read(self, shown: RecogniserInput) -> list[RecogniserResult]:
        return [RecogniserResult(score=0.9, print=(1.0, 0.0))]

    def close(self) -> None:
        """Holds nothing."""


async def test_the_event_whose_face_got_a_name_shows_it(house: House, book: IdentityStore) -> None:
    settings = Settings.model_validate({"recognizers": {"faces": {}}})
    house.site.known = IdentityService(book, lambda: settings, {"faces": OneFace})
    now_ms = house.clock.now_ms()
    reads = (RecognisedText("faces", "", 0.8),)
    event = Event(EventId("e"), PORCH, "person", now_ms - 9000, now_ms, 80.0, picture_ms=now_ms, reads=reads)
    house.recorder.index.put_event(event)
    house.recorder.event_pictures[event.id] = jpeg(np.zeros((64, 64, 3), np.uint8))
    data = {"name": "Anna", "by": "faces", "event": "e"}
    assert (await house.signed_in().post("/api/v1/known/faces", json=data)).status_code == 200
    named = house.recorder.index.event(event.id)
    assert named is not None
    assert [(one.by, one.who) for one in named.reads] == [("faces", book.all()[0].id)]


async def test_a_face_needs_a_recogniser_and_a_picture(house: House, book: IdentityStore) -> None:
    browser, now_ms = house.signed_in(), house.clock.now_ms()
    data = {"name": "Anna", "by": "faces", "event": "e"}
    assert (await browser.post("/api/v1/known/faces", json=data)).status_code == 404
    event = Event(EventId("e"), PORCH, "person", now_ms - 9000, now_ms, 80.0, picture_ms=now_ms)
    house.recorder.index.put_event(event)
    house.recorder.event_pictures[event.id] = b"no picture"
    assert (await browser.post("/api/v1/known/faces", json=data)).status_code == 409
