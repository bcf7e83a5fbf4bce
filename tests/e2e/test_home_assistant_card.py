"""The card for Home Assistant's dashboards, on a page that calls it as a dashboard does."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tawny.testing.http_service import StandIn, served
from tests.e2e.conftest import Tawny

pytestmark = pytest.mark.browser
CARD = Path(__file__).parents[2] / "integrations" / "home-assistant" / "tawny-card.js"
ADD = """async (config) => {
  await import(URL.createObjectURL(new Blob([window.card], { type: 'text/javascript' })));
  const made = document.createElement('tawny-card');
  try { made.setConfig(config); } catch (error) { return error.message; }
  made.hass = { states: {} };
  document.body.append(made);
  return made.getCardSize();
}"""


@pytest.fixture(scope="module")
def token(demo: Tawny) -> str:
    command = [
        str(Path(sys.executable).with_name("tawny")),
        "tokens",
        "create",
        "Dashboard",
        "--json",
        "--data",
        str(demo.folder),
    ]
    made = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    return str(made["secret"])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A dashboard of another address than tawny's."""
    with served(StandIn(lambda asked: (200, b"<!doctype html><title>Dashboard</title><body>"))) as dashboard:
        context = browser.new_context()
        made = context.new_page()
        made.goto(dashboard.base)
        made.evaluate("(card) => { window.card = card }", CARD.read_text(encoding="utf-8"))
        yield made
        context.close()


def test_it_shows_moving_pictures_and_leads_to_the_camera(page: Page, demo: Tawny, token: str) -> None:
    assert page.evaluate(ADD, {"type": "custom:tawny-card", "url": demo.base, "token": token, "camera": "front"}) == 5
    picture = page.frame_locator("tawny-card iframe").locator("img")
    picture.wait_for()
    frame = page.frames[-1]
    frame.wait_for_function("() => document.querySelector('img').naturalWidth > 100")
    assert page.locator("tawny-card a").get_attribute("href") == f"{demo.base}/live/front"


def test_without_a_camera_it_follows_what_happens(page: Page, demo: Tawny, token: str) -> None:
    page.evaluate(ADD, {"type": "custom:tawny-card", "url": demo.base, "token": token})
    page.frame_locator("tawny-card iframe").locator("img").wait_for()
    page.frames[-1].wait_for_function("() => document.querySelector('img').naturalWidth > 100")


def test_nothing_is_fetched_while_it_is_not_seen(page: Page, demo: Tawny, token: str) -> None:
    page.evaluate("() => { document.body.style.paddingTop = '3000px' }")
    page.evaluate(ADD, {"type": "custom:tawny-card", "url": demo.base, "token": token})
    expect(page.locator("tawny-card .view")).to_have_count(1)
    expect(page.locator("tawny-card iframe")).to_have_count(0)
    page.locator("tawny-card").scroll_into_view_if_needed()
    expect(page.locator("tawny-card iframe")).to_have_count(1)
    page.evaluate("() => scrollTo(0, 0)")
    expect(page.locator("tawny-card iframe")).to_have_count(0)


def test_it_is_framed_while_its_entity_is_on(page: Page, demo: Tawny, token: str) -> None:
    page.evaluate(ADD, {"type": "custom:tawny-card", "url": demo.base, "token": token, "entity": "binary_sensor.door"})
    for state, count in (("on", 1), ("off", 0)):
        hass = {"states": {"binary_sensor.door": {"state": state}}}
        page.evaluate("(hass) => { document.querySelector('tawny-card').hass = hass }", hass)
        expect(page.locator("tawny-card ha-card.on")).to_have_count(count)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"token": "x"}, "url: the address"),
        ({"url": "javascript:alert(1)", "token": "x"}, "url: the address"),
        ({"url": "http://tawny:8000/live", "token": "x"}, "url: the address"),
        ({"url": "http://tawny:8000"}, "token: the secret"),
        ({"url": "http://tawny:8000", "token": "x", "camera": "../x"}, "camera: the ID"),
        ({"url": "http://tawny:8000", "token": "x", "colour": "red"}, "no setting “colour”"),
    ],
)
def test_a_wrong_setting_is_named(page: Page, config: dict[str, str], said: str) -> None:
    assert said in page.evaluate(ADD, {"type": "custom:tawny-card", **config})
