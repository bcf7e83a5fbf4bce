"""Changes from a phone whose line breaks: made once, in the order of the presses, or not at all."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, owner_of, with_settings
from tests.support.network_relay import NetworkRelay, address, tcp_line

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
FILE = """\
[cameras.hall]
source = "demo:front"
detection.detector = "off"
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    yield from with_settings(tmp_path_factory.mktemp("lines"), FILE)


@pytest.fixture(scope="module")
def line(house: Tawny) -> Iterator[NetworkRelay]:
    with tcp_line(address(house.base.partition("//")[2]), NetworkRelay()) as made:
        yield made


@pytest.fixture(scope="module")
def page(browser: Browser, house: Tawny, line: NetworkRelay) -> Iterator[Page]:
    context = owner_of(browser, replace(house, base=f"http://127.0.0.1:{line.port}"), 390)
    yield context.new_page()
    context.close()


def test_a_press_whose_answer_is_lost_creates_one_access_token(page: Page, line: NetworkRelay) -> None:
    """The browser sends the request a second time by itself."""
    page.goto(f"http://127.0.0.1:{line.port}/settings/integrations")
    passes = page.get_by_role("region", name="Displays and apps")
    passes.get_by_role("button", name="Create access token").click()
    passes.get_by_label("Name").fill("Kitchen")
    line.loses = b"POST /api/v1/access-tokens"
    passes.get_by_role("button", name="Create", exact=True).click()
    expect(passes.get_by_text("Kitchen", exact=True)).to_have_count(1, timeout=WAIT_MS)
    assert line.lost == 1
    made = page.request.get(f"http://127.0.0.1:{line.port}/api/v1/access-tokens").json()["items"]
    assert [one["name"] for one in made] == ["Kitchen"]


@pytest.mark.long
def test_of_two_presses_on_a_dead_line_the_last_one_wins(page: Page, line: NetworkRelay) -> None:
    page.goto(f"http://127.0.0.1:{line.port}/settings/modes")
    by_hand, title = page.locator(".modes-by-hand"), page.locator(".modes-now h2")
    by_hand.get_by_role("button", name="Night").click()
    expect(title).to_contain_text("Night", timeout=WAIT_MS)
    line.is_cut = True
    by_hand.get_by_role("button", name="Away").click()
    expect(by_hand.get_by_role("button", name="Away")).to_have_attribute("aria-busy", "true")
    page.wait_for_timeout(5_000)  # the second one must arrive within 15 s of its press
    by_hand.get_by_role("button", name="Home").click()
    expect(page.get_by_text("tawny didn’t answer in time.")).to_be_visible(timeout=20_000)
    line.is_cut = False
    expect(title).to_contain_text(re.compile("^Home"), timeout=WAIT_MS)

    def lately() -> list[str]:
        data = page.request.get(f"http://127.0.0.1:{line.port}/api/v1/modes").json()["lately"]
        return [one["mode"] for one in data]

    until(lambda: lately()[:2] == ["home", "night"], 10, "home follows night")
