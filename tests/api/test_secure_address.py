"""Secure address over HTTP: who is sent to https, cookies, the local authority's page, and the check from a phone."""

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from starlette.datastructures import Headers
from starlette.types import Message

from tawny.api.auth.access import COOKIE, SECURE_COOKIE
from tawny.api.auth.accounts import Caller, Role
from tawny.api.client_address import TrustedProxies
from tawny.api.request_handling import STRICT_S
from tawny.api.server import WebServer
from tawny.config.loader import read_settings
from tawny.config.secure import SecureSettings
from tawny.config.settings import Settings
from tawny.fleet.message_link import LineClosed, WebSocketLink
from tawny.model.errors import NotDone
from tawny.service.address.acme import Issued, Order
from tawny.service.address.address_service import AddressMeans, AddressService
from tawny.service.changeable_settings import ChangeableSettings
from tests.api.fakes import OURS, House

FOREIGN = "203.0.113.9"
HOME = "192.168.1.20"
NAMES = frozenset({"pi", "pi.local"})


class Serving:
    """A house whose recorder has a settings file and serves https."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.file = house, folder / "tawny.toml"
        self.file.write_text('[web]\nlisten = "0.0.0.0:8000"\nhosts = ["tawny.test", "pi.local"]\n')
        self.settings = read_settings(self.file)
        self.service = AddressService(
            ChangeableSettings(lambda: self.settings, self.apply, self.file),
            AddressMeans(lambda: NAMES, self.refuse, lambda: frozenset({"192.168.1.5"}), kept_in=folder),
            house.clock,
        )
        house.site.secure = self.service
        house.site.apply(self.settings.web)

    def apply(self, new: Settings, _: str) -> None:
        self.settings = new
        self.house.site.apply(new.web)

    def refuse(self, order: Order, _: Path) -> Issued:
        raise NotDone(f"{order.domains[0]} isn't reachable.", "Forward port 80.")

    def browser(self, address: str, base: str = "http://pi.local:8000") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.house.app, client=(address, 4711))
        headers = {**OURS, "Origin": base}
        return httpx.AsyncClient(transport=transport, base_url=base, headers=headers)


@pytest.fixture
def serving(house: House, tmp_path: Path) -> Serving:
    return Serving(house, tmp_path)


@pytest.fixture
def own(serving: Serving) -> Serving:
    serving.service.use_own("pi.local")
    return serving


@pytest.mark.parametrize(
    ("address", "path", "status"),
    [
        (FOREIGN, "/", 308), (FOREIGN, "/api/v1/session", 308), (FOREIGN, "/cameras", 308), ("100.64.3.4", "/", 308),
        ("2001:db8::7", "/", 308), (FOREIGN, "/.well-known/acme-challenge/x", 404),
        (HOME, "/api/v1/session", 200), ("127.0.0.1", "/api/v1/session", 200), ("::1", "/api/v1/session", 200),
        ("fd00::7", "/api/v1/session", 200), ("10.1.2.3", "/api/v1/session", 200),
    ],
)  # fmt: skip
async def test_plain_http_from_outside_gets_only_the_way_to_https(
    own: Serving, address: str, path: str, status: int
) -> None:
    answer = await own.browser(address).get(path + "?a=1")
    assert answer.status_code == status
    if status == 308:
        assert answer.headers["location"] == f"https://pi.local:8000{path}?a=1"
        assert answer.content == b""


async def test_the_line_of_another_recorder_learns_the_address_with_https(
    own: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.api.request_handling.is_nearby", lambda _: False)
    server = WebServer(own.house.app, own.house.accounts, "127.0.0.1", 0)
    await server.start()
    named = server.address.replace("127.0.0.1", "localhost")
    with pytest.raises(LineClosed) as closed:
        await WebSocketLink.open(f"http://{named}")
    assert f"leads to https://{named}; use that address" in str(closed.value), "pi.local is for home"
    await server.stop()


@pytest.mark.parametrize(
    ("base", "target"),
    [
        ("http://[2001:db8::5]:8000", "https://[2001:db8::5]:8000/"), ("http://203.0.113.5", "https://203.0.113.5/"),
        ("http://cam.example.org:8000", "https://cam.example.org:8000/"),
        ("http://192.168.9.9:8000", "https://pi.local:8000/"), ("http://[fd00::9]", "https://pi.local:8000/"),
    ],
)  # fmt: skip
async def test_from_outside_only_addresses_for_home_need_a_certificate(own: Serving, base: str, target: str) -> None:
    own.file.write_text(own.file.read_text().replace('"tawny.test"', '"cam.example.org"'))
    own.apply(read_settings(own.file), "")
    answer = await own.browser("2001:db8::7", base).get("/")
    assert answer.headers["location"] == target


async def test_without_a_host_nothing_is_redirected(own: Serving) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/x", "raw_path": b"/x", "query_string": b"", "headers": [],
        "scheme": "http", "client": (FOREIGN, 4711), "http_version": "1.0",
    }  # fmt: skip
    await own.house.app(scope, receive, send)
    assert sent[0]["status"] == 421


async def test_the_line_of_another_recorder_learns_that_the_certificate_is_lost(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_certificate(serving)
    monkeypatch.setattr("tawny.api.request_handling.is_nearby", lambda _: False)
    server = WebServer(serving.house.app, serving.house.accounts, "127.0.0.1", 0)
    await server.start()
    with pytest.raises(LineClosed, match="tawny has no certificate for https now"):
        await WebSocketLink.open(f"http://{server.address}")
    await server.stop()


@pytest.mark.parametrize(
    ("method", "path", "is_plain"),
    [
        ("GET", "/ca", True), ("GET", "/ca/tawny.crt", True), ("GET", "/assets/start.js", True),
        ("GET", "/api/v1/local-authority", True), ("GET", "/api/v1/languages/de", True), ("GET", "/carport", False),
        ("POST", "/ca", False), ("GET", "/api/v1/languages", False),
    ],
)  # fmt: skip
async def test_the_page_that_installs_the_authority_works_before_https_is_trusted(
    own: Serving, method: str, path: str, is_plain: bool
) -> None:
    answer = await own.browser("2001:db8::7").request(method, path)
    assert (answer.status_code != 308) == is_plain


async def test_that_page_is_redirected_where_there_is_no_own_authority(serving: Serving) -> None:
    serving.service.use_own("pi.local")
    folder = serving.file.parent / "certificates" / "own"
    serving.service.use_files(str(folder / "chain.pem"), str(folder / "key.pem"), "pi.local")
    assert (await serving.browser(FOREIGN).get("/ca")).status_code == 308


@pytest.mark.parametrize("forwarded", [{"X-Forwarded-Proto": "wss"}, {"Forwarded": "for=203.0.113.9;proto=WSS"}])
async def test_a_proxy_may_name_the_scheme_of_a_websocket(forwarded: Mapping[str, str]) -> None:
    origin = TrustedProxies().origin("127.0.0.1", Headers(forwarded))
    assert origin.scheme == "https", "its session is in the cookie of https"
    assert TrustedProxies().origin("127.0.0.1", Headers({"X-Forwarded-Proto": "ws"})).scheme == "http"


async def test_nobody_signs_in_from_outside_without_encryption(own: Serving) -> None:
    answer = await own.browser(FOREIGN).post("/api/v1/sign-in", json={"name": "Anna", "password": "x"})
    assert answer.status_code == 308
    assert "set-cookie" not in answer.headers


def lose_certificate(serving: Serving) -> None:
    """Of another recorder of this computer that has served https."""
    text = '[web.secure]\nway = "files"\ncertificate = "/none"\nkey = "/none"\ndomain = "pi.local"\n'
    (serving.file.parent / "https-served").write_text("files pi.local\n")
    serving.file.write_text(serving.file.read_text() + text)
    serving.apply(read_settings(serving.file), "")
    serving.service.refresh()


async def test_without_a_certificate_nothing_is_redirected(serving: Serving) -> None:
    assert (await serving.browser(FOREIGN).get("/api/v1/session")).status_code == 200


@pytest.mark.parametrize(
    ("address", "path", "status"),
    [
        (FOREIGN, "/", 503), (FOREIGN, "/api/v1/session", 503), (FOREIGN, "/.well-known/acme-challenge/x", 404),
        (HOME, "/api/v1/session", 200), ("127.0.0.1", "/api/v1/session", 200),
    ],
)  # fmt: skip
async def test_while_https_has_no_certificate_outsiders_are_refused(
    serving: Serving, address: str, path: str, status: int
) -> None:
    lose_certificate(serving)
    answer = await serving.browser(address).get(path, headers={"Accept": "text/html" if path == "/" else "*/*"})
    assert answer.status_code == status
    if status == 503:
        assert "no certificate for https" in answer.text
        assert "see the log of tawny" in answer.text, "a server on the internet has no other address"
        assert "/none" not in answer.text, "outsiders learn no paths"


async def test_who_sets_up_a_domain_from_outside_goes_on_until_the_first_certificate(serving: Serving) -> None:
    wanted = SecureSettings(way="domain", domain="cam.example.org")
    serving.service.refresh()  # as at the start
    serving.service.use_domain(wanted, {}, "https://cam.example.org")
    assert (await serving.browser(FOREIGN).get("/api/v1/session")).status_code == 200


async def test_behind_a_trusted_proxy_nothing_is_redirected(own: Serving) -> None:
    text = own.file.read_text().replace("[web]\n", '[web]\nproxies = ["198.51.100.2"]\n')
    own.file.write_text(text)
    own.apply(read_settings(own.file), "")
    browser = own.browser("198.51.100.2")
    answer = await browser.get("/api/v1/session", headers={"X-Forwarded-For": FOREIGN, "X-Forwarded-Proto": "http"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("base", "name", "is_secure"),
    [
        ("http://pi.local:8000", f"{COOKIE}-8000", False),
        ("https://pi.local:8000", f"{SECURE_COOKIE}-8000", True),
        ("https://pi.local", SECURE_COOKIE, True),
    ],
)
async def test_each_scheme_has_its_own_session(own: Serving, base: str, name: str, is_secure: bool) -> None:
    person = own.house.accounts.put_person("Anna", Role.OWNER)
    own.house.accounts.set_password(person, await own.house.site.passwords.hash("correct horse battery"))
    browser = own.browser(HOME, base)
    answer = await browser.post("/api/v1/sign-in", json={"name": "Anna", "password": "correct horse battery"})
    assert answer.status_code == 200, answer.text
    session = next(one for one in answer.headers.get_list("set-cookie") if "session" in one)
    assert session.startswith(f"{name}=")
    assert ("; Secure" in session) == is_secure
    assert (await browser.get("/api/v1/address")).json()["way"] == "own"
    assert (await browser.post("/api/v1/sign-out")).status_code == 200
    assert (await browser.get("/api/v1/address")).status_code == 401


async def test_signing_out_ends_all_sessions_of_the_browser(own: Serving) -> None:
    person = own.house.accounts.put_person("Anna", Role.OWNER)
    own.house.accounts.set_password(person, await own.house.site.passwords.hash("correct horse battery"))
    sent = {}
    both = {f"{SECURE_COOKIE}-8000": "https://pi.local:8000", f"{COOKIE}-8000": "http://pi.local:8000"}
    for name, base in both.items():
        login = {"name": "Anna", "password": "correct horse battery"}
        answer = await own.browser(HOME, base).post("/api/v1/sign-in", json=login)
        sent[name] = answer.cookies[name]
    browser = own.browser(HOME, "https://pi.local:8000")
    cookies = "; ".join(f"{name}={token}" for name, token in {**sent, COOKIE: "of another recorder"}.items())
    answer = await browser.post("/api/v1/sign-out", headers={"Cookie": cookies})
    taken = {one.partition("=")[0] for one in answer.headers.get_list("set-cookie") if "Max-Age=0" in one}
    assert (answer.status_code, taken) == (200, {*both})
    for name, token in sent.items():
        result = await browser.get("/api/v1/session", headers={"Cookie": f"{name}={token}"})
        assert result.json()["state"] == "signed-out"


async def test_two_recorders_of_one_computer_share_no_session(own: Serving) -> None:
    """Browsers send a host's cookies to all its ports."""
    person = own.house.accounts.put_person("Anna", Role.OWNER)
    mine = own.house.accounts.begin_session(person, Caller("127.0.0.1"))
    for name in (f"{COOKIE}-8000", COOKIE):  # also a cookie of an earlier version
        cookies = f"{COOKIE}-8001=of-the-other; {name}={mine}"
        answer = await own.browser(HOME, "http://pi.local:8000").get("/api/v1/session", headers={"Cookie": cookies})
        assert answer.json()["state"] == "signed-in"


FILES = '[web.secure]\nway = "files"\ncertificate = "a"\nkey = "b"\ndomain = "cam.example.org"'
DOMAIN = f'public_url = "https://cam.example.org"\n{FILES}'
TAILSCALE = '[web.secure]\nway = "tailscale"\ndomain = "pi.tail1.ts.net"'
STRICT, FORGET = f"max-age={STRICT_S}", "max-age=0"


@pytest.mark.parametrize(
    ("settings", "base", "said"),
    [
        ('[web.secure]\nway = "own"\ndomain = "pi.local"', "https://pi.local:8000", None),
        (DOMAIN, "https://cam.example.org", STRICT), (DOMAIN, "http://cam.example.org", None),
        (DOMAIN, "https://tawny.test", None), ('[web.secure]\nway = "off"', "https://tawny.test", None),
        (FILES, "https://cam.example.org", STRICT), (FILES, "https://cam.example.org:8000", None),
        (DOMAIN.replace("https://cam", "https://other"), "https://cam.example.org:8000", None),
        (f'proxies = ["{HOME}"]\n{DOMAIN}', "https://cam.example.org", None),
        (f'proxies = ["{HOME}"]\n{TAILSCALE}', "https://pi.tail1.ts.net", None),
        (TAILSCALE, "https://pi.tail1.ts.net", FORGET),
        (DOMAIN.replace("cam.example.org", "pi.tail1.ts.net"), "https://pi.tail1.ts.net", FORGET),
    ],
)  # fmt: skip
async def test_only_domains_on_the_usual_port_are_for_https_alone(
    serving: Serving, settings: str, base: str, said: str | None
) -> None:
    """Browsers would refuse http on all ports of the name."""
    serving.file.write_text(serving.file.read_text() + f"{settings}\n")
    serving.apply(read_settings(serving.file), "")
    answer = await serving.browser(HOME, base).get("/api/v1/session")
    assert answer.status_code == 200
    assert answer.headers.get("strict-transport-security") == said


async def test_the_authority_is_shown_only_while_it_is_in_use(serving: Serving) -> None:
    browser = serving.browser(HOME)
    paths = ("/api/v1/local-authority", "/ca/tawny.crt", "/ca/tawny.mobileconfig")
    assert [(await browser.get(path)).status_code for path in paths] == [404, 404, 404]
    serving.service.use_own("pi.local")
    answer, file, profile = [await browser.get(path) for path in paths]
    authority = x509.load_der_x509_certificate(file.content)
    assert file.headers["content-type"] == "application/x-x509-ca-cert"
    assert answer.json()["url"] == "https://pi.local:8000"
    assert bytes.fromhex(answer.json()["fingerprint"].replace(":", "")) == authority.fingerprint(
        authority.signature_hash_algorithm  # type: ignore[arg-type]
    )
    assert b"com.apple.security.root" in profile.content
    assert b"PRIVATE KEY" not in file.content + profile.content


async def test_an_answer_for_the_public_authority_is_plain(own: Serving) -> None:
    own.house.site.answer_challenge = {"abc": "abc.thumb"}.get
    answer = await own.browser(FOREIGN).get("/.well-known/acme-challenge/abc")
    assert (answer.status_code, answer.text) == (200, "abc.thumb")


class TestSettingUp:
    async def test_an_owner_sets_up_and_takes_back(self, serving: Serving) -> None:
        owner = serving.house.signed_in(Role.OWNER)
        before = (await owner.get("/api/v1/address")).json()
        assert before["names"][0] == "pi.local"
        after = (await owner.put("/api/v1/address/own", json={"name": "pi.local"})).json()
        assert (after["way"], after["home_only"], after["url"]) == ("own", True, "https://pi.local:8000")
        assert (await owner.delete("/api/v1/address")).json()["way"] == "off"

    @pytest.mark.parametrize(
        ("public_url", "base", "own", "plain"),
        [
            ("", "https://192.168.1.5:8123", "http://172.17.0.2:8000", "http://192.168.1.5:8123"),
            ("", "http://localhost:8000", "http://127.0.0.1:8000", ""),
            ("", "http://localhost:8000", "http://192.168.1.5:8000", "http://192.168.1.5:8000"),
            ("https://pi.local:8123", "http://localhost:8000", "http://127.0.0.1:8000", "http://pi.local:8123"),
        ],
    )
    async def test_the_address_without_https_is_one_for_other_devices(
        self, serving: Serving, public_url: str, base: str, own: str, plain: str
    ) -> None:
        serving.service.use_own("pi.local")
        serving.file.write_text(serving.file.read_text().replace("[web]\n", f'[web]\npublic_url = "{public_url}"\n'))
        serving.apply(read_settings(serving.file), "")
        serving.house.site.own_addresses = lambda: [own]
        owner = serving.house.signed_in(Role.OWNER)
        owner.base_url = base
        assert (await owner.get("/api/v1/address")).json()["plain_url"] == plain

    @pytest.mark.parametrize(
        ("path", "body", "status", "words"),
        [
            ("own", {"name": "bank.example"}, 409, "isn't a name or address"),
            ("files", {"certificate": "/none", "key": "/none"}, 409, "can't be read"),
            ("domain", {"domain": "a b"}, 400, "host name"),
            ("domain", {"domain": "cam.example.org", "contact": "anna"}, 400, "email"),
            ("domain", {"domain": "cam.example.org", "challenge": "dns"}, 400, "dns_provider"),
            ("domain", {"domain": "cam.example.org", "dns_options": {"A b": "x"}}, 400, "options"),
        ],
    )
    async def test_what_can_not_be_is_refused_with_words(
        self, serving: Serving, path: str, body: Mapping[str, object], status: int, words: str
    ) -> None:
        before = serving.file.read_text()
        answer = await serving.house.signed_in(Role.OWNER).put(f"/api/v1/address/{path}", json=body)
        assert answer.status_code == status, answer.text
        assert words in answer.text
        assert serving.file.read_text() == before

    async def test_secrets_of_a_provider_never_come_back(self, serving: Serving) -> None:
        owner = serving.house.signed_in(Role.OWNER)
        asked = {
            "domain": "cam.example.org", "challenge": "dns", "dns_provider": "cloudflare",
            "dns_options": {"auth_token": "s3cret-t0ken"}, "public_port": 8443,
        }  # fmt: skip
        answer = await owner.put("/api/v1/address/domain", json=asked)
        assert answer.json()["public_url"] == "https://cam.example.org:8443"
        assert answer.json()["dns_options"] == ["auth_token"]
        text = answer.text + (await owner.get("/api/v1/address")).text + serving.file.read_text()
        assert "s3cret-t0ken" not in text


class TestPhoneCheck:
    async def test_a_code_works_once_and_its_reports_arrive(self, own: Serving) -> None:
        owner, phone = own.house.signed_in(Role.OWNER), own.browser(HOME, "https://pi.local:8000")
        begun = (await owner.post("/api/v1/address/check")).json()
        address, code = begun["url"].split("#code=")
        assert address == "https://pi.local:8000/check"
        state = f"/api/v1/address/check/{begun['key']}"
        assert (await owner.get(state)).json()["state"] == "waiting"
        opened = await phone.post("/api/v1/address-check/open", json={"code": code, "device": "iPhone"})
        assert (await phone.post("/api/v1/address-check/open", json={"code": code})).status_code == 404
        report = {
            "ticket": opened.json()["ticket"], "trusted": "yes", "socket": "yes", "webrtc": "no", "push": "home-screen",
            "done": True,
        }  # fmt: skip
        assert (await phone.post("/api/v1/address-check/report", json=report)).status_code == 200
        found = (await owner.get(state)).json()
        assert (found["state"], found["device"], found["webrtc"], found["push"]) == (
            "done", "iPhone", "no", "home-screen",
        )  # fmt: skip

    async def test_it_ends_after_ten_minutes(self, own: Serving) -> None:
        owner = own.house.signed_in(Role.OWNER)
        begun = (await owner.post("/api/v1/address/check")).json()
        own.house.clock.advance(601)
        code = begun["url"].split("#code=")[1]
        assert (await own.browser(HOME).post("/api/v1/address-check/open", json={"code": code})).status_code == 404
        assert (await owner.get(f"/api/v1/address/check/{begun['key']}")).json()["state"] == "ended"

    async def test_without_an_address_there_is_nothing_to_check(self, serving: Serving) -> None:
        assert (await serving.house.signed_in(Role.OWNER).post("/api/v1/address/check")).status_code == 409

    @pytest.mark.parametrize("path", ["report", "rtc"])
    async def test_without_a_ticket_nothing_happens(self, own: Serving, path: str) -> None:
        report = {"ticket": "x", "trusted": "yes", "socket": "yes", "webrtc": "yes", "push": "yes", "done": True}
        assert (await own.browser(HOME).post(f"/api/v1/address-check/{path}", json=report)).status_code == 404
