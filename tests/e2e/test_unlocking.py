"""Sealed recordings in a real browser: set up, unlocked with words and with a passkey, seen, and locked again. After
that the recorder's memory has no key.

The passkey is Chromium's own virtual one; a secure page is needed for it, so that the recorder is `localhost` here.
"""

import hashlib
import hmac
import os
import re
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from playwright.sync_api import Browser, BrowserContext, Page

from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.sealed.key_wrapping import Identity
from tawny.sealed.keys import hkdf
from tawny.sealed.mnemonics import identity_words, new_passphrase
from tawny.testing.waiting import until
from tests.e2e.clocked_archive import record
from tests.e2e.conftest import KEEP_OLD, Tawny, owner_of, with_settings
from tests.e2e.conftest import OWNER as ANNA
from tests.e2e.rules import axe_script, violations
from tests.e2e.timeline_page import LOOK, seen
from tests.sealed.test_held import raw
from tests.support.memory_search import found_in
from tests.support.read_clock import READ_CLOCK

pytestmark = pytest.mark.browser
OWNER, SHEET = Identity.new(), Identity.new()
PHRASE = new_passphrase()
YARD = CameraId("yard")
DAY_MS = 86_400_000
CAMERA = '[cameras.yard]\nsource = "demo:front"\ndetection.detector = "off"\n'
KEYS = f'[encryption]\nrecipients = ["{OWNER.recipient}"]\nrecovery = "{SHEET.recipient}"\n'
PASSKEY = {
    "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "hasPrf": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@dataclass(frozen=True)
class Sealed:
    """at_ms: yesterday; sealed footage of the yard is there."""

    house: Tawny
    context: BrowserContext
    at_ms: int

    def keys(self) -> int | None:
        """How often the key is in the recorder's memory, in whatever form; None without the right to look, which is
        root's alone (`tests/service/sealing/test_unlocked_memory.py` looks without it)."""
        if os.geteuid() != 0:
            return None
        secret = raw(OWNER), raw(SHEET)
        texts = [one.text.encode() for one in (OWNER, SHEET)]
        forms = (*secret, *texts, *(one.lower() for one in texts), PHRASE.encode())
        return sum(found_in(self.house.process.pid, forms).values())


def locked(secret: bytes, phrase: str) -> bytes:
    """As `age -p` would, but at a thousandth of its work: the browser has enough to do here."""
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    label = b"age-encryption.org/v1/scrypt"
    key = hashlib.scrypt(phrase.encode(), salt=label + salt, n=2**10, r=8, p=1, dklen=32)
    body = ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)
    head = b"age-encryption.org/v1\n-> scrypt %s 10\n%s\n---" % (plain(salt), plain(body))
    mac = hmac.digest(hkdf(file_key, b"", b"header", 32), head, "sha256")
    sealed = ChaCha20Poly1305(hkdf(file_key, nonce, b"payload", 32)).encrypt(bytes(11) + b"\1", secret, None)
    return head + b" " + plain(mac) + b"\n" + nonce + sealed


def plain(data: bytes) -> bytes:
    return b64encode(data).rstrip(b"=")


def local(house: Tawny) -> Tawny:
    return replace(house, base=house.base.replace("127.0.0.1", "localhost"))


@pytest.fixture(scope="module")
def sealed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    folder = tmp_path_factory.mktemp("sealed")
    at_ms = SystemClock().now_ms() // 1000 * 1000 - DAY_MS
    for part in range(5):
        record(folder / "data", YARD, at_ms + part * 4000, 4, sealed_to=[OWNER.recipient, SHEET.recipient])
    keys = folder / "data" / "keys"
    keys.mkdir()
    (keys / "owner.age").write_bytes(locked(OWNER.text.encode(), PHRASE))
    for house in with_settings(folder, f"{KEYS}{KEEP_OLD}{CAMERA}encrypt = true\n"):
        there = local(house)
        context = owner_of(browser, there, 1440)
        context.add_init_script(f"({LOOK})()")
        yield Sealed(there, context, at_ms)
        context.close()


@pytest.fixture
def page(sealed: Sealed) -> Iterator[Page]:
    made = sealed.context.new_page()
    yield made
    made.close()


def yesterday(page: Page, sealed: Sealed) -> None:
    page.goto(f"{sealed.house.base}/timeline?cam=yard&t={(sealed.at_ms + 1000) / 1000:.2f}&span=600")


def is_sealed(page: Page) -> None:
    page.wait_for_selector('[data-camera=yard] [data-reason="Encrypted"]', timeout=30_000)
    assert not page.evaluate("() => window.seen.length")


ENOUGH = """(at) => {
  const clocks = window.seen.filter((one) => one.kind === 'video').map((one) => one.clock);
  return new Set(clocks).size >= 10 && Math.max(...clocks) >= at;
}"""
"""A busy browser shows fewer pictures of each second, and needs more seconds for ten."""


def plays(page: Page, sealed: Sealed) -> None:
    """The clock in the picture is yesterday's, and goes on."""
    page.wait_for_function("() => window.seen.length", timeout=60_000)
    page.keyboard.press("k")
    page.wait_for_function(ENOUGH, arg=sealed.at_ms + 6000, timeout=60_000)
    page.keyboard.press("k")
    pictures = [one for one in seen(page) if one["kind"] == "video"]
    off = sorted(abs(one["said"] - one["clock"]) for one in pictures)
    assert off[len(off) * 4 // 5] <= 101, "the clock in the picture is the page's"
    assert off[-1] <= 1000, "a busy machine reads the screen a little later"


SHOWN = f"""() => {{
  const picture = document.querySelector('.preview-picture img');
  return picture && picture.src.startsWith('blob:') && picture.naturalWidth ? {READ_CLOCK}(picture) : 0;
}}"""


def previewed(page: Page, at_ms: int) -> int:
    """What the picture under the pointer shows, at that place of the timeline. The pointer moves about there, as a
    person's does: what it points at is looked up as it moves."""
    box = page.locator("canvas[data-t0]").bounding_box()
    assert box
    page.mouse.move(5, 5)
    page.wait_for_selector(".preview-picture img", state="detached")
    shown = 0

    def look() -> bool:
        nonlocal shown
        begin, end = (int(page.get_attribute("canvas[data-t0]", name) or 0) for name in ("data-t0", "data-t1"))
        x = box["x"] + box["width"] * (at_ms - begin) / (end - begin)
        for off in (4, 0):
            page.mouse.move(x + off, box["y"] + box["height"] - 12)
        page.wait_for_timeout(100)
        shown = int(page.evaluate(SHOWN))
        return shown > 0

    until(look, 60, "a picture under the pointer")
    return shown


def open_by(page: Page, way: str, typed: str = "") -> None:
    page.get_by_role("button", name="Unlock", exact=True).click()
    page.get_by_role("dialog").get_by_text(way, exact=True).click()
    if typed:
        page.fill("#unlock-text", typed)
    page.click("dialog .btn.pri")


def test_words_open_it_and_after_signing_out_the_recorder_can_open_nothing(page: Page, sealed: Sealed) -> None:
    assert not sealed.keys()
    yesterday(page, sealed)
    is_sealed(page)
    wrong = identity_words(SHEET)
    open_by(page, "Recovery words", " ".join([*wrong[:-1], "zebra zebra"]))
    page.get_by_role("alert").get_by_text(re.compile("25 words")).wait_for()
    page.fill("#unlock-text", " ".join(word[:4].upper() for word in wrong))
    page.click("dialog .btn.pri")
    page.get_by_role("dialog").wait_for(state="detached")
    plays(page, sealed)
    assert sealed.keys() != 0, "the search finds it while it is unlocked"
    signed_out = page.request.post(
        f"{sealed.house.base}/api/v1/sign-out", headers={"X-Tawny": "1", "Origin": sealed.house.base}, data={}
    )
    assert signed_out.ok
    assert not sealed.keys()
    answer = page.request.post(
        f"{sealed.house.base}/api/v1/sign-in",
        headers={"X-Tawny": "1", "Origin": sealed.house.base},
        data=ANNA,
    )
    assert answer.ok
    page.goto("about:blank")
    yesterday(page, sealed)
    is_sealed(page)


def test_a_passkey_is_added_and_opens_it(page: Page, sealed: Sealed) -> None:
    devtools = sealed.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable", {"enableUI": False})
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY})
    page.goto(f"{sealed.house.base}/settings/encryption")
    page.get_by_role("button", name="Add a passkey").click()
    page.fill("#passkey-phrase", "not the-phrase")
    page.click(".sealing-form .btn.pri")
    page.get_by_role("alert").get_by_text("Wrong passphrase.").wait_for(timeout=60_000)
    page.fill("#passkey-phrase", PHRASE.replace("-", " "))
    page.click(".sealing-form .btn.pri")
    page.wait_for_selector("[data-way=passkey]", timeout=60_000)
    yesterday(page, sealed)
    is_sealed(page)
    open_by(page, "Passkey")
    page.get_by_role("dialog").wait_for(state="detached", timeout=30_000)
    plays(page, sealed)
    assert sealed.keys() != 0
    page.get_by_role("button", name="Lock now").click()
    page.wait_for_selector('[data-camera=yard] [data-reason="Encrypted"]', timeout=30_000)
    assert not sealed.keys()
    rows = page.request.get(f"{sealed.house.base}/api/v1/audit").json()["items"]
    assert {"unlocked", "locked", "unlock method added"} <= {row["action"] for row in rows}


@pytest.mark.shows("SC27")
def test_a_page_opens_it_alone_and_the_recorder_never_has_the_key(page: Page, sealed: Sealed) -> None:
    yesterday(page, sealed)
    is_sealed(page)
    page.get_by_role("button", name="Unlock", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Recovery words", exact=True).click()
    dialog.get_by_label("Unlock on this page only").check()
    page.fill("#unlock-text", " ".join(identity_words(SHEET)))
    page.click("dialog .btn.pri")
    dialog.wait_for(state="detached")
    plays(page, sealed)
    for place_ms in (2500, 6500):
        assert abs(previewed(page, sealed.at_ms + place_ms) - sealed.at_ms - place_ms) <= 2500, "the key picture there"
    assert not sealed.keys()
    assert page.request.get(f"{sealed.house.base}/api/v1/sealed").json()["unlocked"] is None
    page.get_by_role("button", name="Lock now").click()
    page.wait_for_selector('[data-camera=yard] [data-reason="Encrypted"]', timeout=30_000)
    rows = page.request.get(f"{sealed.house.base}/api/v1/audit").json()["items"]
    assert {"unlocked in the browser", "locked in the browser"} <= {row["action"] for row in rows}


def test_the_passphrase_opens_it(page: Page, sealed: Sealed) -> None:
    yesterday(page, sealed)
    is_sealed(page)
    open_by(page, "Passphrase", PHRASE.upper())
    page.get_by_role("dialog").wait_for(state="detached", timeout=60_000)
    plays(page, sealed)
    page.get_by_role("button", name="Lock now").click()
    page.wait_for_selector('[data-camera=yard] [data-reason="Encrypted"]', timeout=30_000)


# --- setting it up ---------------------------------------------------------------------------------------------------


def test_y5_it_is_offered_with_the_first_account_and_set_up_on_the_page(browser: Browser, tmp_path: Path) -> None:
    for house in with_settings(tmp_path, CAMERA):
        there = local(house)
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto(house.link.replace("127.0.0.1", "localhost"))
        page.fill("#name", ANNA["name"])
        page.fill("input[type=password]", ANNA["password"])
        page.get_by_role("button", name="Create account").click()
        page.wait_for_url("**/setup/storage")
        page.goto(f"{there.base}/setup/done")
        page.get_by_role("link", name="Learn more").click()
        page.get_by_role("heading", name="Encrypt your recordings?").wait_for()
        assert page.get_by_text("If you lose every key, you lose the recordings.").is_visible(), "it is said before"
        assert violations(page, axe_script()) == []
        page.get_by_role("button", name="Not now").click()
        page.wait_for_url("**/setup/done")
        assert "[encryption]" not in (tmp_path / "tawny.toml").read_text(), "nothing was made of it"
        page.goto(f"{there.base}/setup/sealed")
        page.get_by_role("button", name="Set up encryption").click()
        page.get_by_label("I understand").check()
        assert violations(page, axe_script()) == []
        page.click(".sealing-setup .btn.pri")
        words = page.locator(".paper li").all_text_contents()
        secret = page.locator(".paper code").first.text_content() or ""
        assert words == identity_words(Identity.read(secret))
        assert violations(page, axe_script()) == []
        page.emulate_media(media="print")
        for paper in ("A4", "Letter"):
            pdf = page.pdf(format=paper, prefer_css_page_size=False)
            assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1, f"the sheet is one page of {paper}"
        assert page.locator(".paper li").first.is_visible(), "the sheet is printed, and nothing else"
        assert page.locator("button:visible").count() == 0
        page.emulate_media(media="screen")
        page.click(".sealing-setup .btn.pri")
        phrase = page.locator("[data-passphrase]").text_content() or ""
        page.click(".sealing-setup .btn.pri")
        labels = page.locator(".sealing-form label").all_text_contents()
        places = [int(found[1]) for label in labels if (found := re.search(r"Word (\d+)", label))]
        assert len(places) == 3
        for place in places:
            page.fill(f"#word-{place}", "wrong")
        page.fill("#prove-phrase", phrase)
        page.click(".sealing-setup .btn.pri")
        page.get_by_role("alert").get_by_text("That doesn’t match.").wait_for()
        config = tmp_path / "tawny.toml"
        assert "[encryption]" not in config.read_text(), "nothing counts until the words were typed"
        for place in places:
            page.fill(f"#word-{place}", words[place - 1])
        page.click(".sealing-setup .btn.pri")
        page.get_by_text("All recordings of all cameras are encrypted.").wait_for(timeout=60_000)
        data = tomllib.loads(config.read_text())
        owner = pyrage.passphrase.decrypt((there.folder / "keys" / "owner.age").read_bytes(), phrase.strip())
        assert data["encryption"]["recipients"] == [Identity.read(owner.decode()).recipient]
        assert data["encryption"]["recovery"] == Identity.read(secret).recipient
        assert data["storage"]["encrypt"] is True
        stored = b"".join(path.read_bytes() for path in there.folder.rglob("*") if path.is_file())
        assert secret.encode() not in stored
        assert violations(page, axe_script()) == []
        page.goto(f"{there.base}/setup/sealed")
        page.wait_for_selector("[data-camera=yard]")
        context.close()
