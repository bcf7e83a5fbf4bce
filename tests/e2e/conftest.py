"""A real tawny in a process of its own, and a real browser that looks at it."""

import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tawny.delivery.notifiers.webpush import OWN_HOSTS
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tawny.testing.waiting import until
from tests.delivery.certificates import self_signed
from tests.support import preloaded
from tests.support.processes import ended

UNUSED = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    # Playwright's own, which a second switch of this name replaces
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
)
"""Parts of Chromium. The suggestions of its address line, which nobody sees here, are two pages of its own for each one
that a test opens: more work than many a test."""
CHROMIUM_SHELL, WHOLE_CHROMIUM = Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")
"""The shell draws pages as the whole browser does, with an eighth less processor time, but shows no notifications of
the system. Not every distribution has it."""
CHROMIUM = [
    f"--disable-features={','.join(UNUSED)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_MS = 60_000
"""How long anything may take on a machine that is busy with other tests. Whoever promises less says so himself."""
expect.set_options(timeout=PATIENCE_MS)
_DAY_MS = 86_400_000
SMALL_DEMO = Path(__file__).with_name("small_demo.py")
KEEP_OLD = '[storage.retention]\nmin_free = "0 %"\n'
"""For recordings that are old from the beginning: those go first where the disk is nearly full."""
LINK = re.compile(r"(http://[^\s/]+)/(?:sign-in#link|setup#token)=\S+")


@dataclass(frozen=True)
class Tawny:
    """link: the one-time link that it printed. base: its address."""

    process: subprocess.Popen[bytes] | preloaded.Preloaded
    folder: Path
    link: str
    base: str


def telegram(asked: ReceivedRequest) -> Reply:
    """What Telegram answers to a bot."""
    return 200, {"ok": True, "result": {"message_id": 7} if "/send" in asked.path else []}


def tawny(*words: str, folder: Path, full_size: bool = False, is_loaded: bool = True) -> Iterator[Tawny]:
    """Run until the test is over; it must end well, and have said nothing that looks like a bug.

    full_size: demo cameras of 1280 by 720 pixels, by the command that users have. is_loaded: start from a process that
    has loaded it.
    """
    log = folder.with_suffix(".log")
    with log.open("wb") as out:
        process = started((*words, "--data", str(folder)), out, full_size=full_size, is_loaded=is_loaded)
    try:
        until(lambda: LINK.search(log.read_text()) or process.poll() is not None, 120, "the one-time link")
        found = LINK.search(log.read_text())
        assert found, log.read_text()
        yield Tawny(process, folder, found[0], found[1])
    finally:
        code = ended(process)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()


def started(
    words: Sequence[str], out: BinaryIO, *, full_size: bool, is_loaded: bool
) -> subprocess.Popen[bytes] | preloaded.Preloaded:
    if is_loaded and not full_size and "SHORT_FILES" not in os.environ:  # which is for what isn't loaded yet
        return preloaded.start(SMALL_DEMO, words, out)
    program = [str(Path(sys.executable).with_name("tawny"))] if full_size else [sys.executable, "-P", str(SMALL_DEMO)]
    return subprocess.Popen([*program, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out)


OWNER = {"name": "Anna", "password": "correct horse battery"}
OURS = {"X-Tawny": "1"}


def with_settings(folder: Path, text: str, *, is_loaded: bool = True) -> Iterator[Tawny]:
    """One that runs with these settings, in `tawny.toml` of this folder."""
    config = folder / "tawny.toml"
    config.write_text(text, encoding="utf-8")
    words = ("run", "--config", str(config), "--listen", "127.0.0.1:0")
    yield from tawny(*words, folder=folder / "data", is_loaded=is_loaded)


def owner_of(browser: Browser, house: Tawny, width: int) -> BrowserContext:
    """Anna's browser, who made the first account."""
    context = browser.new_context(viewport={"width": width, "height": 900}, locale="en-GB")
    token = house.link.partition("#token=")[2]
    claimed = context.request.post(
        f"{house.base}/api/v1/setup/claim", data={"token": token, **OWNER}, headers={**OURS, "Origin": house.base}
    )
    assert claimed.ok, claimed.text()
    return context


def signed_in_again(browser: Browser, house: Tawny, **how: Any) -> BrowserContext:
    """Another browser of Anna's. how: as `Browser.new_context` takes it."""
    context = browser.new_context(locale="en-GB", **how)
    answer = context.request.post(f"{house.base}/api/v1/sign-in", data=OWNER, headers={**OURS, "Origin": house.base})
    assert answer.ok, answer.text()
    return context


def context_of(browser: Browser, house: Tawny, width: int) -> BrowserContext:
    """Anna's browser; from the second time on she signs in."""
    if (house.folder.parent / "has-owner").exists():
        return signed_in_again(browser, house, viewport={"width": width, "height": 844})
    (house.folder.parent / "has-owner").touch()
    return owner_of(browser, house, width)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    folder = tmp_path_factory.mktemp("demo") / "data"
    yield from tawny("demo", "--port", "0", "--cameras", "2", folder=folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium(CHROMIUM_SHELL if CHROMIUM_SHELL.exists() else WHOLE_CHROMIUM)


def chromium(program: Path, args: Sequence[str] = CHROMIUM) -> Iterator[Browser]:
    with sync_playwright() as play:
        made = play.chromium.launch(executable_path=program, args=args)
        made.on("context", lambda context: context.set_default_timeout(PATIENCE_MS))
        yield made
        made.close()


@pytest.fixture(autouse=True)
def pages_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Closes what a test has opened and left: its videos would go on beside all later tests of its file."""
    if "browser" not in request.fixturenames:
        yield
        return
    browser: Browser = request.getfixturevalue("browser")
    before = [*browser.contexts, *pages_of(browser)]
    yield
    after: list[Page | BrowserContext] = [*pages_of(browser), *browser.contexts]
    for one in after:
        if one not in before:
            one.unroute_all(behavior="ignoreErrors")  # what a test's route still answers comes too late for it
            one.close()


def pages_of(browser: Browser) -> list[Page]:
    return [page for context in browser.contexts for page in context.pages]


@pytest.fixture(scope="module")
def signed_in(browser: Browser, demo: Tawny) -> Iterator[BrowserContext]:
    """The demo's owner, in a window of 1440 by 900."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.goto(demo.link)
    page.wait_for_selector("[data-camera]")
    page.close()
    yield context
    context.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """A push service with a certificate that the recorder trusts."""
    certificate = self_signed(tmp_path_factory.mktemp("push"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with pytest.MonkeyPatch.context() as patch, served(StandIn(lambda asked: (201, b""), tls=tls)) as made:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        patch.setenv(OWN_HOSTS, "127.0.0.1")
        yield made


def until_recorded(page: Page, demo: Tawny, seconds: float) -> None:
    """Every camera has so much: what is older than that can be looked for on the timeline."""

    def least() -> float:
        lanes = page.request.get(f"{demo.base}/api/v1/timeline?from_ms={_DAY_MS}&to_ms={2 * _DAY_MS}").json()
        now_ms = lanes["now_ms"]
        asked = f"{demo.base}/api/v1/timeline?from_ms={now_ms - 600_000}&to_ms={now_ms}"
        cameras = page.request.get(asked).json()["cameras"]
        return min((sum(end - begin for begin, end in lane["spans"]) for lane in cameras), default=0) / 1000

    until(lambda: least() >= seconds, 120, f"{seconds:g} s are recorded")
