"""Breaking glass, a smoke alarm and a dog at a network camera with sound, named by a model that the owner adds.

The model is small and made here; the sounds are made, too. What is real: the program, the camera on loopback, the
command, the page and the notification.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tawny.model.packets import AudioFormat, SourcePacket
from tawny.testing.clips import ClipSpec, SampleClip, made_clip
from tawny.testing.http_service import StandIn, served
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.detection.test_sound import LABELS, RATE, alarm, among_noise, bark, fitted_model, glass, mu_law
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.e2e.rules import axe_script, unfit

pytestmark = pytest.mark.browser
PART = RATE // 25
PATH = "/settings/cameras/porch/sound"


def film() -> SampleClip:
    """A minute of video with sound: quiet, then glass, an alarm and a dog, again and again."""
    rng = np.random.default_rng(9)
    rest = np.zeros(4 * RATE)
    parts = [part for _ in range(3) for part in (glass(rng), rest, alarm(rng), rest, bark(rng), rest)]
    sound = among_noise(*parts)
    video = made_clip(ClipSpec(seconds=len(sound) / RATE))
    form = AudioFormat("pcmu", RATE, 1)
    spoken = [
        SourcePacket(form, mu_law(sound[begin : begin + PART]), begin) for begin in range(0, len(sound) - PART, PART)
    ]
    packets = sorted([*video.packets, *spoken], key=lambda one: one.pts / one.format.rate)
    return SampleClip(video.video, form, tuple(packets), video.fps)


@pytest.fixture(scope="module")
def camera() -> Iterator[RtspCamera]:
    pytest.importorskip("onnxruntime")
    with RtspCamera(film()) as made:
        yield made


@pytest.fixture(scope="module")
def service() -> Iterator[StandIn]:
    with served(StandIn()) as made:
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, camera: RtspCamera, service: StandIn) -> Iterator[Tawny]:
    yield from with_settings(
        tmp_path_factory.mktemp("sounds"),
        f'[notifiers.hook]\nurl = "webhook+{service.base}/hook"\nmin_interval = "0 s"\n'
        '[[rules]]\nwhen.recognized = "glass"\ndo = "notify hook"\n'
        f'[cameras.porch]\nsource = "{camera.address}"   # with a microphone\n'
        '[cameras.porch.detection]\ndetector = "off"\n',
    )


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    yield context
    context.close()


def added(house: Tawny, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("tawny")), "models", "add", *words, "--data", str(house.folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def sounds(owner: BrowserContext, house: Tawny) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = owner.request.get(f"{house.base}/api/v1/events?limit=100").json()["items"]
    return [one for one in items if one["type"] == "sound"]


def test_a_model_is_added_chosen_on_the_page_and_names_what_is_heard(
    owner: BrowserContext, house: Tawny, service: StandIn, tmp_path: Path
) -> None:
    model, labels = tmp_path / "house-sounds.onnx", tmp_path / "labels.txt"
    model.write_bytes(fitted_model())
    labels.write_text("Shatter\nBark\n")
    refused = added(house, str(model), "--sound", "--labels", str(labels))
    assert refused.returncode != 0
    assert "has 3 classes, but there are 2 labels" in refused.stderr
    labels.write_text("\n".join(LABELS))
    made = added(house, str(model), "--sound", "--labels", str(labels), "--json")
    assert made.returncode == 0, made.stderr
    assert (json.loads(made.stdout)["name"], json.loads(made.stdout)["family"]) == ("house-sounds", "log-mel")

    page = owner.new_page()
    page.goto(house.base + PATH)
    page.get_by_role("switch", name="Detect loud sounds").click()
    page.get_by_label("Sound model").select_option("house-sounds")
    page.get_by_role("switch", name="Also detect loud sounds it doesn’t know").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. In effect now.")).to_be_visible()
    text = (house.folder.parent / "tawny.toml").read_text(encoding="utf-8")
    assert "# with a microphone" in text and 'model = "house-sounds"' in text

    def titles() -> set[str]:
        return {one["title"].partition(" · ")[0] for one in sounds(owner, house)}

    until(lambda: {"Breaking glass", "Alarm sound", "Barking dog"} <= titles(), 90, "each of the three sounds")
    for label in ("glass", "alarm", "bark"):
        expect(page.locator(f"[data-sound='{label}']")).to_be_visible()
    assert unfit(page, axe_script()) == []
    page.close()
    found = next(one for one in sounds(owner, house) if one["title"].startswith("Breaking glass"))
    assert found["objects"][0]["label"] == "glass"
    assert found["objects"][0]["score"] >= 0.5
    assert found["snapshot"]

    def messages() -> list[dict[str, Any]]:
        return [one.json for one in service.asked if one.json.get("type") == "message.event"]

    until(
        lambda: any(one["title"].startswith("Breaking glass at ") for one in messages()),
        30,
        "a message about the glass",
    )
    labels_of = {one["id"]: {seen["label"] for seen in one["objects"]} for one in sounds(owner, house)}
    assert all("glass" in labels_of[one["event"]] for one in messages()), "the rule is for glass alone"


def test_nothing_is_listened_to_while_the_camera_is_paused(owner: BrowserContext, house: Tawny) -> None:
    heard = f"{house.base}/api/v1/cameras/porch/sounds"
    assert owner.request.get(heard).json()["items"]
    headers = {"X-Tawny": "1", "Origin": house.base}
    answer = owner.request.put(f"{house.base}/api/v1/cameras/porch/hold", data={"what": "pause"}, headers=headers)
    assert answer.ok, answer.text()
    until(lambda: owner.request.get(heard).json()["items"] == [], 60, "it listens no more")
