"""The recommended model is shown with its origin, and fetched when an owner says so; from a server on loopback."""

from dataclasses import replace
from pathlib import Path

import pytest

from tawny.api.auth.accounts import Role
from tawny.service.detection.classifier_runtime import ClassifierRuntime, ModelService
from tawny.service.detection.model_store import RECOMMENDED, ModelStore, RecommendedModel
from tawny.testing.clock import FakeClock
from tests.api.fakes import House, make_house
from tests.app.rig import settings
from tests.detection.models import models
from tests.service.detection.test_shelf import served, sha256


class Bench:
    def __init__(self, folder: Path, offer: RecommendedModel) -> None:
        self.clock = FakeClock()
        self.naming = ClassifierRuntime(ModelStore(folder / "data", self.clock), lambda: settings(""), self.clock)
        self.house: House = make_house(folder)
        self.house.site.models = ModelService(self.naming, offer)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return models.bright(tmp_path / "there" / "nano.onnx")


def offer_of(file: Path, address: str) -> RecommendedModel:
    return replace(RECOMMENDED, address=f"{address}/{file.name}", sha256=sha256(file), bytes=file.stat().st_size)


async def test_it_is_offered_fetched_used_and_removed(tmp_path: Path, file: Path) -> None:
    with served(file.parent) as address:
        bench = Bench(tmp_path, offer_of(file, address))
        browser = bench.house.signed_in()
        data = (await browser.get("/api/v1/models")).json()
        assert (data["items"], data["offer"]["licence"], data["offer"]["sha256"]) == ([], "Apache-2.0", sha256(file))
        data = (await browser.post("/api/v1/models/recommended")).json()
        assert (data["offer"], [one["name"] for one in data["items"]]) == (None, ["yolox-nano"])
        bench.naming.step()
        (one,) = (await browser.get("/api/v1/models")).json()["items"]
        assert (one["is_used"], one["labels"], one["family"]) == (True, 80, "YOLOX")
    data = (await browser.delete("/api/v1/models/yolox-nano")).json()
    assert data["items"] == []
    assert (await browser.delete("/api/v1/models/yolox-nano")).status_code == 409


async def test_the_card_of_what_suggests_kinds_is_shown(tmp_path: Path, file: Path) -> None:
    bench = Bench(tmp_path, offer_of(file, "http://127.0.0.1:9"))
    browser = bench.house.signed_in()
    assert (await browser.get("/api/v1/models")).json()["suggests"] == ""
    bench.naming.step()
    suggests = (await browser.get("/api/v1/models")).json()["suggests"]
    assert suggests.startswith("tawny-kinds 3 names what moves")
    assert "intel-iot-devkit/sample-videos (CC-BY-4.0)" in suggests


async def test_one_that_is_another_than_was_shown_is_not_taken(tmp_path: Path, file: Path) -> None:
    with served(file.parent) as address:
        bench = Bench(tmp_path, replace(offer_of(file, address), sha256="0" * 64))
        answer = await bench.house.signed_in().post("/api/v1/models/recommended")
        assert answer.status_code == 409
        assert "doesn't match: its SHA-256 is" in answer.json()["message"]
    answer = await bench.house.signed_in().post("/api/v1/models/recommended")
    assert "Can't download" in answer.json()["message"]


async def test_it_is_for_owners(tmp_path: Path, file: Path) -> None:
    bench = Bench(tmp_path, offer_of(file, "http://127.0.0.1:1"))
    assert (await bench.house.signed_in(Role.VIEWER).post("/api/v1/models/recommended")).status_code == 403
