"""The secure address in a real browser, which trusts the recorder's own authority by its own store, in no other way."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from tawny.testing.waiting import until
from tests.e2e.conftest import CHROMIUM, OURS, OWNER, WHOLE_CHROMIUM, Tawny, owner_of, tawny
from tests.e2e.rules import WIDTHS, as_wide_as, axe_script, unfit, violations
from tests.service.address.authority import own_certificate
from tests.support.ports import free_port
from tests.support.processes import ended

pytestmark = pytest.mark.browser
WAIT_MS = 60_000
STAND_IN = """#!/bin/sh
echo "$@" >> "$TAILSCALE_LOG"
case "$1" in
status) cat "$TAILSCALE_STATUS" ;;
serve)
  if [ -e "$TAILSCALE_STATUS.denied" ]; then
    echo "Access denied: serve config denied" >&2
    echo "Use 'sudo tailscale serve 8000'. To not require root: 'sudo tailscale set --operator=\\$USER' once." >&2
    exit 1
  fi
  echo "Available within your tailnet:" ;;
*) exit 2 ;;
esac
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secure")


@pytest.fixture(scope="module")
def house(place: Path) -> Iterator[Tawny]:
    """One recorder on a fixed port, with a stand-in for Tailscale on its PATH."""
    tools = place / "bin"
    tools.mkdir()
    program = tools / "tailscale"
    program.write_text(STAND_IN)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    config = place / "tawny.toml"
    config.write_text('# mine\n[cameras.yard]\nsource = "demo:garden"  # keep\ndetection.detector = "off"\n')
    before = dict(os.environ)
    os.environ |= {
        "PATH": f"{tools}:{os.environ['PATH']}", "TAILSCALE_LOG": str(place / "tailscale.log"),
        "TAILSCALE_STATUS": str(place / "status.json"),
    }  # fmt: skip
    (place / "status.json").write_text(json.dumps({"BackendState": "NeedsLogin", "Self": {}}))
    try:
        yield from tawny("run", "--config", str(config), "--listen", f"127.0.0.1:{free_port()}", folder=place / "data")
    finally:
        os.environ.clear()
        os.environ |= before


@pytest.fixture(scope="module")
def owner(browser: Browser, house: Tawny) -> Iterator[BrowserContext]:
    context = owner_of(browser, house, 1280)
    yield context
    context.close()


def port_of(house: Tawny) -> str:
    return house.base.rpartition(":")[2]


def trusting(home: Path, authority: Path) -> dict[str, str | float | bool]:
    """The environment of a browser whose user has installed the certificate, as the page says."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    where = ["-d", f"sql:{store}"]
    subprocess.run(["certutil", "-N", *where, "--empty-password"], check=True)
    subprocess.run(["certutil", "-A", *where, "-n", "tawny", "-t", "C,,", "-i", str(authority)], check=True)
    return {**os.environ, "HOME": str(home)}


def set_up_own(page: Page, house: Tawny) -> None:
    page.goto(f"{house.base}/settings/address")
    card = page.locator("details", has_text="At home only")
    expect(card).to_be_visible(timeout=WAIT_MS)
    if not card.evaluate("one => one.open"):
        card.locator("summary").click()
    card.get_by_label("Name or address").select_option("localhost")
    card.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name=f"https://localhost:{port_of(house)}")).to_be_visible(timeout=WAIT_MS)


def test_every_way_is_shown_without_overflow_and_for_everyone(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/settings/address?from=setup")
    expect(page.get_by_role("link", name="Back to setup")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("details")).to_have_count(5, timeout=WAIT_MS)
    for summary in page.locator("details summary").all():
        summary.click()
    page.get_by_label("By a DNS record").check()
    page.get_by_label("DNS provider").select_option(label="Cloudflare")
    expect(page.get_by_label("API token")).to_be_visible()
    expect(page.get_by_text("Tailscale isn’t signed in")).to_be_visible(timeout=WAIT_MS)
    assert unfit(page, axe_script()) == []
    for width in WIDTHS if "SHOTS" in os.environ else ():
        with as_wide_as(page, width):
            page.screenshot(path=f"{os.environ['SHOTS']}/address-{width}.png", full_page=True)
    page.close()


def test_what_is_wrong_is_said_and_what_was_entered_stays(owner: BrowserContext, house: Tawny) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/settings/address")
    card = page.locator("details", has_text="Your certificate files")
    card.locator("summary").click(timeout=WAIT_MS)
    card.get_by_label("Certificate with chain").fill("/none/chain.pem")
    card.get_by_label("Private key").fill("/none/key.pem")
    card.get_by_role("button", name="Use these files").click()
    expect(card.get_by_role("alert")).to_contain_text("/none/chain.pem can't be read", timeout=WAIT_MS)
    assert card.get_by_label("Private key").input_value() == "/none/key.pem"
    page.close()


def test_from_plain_http_to_live_video_over_https(owner: BrowserContext, house: Tawny, place: Path) -> None:
    page = owner.new_page()
    set_up_own(page, house)
    config = (place / "tawny.toml").read_text()
    assert config.startswith("# mine")
    assert "# keep" in config
    page.goto(f"{house.base}/ca")
    expect(page.get_by_role("heading", name="Trust this recorder")).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    if "SHOTS" in os.environ:
        page.screenshot(path=f"{os.environ['SHOTS']}/ca.png", full_page=True)
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download certificate").first.click()
    authority = place / "tawny.crt"
    begun.value.save_as(authority)
    page.close()
    secure = f"https://localhost:{port_of(house)}"
    made = owner.browser.browser_type.launch(  # type: ignore[union-attr]
        executable_path=WHOLE_CHROMIUM, args=CHROMIUM, env=trusting(place / "home", authority)
    )
    try:
        phone = sign_in_by_https(made, secure)
        sees_live_video(phone, secure)
        checks_the_address(owner, house, phone.context)
    finally:
        made.close()


def sign_in_by_https(browser: Browser, secure: str) -> Page:
    phone = browser.new_context(locale="en-GB", viewport={"width": 390, "height": 844}).new_page()
    phone.goto(f"{secure}/sign-in")
    assert phone.evaluate("isSecureContext")
    phone.get_by_label("Name").fill(OWNER["name"])
    phone.get_by_label("Password", exact=True).fill(OWNER["password"])
    phone.get_by_role("button", name="Sign in", exact=True).click()
    phone.wait_for_selector("[data-camera]", timeout=WAIT_MS)
    (cookie,) = [one for one in phone.context.cookies() if "session" in one["name"]]
    port = secure.rpartition(":")[2]
    assert cookie["name"] == f"__Host-tawny_session-{port}"
    assert cookie["secure"]
    return phone


def sees_live_video(phone: Page, secure: str) -> None:
    sockets: list[str] = []
    phone.on("websocket", lambda one: sockets.append(one.url))
    phone.goto(f"{secure}/live/yard?way=socket")
    moves = "() => [...document.querySelectorAll('video')].some(one => one.currentTime > 1 && one.videoWidth)"
    phone.wait_for_function(moves, timeout=WAIT_MS)
    assert any(one.startswith("wss://") and "/live" in one for one in sockets), sockets


def checks_the_address(owner: BrowserContext, house: Tawny, phone: BrowserContext) -> None:
    desk = owner.new_page()
    desk.goto(f"{house.base}/settings/address")
    with desk.expect_response("**/api/v1/address/check") as begun:
        desk.get_by_role("button", name="Start check").click(timeout=WAIT_MS)
    expect(desk.get_by_role("img", name="QR code of the check")).to_be_visible()
    assert violations(desk, axe_script()) == []
    link = begun.value.json()["url"]
    page = phone.new_page()
    page.goto(link)
    for line in ("Certificate trusted", "WebSocket works", "WebRTC works"):
        expect(page.get_by_text(line)).to_be_visible(timeout=WAIT_MS)
        expect(desk.get_by_text(line)).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("Done.")).to_be_visible(timeout=WAIT_MS)
    assert "code" not in page.url, "it works once, and is in no history"
    expect(desk.get_by_role("heading", name="Anna’s computer")).to_be_visible(timeout=WAIT_MS)
    assert violations(page, axe_script()) == []
    if "SHOTS" in os.environ:
        page.screenshot(path=f"{os.environ['SHOTS']}/check-phone.png", full_page=True)
        desk.screenshot(path=f"{os.environ['SHOTS']}/check-desk.png", full_page=True)
    page.close()
    page = phone.new_page()
    page.goto(link)
    expect(page.get_by_text("has been used")).to_be_visible(timeout=WAIT_MS)
    page.close()
    desk.close()


def test_a_browser_without_the_certificate_is_warned(owner: BrowserContext, browser: Browser, house: Tawny) -> None:
    page = owner.new_page()
    page.goto(f"{house.base}/settings/address")
    expect(page.locator("details")).to_have_count(5, timeout=WAIT_MS)
    if page.get_by_role("heading", name="No secure address yet").is_visible():
        set_up_own(page, house)
    page.close()
    with browser.new_context() as stranger, pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        stranger.new_page().goto(f"https://localhost:{port_of(house)}/")


def test_tailscale_by_one_button(owner: BrowserContext, house: Tawny, place: Path) -> None:
    status, denied = place / "status.json", place / "status.json.denied"
    running = {"BackendState": "Running", "Self": {"DNSName": "pi.tail1.ts.net."}, "CertDomains": None}
    status.write_text(json.dumps(running))
    page = owner.new_page()
    page.goto(f"{house.base}/settings/address")
    card = page.locator("details", has_text="Tailscale").first
    card.locator("summary").click(timeout=WAIT_MS)
    expect(card.get_by_text("HTTPS isn’t enabled in your tailnet")).to_be_visible(timeout=WAIT_MS)
    expect(card.get_by_role("button", name="Use Tailscale")).to_be_disabled()
    status.write_text(json.dumps(running | {"CertDomains": ["pi.tail1.ts.net"]}))
    denied.touch()
    card.get_by_role("button", name="Check again").click()
    card.get_by_role("button", name="Use Tailscale").click()
    expect(card.get_by_role("alert")).to_contain_text("sudo tailscale set --operator=", timeout=WAIT_MS)
    denied.unlink()
    card.get_by_role("button", name="Use Tailscale").click()
    expect(page.get_by_role("heading", name="https://pi.tail1.ts.net")).to_be_visible(timeout=WAIT_MS)
    lines = (place / "tailscale.log").read_text().splitlines()
    assert f"serve --bg --https=443 {house.base}" in lines
    assert 'public_url = "https://pi.tail1.ts.net"' in (place / "tawny.toml").read_text()
    page.get_by_role("button", name="Turn off").click()
    page.get_by_role("button", name="Turn off https").click()
    expect(page.get_by_role("heading", name="No secure address yet")).to_be_visible(timeout=WAIT_MS)
    assert (place / "tailscale.log").read_text().splitlines()[-1] == "serve --https=443 off"
    page.close()


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """The recorder's address as another network sees it, and the words before a command that runs there."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    number = os.getpid()
    here, there = (f"198.51.100.{4 * (number % 60) + end}" for end in (1, 2))
    name, cable, other = f"tawny-f-{number}", f"tfa{number}"[:15], f"tfb{number}"[:15]
    with ExitStack() as undo:
        if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
            pytest.skip("no network namespaces here")
        undo.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
        for words in (
            ["link", "add", cable, "type", "veth", "peer", other, "netns", name],
            ["addr", "add", f"{here}/30", "dev", cable],
            ["-n", name, "addr", "add", f"{there}/30", "dev", other],
            ["-n", name, "link", "set", other, "up"],
            ["link", "set", cable, "up"],
        ):
            subprocess.run(["ip", *words], check=True)
        yield here, ["ip", "netns", "exec", name]


def test_from_another_network_plain_http_only_leads_to_https(
    browser: Browser, foreign: tuple[str, list[str]], tmp_path: Path
) -> None:
    here, there = foreign
    config, port = tmp_path / "tawny.toml", free_port()
    config.write_text('[cameras.yard]\nsource = "demo:garden"\ndetection.detector = "off"\n')
    for one in tawny("run", "--config", str(config), "--listen", f"127.0.0.1:{port}", folder=tmp_path / "data"):
        context = owner_of(browser, one, 1280)
        ours = {**OURS, "Origin": one.base}
        set_up = context.request.put(f"{one.base}/api/v1/address/own", data={"name": "localhost"}, headers=ours)
        assert set_up.ok, set_up.text()
        context.close()
    command = [str(Path(sys.executable).with_name("tawny")), "run", "--config", str(config), "--data"]
    command += [str(tmp_path / "data"), "--listen", f"0.0.0.0:{port}"]
    with (tmp_path / "second.log").open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        until(lambda: "Secure address" in (tmp_path / "second.log").read_text(), 60, "it serves https")

        def ask(words: list[str], url: str) -> str:
            asked = [*words, "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "--max-time", "10"]
            return subprocess.run([*asked, url], capture_output=True, text=True, check=False).stdout.strip()

        session = "/api/v1/session"
        assert ask(there, f"http://{here}:{port}{session}") == f"308 https://{here}:{port}{session}"
        assert ask(there, f"https://{here}:{port}{session}") == "200"
        assert ask([], f"http://127.0.0.1:{port}{session}") == "200"
    finally:
        ended(process)


@pytest.fixture
def internet(tmp_path: Path) -> Iterator[list[str]]:
    """Words before a command that runs in a network where a DNS server and an authority (Pebble) answer."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "curl", "pebble", "pebble-challtestsrv"))):
        pytest.skip("needs root, iproute2, curl and Pebble")
    name, trust = f"tawny-p-{os.getpid()}", tmp_path / "pebble.pem"
    trust.write_bytes(own_certificate(tmp_path / "pebble.key"))
    resolver = Path("/etc/netns", name, "resolv.conf")
    settings = {
        "listenAddress": AUTHORITY, "managementListenAddress": ROOTS, "certificate": str(trust),
        "privateKey": str(tmp_path / "pebble.key"), "httpPort": 80, "tlsPort": 443,
    }  # fmt: skip
    (tmp_path / "pebble.json").write_text(json.dumps({"pebble": settings}))
    off = [word for kind in ("http01", "https01", "tlsalpn01") for word in (f"-{kind}", "")]
    with ExitStack() as undo:
        if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
            pytest.skip("no network namespaces here")
        undo.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
        undo.callback(shutil.rmtree, resolver.parent)
        resolver.parent.mkdir(parents=True)
        resolver.write_text("nameserver 127.0.0.1\n")
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        inside = ["ip", "netns", "exec", name]
        quick = os.environ | {"PEBBLE_VA_NOSLEEP": "1"}
        for words in (
            ["pebble-challtestsrv", "-dns01", "127.0.0.1:53", "-defaultIPv6", "", *off],
            ["pebble", "-config", str(tmp_path / "pebble.json"), "-dnsserver", "127.0.0.1:53"],
        ):
            with (tmp_path / f"{words[0]}.log").open("wb") as out:
                made = subprocess.Popen([*inside, *words], env=quick, stdout=out, stderr=out)
            undo.callback(made.wait, 20)
            undo.callback(made.kill)
        until(lambda: curl(inside, "--cacert", str(trust), f"https://{AUTHORITY}/dir"), 60, "Pebble")
        yield inside


AUTHORITY, ROOTS = "127.0.0.1:14000", "127.0.0.1:15000"


def curl(inside: list[str], *words: str) -> str:
    asked = [*inside, "curl", "-sf", "--max-time", "10", *words]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def test_a_public_authority_checks_the_running_recorder_and_its_certificate_is_served(
    internet: list[str], tmp_path: Path
) -> None:
    """The recorder answers the check on its own port, and from then on https on that port, while it records."""
    config, log = tmp_path / "tawny.toml", tmp_path / "data.log"
    trust = tmp_path / "pebble.pem"
    config.write_text(
        f'[web.secure]\nway = "domain"\ndomain = "cam.example.org"\ndirectory = "https://{AUTHORITY}/dir"\n'
        f'authority = "{trust}"\n[cameras.yard]\nsource = "demo:garden"\ndetection.detector = "off"\n'
    )
    program = str(Path(sys.executable).with_name("tawny"))
    command = [*internet, program, "run", "--config", str(config), "--data", str(tmp_path / "data")]
    with log.open("wb") as out:
        command += ["--listen", "127.0.0.1:80"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        root = tmp_path / "root.pem"
        root.write_text(curl(internet, "--cacert", str(trust), f"https://{ROOTS}/roots/0"))
        session = "https://cam.example.org:80/api/v1/session"
        chain = tmp_path / "certificates/acme/chain.pem"
        until(chain.exists, 60, "a certificate")
        until(lambda: curl(internet, "--cacert", str(root), session), 60, "https by that authority")
        assert json.loads(curl(internet, "--cacert", str(root), session))["state"] == "setup"
        assert {stat.S_IMODE(path.stat().st_mode) for path in chain.parent.iterdir()} == {0o600}
        until(lambda: list((tmp_path / "data/yard").rglob("*.mp4")), 60, "a recording meanwhile")
    finally:
        assert ended(process) == 0, log.read_text()
    assert "Traceback" not in log.read_text()
