"""A rule is snoozed, and one person: shown with who and until when, resumed there, and said where one asks why not."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tawny.testing.http_service import StandIn, served
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, OWNER, Tawny, owner_of, telegram, with_settings
from tests.e2e.rules import axe_script, violations

pytestmark = pytest.mark.browser
SETTINGS = """
[scripts]
folder = "{root}/scripts"
[notifiers.chat]
url = "telegram://123:token@42"
api = "{base}"
clip = "none"
min_interval = "0 s"
[notifiers.hook]
url = "webhook+{base}/hook"
min_interval = "0 s"
[cameras.yard]
name = "Yard"
source = "demo:garden"
demo = {{ quiet = true }}
[cameras.yard.detection]
detector = "off"
[[rules]]
name = "Night watch"
when = {{ kind = ["vehicle"] }}
do = ["notify chat", "notify hook", "run siren.sh"]
[[rules]]
when = {{ kind = ["person"] }}
do = ["notify chat"]
"""
DEEDS = ("notify chat", "notify hook", "run siren.sh")


@pytest.fixture(scope="module")
def chat() -> Iterator[StandIn]:
    with served(StandIn(telegram)) as made:
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, chat: StandIn) -> Iterator[Tawny]:
    root = tmp_path_factory.mktemp("snoozes")
    (root / "scripts").mkdir(mode=0o755)
    (root / "scripts" / "siren.sh").write_text("#!/bin/sh\necho on\n")
    (root / "scripts" / "siren.sh").chmod(0o755)
    yield from with_settings(root, SETTINGS.format(root=root, base=chat.base))


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1440)
    until(lambda: told(context, house, "health")["cameras"][0]["state"] == "recording", 60, "the yard is recorded")
    yield context
    context.close()


@pytest.fixture
def page(owner: BrowserContext, house: Tawny) -> Iterator[Page]:
    """Nothing is snoozed."""
    for one in told(owner, house, "snoozes")["items"]:
        ended = f"snoozes?camera={one['camera'] or ''}&everyone={str(one['everyone']).lower()}&rule={one['rule']}"
        owner.request.delete(f"{house.base}/api/v1/{ended}", headers={**OURS, "Origin": house.base})
    made = owner.new_page()
    yield made
    made.close()


def told(context: BrowserContext, house: Tawny, path: str) -> Any:
    answer = context.request.get(f"{house.base}/api/v1/{path}")
    assert answer.ok, answer.text()
    return answer.json()


def happens(owner: BrowserContext, house: Tawny, kind: str) -> str:
    order = {"command": "event.open", "camera": "yard", "kind": kind, "for": 2}
    made = owner.request.post(f"{house.base}/api/v1/orders", data=order, headers={**OURS, "Origin": house.base})
    assert made.ok, made.text()
    return str(made.json()["event"])


def decided(owner: BrowserContext, house: Tawny, event: str) -> dict[str, tuple[bool, str]]:
    """What was done about an event, and why or why not."""

    def outcomes() -> dict[str, tuple[bool, str]]:
        return {one["deed"]: (one["does"], one["why"]) for one in told(owner, house, f"events/{event}/why")["outcomes"]}

    until(lambda: set(DEEDS) <= set(outcomes()), 60, "all decisions")
    return outcomes()


def messages(chat: StandIn, what: str) -> int:
    """How many messages and updates say this."""
    found = [one.form for one in chat.asked if "/send" in one.path or "/edit" in one.path]
    answer = [form.get("caption") or form.get("text") or form.get("media") or b"" for form in found]
    return sum(what.encode() in words for words in answer)


def rule_row(page: Page, house: Tawny) -> Locator:
    page.goto(f"{house.base}/settings/modes")
    page.get_by_text("More rules (2)").click()
    return page.get_by_role("group", name="Night watch", exact=True)


def snooze(page: Page, row: Locator, how_long: str) -> None:
    row.get_by_role("button", name="Snooze the rule “Night watch”").click()
    sheet = page.get_by_role("dialog", name="Snooze the rule “Night watch”")
    sheet.get_by_role("button", name=how_long).click()


def test_a_snoozed_rule_notifies_no_one_and_runs_nothing_until_it_is_resumed_where_it_says_so(
    page: Page, owner: BrowserContext, house: Tawny, chat: StandIn
) -> None:
    row = rule_row(page, house)
    snooze(page, row, "1 h")
    expect(row).to_contain_text(re.compile(r"Snoozed until (\w+ \d+ \w+, )?\d\d:\d\d by Anna"))
    before = messages(chat, "Vehicle"), messages(chat, "Person")
    event = happens(owner, house, "vehicle")
    found = decided(owner, house, event)
    for deed in DEEDS:
        does, why = found[deed]
        assert not does
        assert re.fullmatch(r"The rule “Night watch” is snoozed by Anna until (\w{3} )?\d\d:\d\d\.", why), why
    happens(owner, house, "person")
    until(lambda: messages(chat, "Person") > before[1], 60, "the notification of the other rule")
    assert messages(chat, "Vehicle") == before[0]

    page.goto(f"{house.base}/events/{event}")
    page.get_by_text("Why did I get this?").click()
    panel = page.locator(".why")
    expect(panel).to_contain_text(re.compile(r"Snoozed until (\w+ \d+ \w+, )?\d\d:\d\d by Anna"))
    expect(panel.locator(".outcomes")).to_contain_text("is snoozed by Anna until")
    panel.get_by_role("button", name="Resume: Rule “Night watch”").click()
    expect(panel.get_by_role("button", name="Snooze the rule “Night watch”")).to_be_visible()
    again = decided(owner, house, happens(owner, house, "vehicle"))
    assert all(again[deed][0] for deed in DEEDS), again
    until(lambda: messages(chat, "Vehicle") > before[0], 60, "a notification after the snooze")
    log = told(owner, house, "audit?limit=50")["items"]
    answer = [(one["action"], one["detail"]) for one in log]
    assert ("rule snoozed", "Night watch") in answer
    assert ("rule no longer snoozed", "Night watch") in answer


def test_a_rule_is_snoozed_until_it_is_resumed_and_the_header_says_so(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    snooze(page, rule_row(page, house), "Until I resume")
    chip = page.locator(".snoozed-chip")
    expect(chip).to_have_accessible_name("A rule is snoozed")
    page.goto(house.base)
    chip.click()
    sheet = page.get_by_role("dialog", name="What is snoozed")
    expect(sheet).to_contain_text("Rule “Night watch”")
    expect(sheet).to_contain_text("Snoozed by Anna until resumed")
    assert violations(page, axe_script()) == []
    sheet.get_by_role("button", name="Resume").click()
    expect(sheet).to_contain_text("Nothing is snoozed")
    page.keyboard.press("Escape")
    expect(chip).to_have_count(0)


def test_one_person_is_left_in_peace_for_an_hour_and_others_are_not(
    page: Page, owner: BrowserContext, house: Tawny, chat: StandIn
) -> None:
    page.goto(house.base)
    page.get_by_role("button", name=re.compile(OWNER["name"])).click()
    page.get_by_role("button", name="Snooze notifications…").click()
    page.get_by_role("dialog", name="Snooze All cameras").get_by_role("button", name="1 h").click()
    expect(page.locator(".snoozed-chip")).to_have_accessible_name(
        re.compile(r"Snoozed until (\w+ \d+ \w+, )?\d\d:\d\d")
    )
    (made,) = told(owner, house, "snoozes")["items"]
    assert (made["camera"], made["everyone"], made["rule"]) == (None, False, "")
    before = messages(chat, "Person")
    happens(owner, house, "person")
    until(lambda: messages(chat, "Person") > before, 60, "the notification in the chat of all")


def test_the_command_snoozes_a_rule_and_shows_it(page: Page, owner: BrowserContext, house: Tawny) -> None:
    def said(*words: str, code: int = 0) -> str:
        command = [str(Path(sys.executable).with_name("tawny")), "snooze", *words, "--data", str(house.folder)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    assert said() == "Nothing is snoozed.\n"
    assert said("--rule", "night watch", "--for", "2h").startswith("night watch snoozed until ")
    row = rule_row(page, house)
    expect(row).to_contain_text(re.compile(r"Snoozed until .*\d\d:\d\d by a command"))
    assert "Rule Night watch: snoozed by a command until " in said()
    assert said("--rule", "Night watch", "--end") == "Night watch no longer snoozed.\n"
    assert said("--rule", "Rule 2", "--for", "resumed") == "Rule 2 snoozed until resumed.\n"
    assert "Available: Night watch, Rule 2." in said("--rule", "Other", code=3)
    assert said("yard").startswith("yard snoozed until ")
    assert [(one["camera"], one["rule_name"]) for one in told(owner, house, "snoozes")["items"]] == [
        ("yard", ""),
        (None, "Rule 2"),
    ]


def test_last_night_is_tried_with_its_snoozes_and_with_rules_that_are_not_saved(
    page: Page, owner: BrowserContext, house: Tawny
) -> None:
    """Today's events, as last night has none here: what the page asks is answered for the time that it shows."""
    page.goto(f"{house.base}/settings/modes")
    page.get_by_role("button", name="Try a mode").click()
    sheet = page.get_by_role("dialog", name="What would have happened?")
    expect(sheet).to_contain_text("Past events under another mode.")
    expect(sheet.get_by_role("row", name=re.compile("Yard"))).to_be_visible()
    page.keyboard.press("Escape")
    row = rule_row(page, house)
    row.locator("summary").click()
    row.get_by_label("Rule name").fill("Late watch")
    with page.expect_request("**/modes/replay") as asked:
        page.get_by_role("button", name="Try a mode").click()
    expect(sheet).to_contain_text("under your unsaved changes")
    assert "Late watch" in (asked.value.post_data or "")
    expect(sheet.get_by_role("row", name=re.compile("Yard"))).to_be_visible()
