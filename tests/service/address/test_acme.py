"""Certificates from a real authority for tests, Pebble, which also refuses every fifth nonce."""

import logging
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography import x509

from tawny.model.errors import CertificateRefused, NotDone
from tawny.model.times import SystemClock, utc_text
from tawny.service.address.acme import ACCOUNT_KEY, HttpChallenges, Issued, Order, obtain, renew_due_ms
from tawny.service.address.dns_challenge import CertificateProblem
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tests.service.address.authority import EAB_KEY, Authority, authority, fits
from tests.support.ports import free_port

DAY_MS = 86_400_000


class QuickClock(FakeClock):
    """Begins now, because the authority's certificates do. A second of waiting takes a fiftieth."""

    def __init__(self, begin: str = "") -> None:
        super().__init__(begin or utc_text(SystemClock().now_ms()))

    def pause(self, seconds: float) -> None:
        threading.Event().wait(seconds / 50)
        self.advance(seconds)


@pytest.fixture(scope="module")
def _pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with authority(tmp_path_factory.mktemp("pebble")) as one:
        yield one


@pytest.fixture
def pebble(_pebble: Authority) -> Authority:
    _pebble.challenges, _pebble.web.reply = HttpChallenges(), _pebble.answer
    _pebble.web.asked.clear()
    return _pebble


def get(order: Order, folder: Path, challenges: HttpChallenges, clock: QuickClock | None = None) -> Issued:
    clock = clock or QuickClock()
    return obtain(order, folder, challenges, clock, pause=clock.pause)


def names(issued: Issued) -> list[str]:
    leaf = x509.load_pem_x509_certificate(issued.chain)
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return sorted(found.get_values_for_type(x509.DNSName))


def refusal(
    order: Order, folder: Path, challenges: HttpChallenges, clock: QuickClock | None = None
) -> CertificateRefused:
    with pytest.raises(CertificateRefused) as raised:
        get(order, folder, challenges, clock)
    return raised.value


def test_certificate_by_http(pebble: Authority, tmp_path: Path) -> None:
    issued = get(pebble.order("cam.example.org", "home.example.org"), tmp_path, pebble.challenges)
    assert names(issued) == ["cam.example.org", "home.example.org"]
    assert fits(issued.chain, issued.key, tmp_path)
    assert len(x509.load_pem_x509_certificates(issued.chain)) == 2  # with the one that signed it
    token = pebble.web.asked[-1].route.rpartition("/")[2]
    assert pebble.challenges.answer(token) is None  # only while it is checked


def test_account_is_made_once_and_private(pebble: Authority, tmp_path: Path) -> None:
    first = get(pebble.order(), tmp_path, pebble.challenges)
    key = tmp_path / ACCOUNT_KEY
    made, mode = key.read_bytes(), stat.S_IMODE(key.stat().st_mode)
    second = get(pebble.order(), tmp_path, pebble.challenges)
    assert (key.read_bytes(), mode) == (made, 0o600)
    assert first.key != second.key


def test_renewal_is_due_after_two_thirds(pebble: Authority, tmp_path: Path) -> None:
    clock = QuickClock()
    issued = get(pebble.order(), tmp_path, pebble.challenges, clock)
    due_ms = renew_due_ms(issued.chain, clock.now_ms())
    assert 60 * DAY_MS - 3_600_000 <= due_ms - clock.now_ms() <= 62 * DAY_MS
    clock.advance((due_ms - clock.now_ms()) / 1000)
    again = get(pebble.order(), tmp_path, pebble.challenges, clock)
    assert (
        x509.load_pem_x509_certificate(again.chain).serial_number
        != x509.load_pem_x509_certificate(issued.chain).serial_number
    )


def test_unusable_certificate_is_due_now() -> None:
    assert renew_due_ms(b"no certificate", 5) == 5


def test_authority_that_forgot_the_account(pebble: Authority, tmp_path: Path) -> None:
    get(pebble.order(), tmp_path, pebble.challenges)
    with authority(tmp_path / "other") as other:
        assert names(get(other.order(), tmp_path, other.challenges)) == ["cam.example.org"]


def test_closed_account_gets_a_new_key(pebble: Authority, tmp_path: Path) -> None:
    get(pebble.order(), tmp_path, pebble.challenges)
    before = (tmp_path / ACCOUNT_KEY).read_bytes()
    close_account(pebble, tmp_path)
    assert names(get(pebble.order(), tmp_path, pebble.challenges)) == ["cam.example.org"]
    assert (tmp_path / ACCOUNT_KEY).read_bytes() != before
    (kept,) = tmp_path.glob("account-closed-*.pem")
    assert kept.read_bytes() == before


def close_account(pebble: Authority, folder: Path) -> None:
    from acme import client, errors, messages
    from cryptography.hazmat.primitives import serialization
    from josepy.jwa import ES256
    from josepy.jwk import JWKEC

    key = JWKEC(key=serialization.load_pem_private_key((folder / ACCOUNT_KEY).read_bytes(), None))
    for _ in range(9):  # nonces are refused now and then
        net = client.ClientNetwork(key, alg=ES256, verify_ssl=str(pebble.trust))  # type: ignore[arg-type]
        try:
            one = client.ClientV2(client.ClientV2.get_directory(pebble.directory, net), net)
            with pytest.raises(errors.ConflictError) as known:
                one.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
            found = messages.RegistrationResource(body=messages.Registration(), uri=known.value.location)
            net.account = found
            one.deactivate_registration(found)
            return
        except messages.Error as error:
            assert error.code == "badNonce"
        finally:
            net.session.close()


def test_nothing_answers_on_port_80(tmp_path: Path) -> None:
    with authority(tmp_path, httpPort=free_port()) as closed:
        result = refusal(closed.order(), tmp_path, closed.challenges)
    assert result.problem == CertificateProblem.UNREACHABLE
    assert "couldn't reach this recorder on port 80. cam.example.org points to 127.0.0.1" in result.message
    assert "Forward port 80" in result.do


def test_something_else_answers(pebble: Authority, tmp_path: Path) -> None:
    pebble.web.reply = lambda _: (200, b"a router")
    result = refusal(pebble.order(), tmp_path, pebble.challenges)
    assert result.problem == CertificateProblem.ELSEWHERE
    assert "something else than this recorder answers there" in result.message


def test_domain_points_to_another_connection(pebble: Authority, tmp_path: Path) -> None:
    pebble.web.reply = lambda _: (404, b"")
    result = refusal(pebble.order(public_addresses=("203.0.113.7",)), tmp_path, pebble.challenges)
    assert result.problem == CertificateProblem.ELSEWHERE
    assert "points to 127.0.0.1, but your connection's public address is 203.0.113.7" in result.message
    assert result.do == "Set the A record of cam.example.org to 203.0.113.7 at your DNS provider."


def test_authority_is_down(tmp_path: Path) -> None:
    order = Order(
        ("cam.example.org",),
        challenge="dns",
        dns_servers=("127.0.0.1:9",),
        directory=f"https://127.0.0.1:{free_port()}/dir",
    )
    result = refusal(order, tmp_path, HttpChallenges())
    assert result.problem == CertificateProblem.DIRECTORY
    assert "Can't reach 127.0.0.1" in result.message


def test_authority_is_not_trusted(pebble: Authority, tmp_path: Path) -> None:
    order = Order(("cam.example.org",), challenge="dns", dns_servers=("127.0.0.1:9",), directory=pebble.directory)
    with patch.dict("os.environ", {}, clear=False) as environment:
        environment.pop("REQUESTS_CA_BUNDLE", None)
        environment.pop("CURL_CA_BUNDLE", None)
        result = refusal(order, tmp_path, HttpChallenges())
    assert result.problem == CertificateProblem.DIRECTORY
    assert "its own certificate isn't trusted here" in result.message


def test_computer_without_a_dns_server(tmp_path: Path) -> None:
    import dns.resolver

    with patch.object(dns.resolver.Resolver, "read_resolv_conf", side_effect=dns.resolver.NoResolverConfiguration):
        result = refusal(Order(("cam.example.org",)), tmp_path, HttpChallenges())
    assert result.message == "No DNS server is set on this computer."


def test_missing_file_of_trusted_authorities(pebble: Authority, tmp_path: Path) -> None:
    order = Order(
        ("cam.example.org",),
        challenge="dns",
        dns_servers=("127.0.0.1:9",),
        directory=pebble.directory,
        trust="/no/such/file",
    )
    assert refusal(order, tmp_path, HttpChallenges()).problem == CertificateProblem.DIRECTORY


def test_an_answer_that_is_no_certificate(pebble: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = x509.load_pem_x509_certificate
    monkeypatch.setattr(x509, "load_pem_x509_certificate", lambda _: load(b"<html>"))
    result = refusal(pebble.order(), tmp_path, pebble.challenges)
    assert result.problem == CertificateProblem.REFUSED
    assert "answered what tawny doesn't understand" in result.message


def test_clock_is_wrong(pebble: Authority, tmp_path: Path) -> None:
    result = refusal(pebble.order(), tmp_path, pebble.challenges, QuickClock("2020-01-01T00:00:00Z"))
    assert result.problem == CertificateProblem.CLOCK
    assert "clock says 2020-01-01 00:00 UTC" in result.message


def test_account_key_is_damaged(pebble: Authority, tmp_path: Path) -> None:
    (tmp_path / ACCOUNT_KEY).write_text("no key")
    result = refusal(pebble.order(), tmp_path, pebble.challenges)
    assert result.problem == CertificateProblem.ACCOUNT
    assert str(tmp_path / ACCOUNT_KEY) in result.message


def test_authority_for_existing_accounts_only(tmp_path: Path) -> None:
    keys = {"kid-1": EAB_KEY}
    with authority(tmp_path, externalAccountBindingRequired=True, externalAccountMACKeys=keys) as bound:
        assert refusal(bound.order(), tmp_path, bound.challenges).problem == CertificateProblem.ACCOUNT
        order = bound.order(account_id="kid-1", account_secret=EAB_KEY)
        assert names(get(order, tmp_path, bound.challenges)) == ["cam.example.org"]


def test_stopping(pebble: Authority, tmp_path: Path) -> None:
    clock, is_over = QuickClock(), threading.Event()

    def reply_late(_: ReceivedRequest) -> Reply:
        is_over.wait(20)
        return 404, b""

    pebble.web.reply = reply_late
    with pytest.raises(NotDone, match="recorder stops"):
        obtain(pebble.order(), tmp_path, pebble.challenges, clock, stop=lambda: True, pause=clock.pause)
    is_over.set()


def test_no_secret_in_logs_or_texts(pebble: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    order = pebble.order(account_secret="c2VjcmV0LWhtYWM", dns_options={"auth_token": "t0ken-value"})
    issued = get(order, tmp_path, pebble.challenges)
    text = caplog.text + repr(order) + repr(issued)
    assert "ordered a certificate for cam.example.org" in text
    for secret in ("c2VjcmV0LWhtYWM", "t0ken-value", "PRIVATE KEY"):
        assert secret not in text


@pytest.mark.parametrize(
    ("domains", "more", "problem", "words"),
    [
        ((), {}, "name_unknown", "No domain is set"),
        (("tawny.local",), {}, "name_unknown", "tawny.local is no domain of the internet"),
        (("recorder",), {}, "name_unknown", "recorder is no domain of the internet"),
        (("*.example.org",), {}, "refused", "needs the DNS check"),
        (
            ("cam.example.org",),
            {"trust": ""},
            "elsewhere",
            "points to 127.0.0.1, which is reachable only inside a home",
        ),
    ],
)
def test_orders_that_cannot_succeed(
    pebble: Authority, tmp_path: Path, domains: tuple[str, ...], more: dict[str, Any], problem: str, words: str
) -> None:
    order = Order(domains, dns_servers=(pebble.names.server,), **{"trust": "set", **more})
    result = refusal(order, tmp_path, pebble.challenges)
    assert result.problem == problem
    assert words in result.message
    assert not (tmp_path / ACCOUNT_KEY).exists()  # the authority was not asked


def test_domain_without_address(pebble: Authority, tmp_path: Path) -> None:
    pebble.names.post("set-default-ipv4", ip="")
    try:
        result = refusal(pebble.order(), tmp_path, pebble.challenges)
    finally:
        pebble.names.post("set-default-ipv4", ip="127.0.0.1")
    assert result.message == "cam.example.org has no address in DNS."


class Refusing(StandIn):
    """An authority that refuses every new account with one problem document."""

    def __init__(self, kind: str, status: int) -> None:
        super().__init__()
        self.kind, self.status, self.reply = kind, status, self.says

    def says(self, asked: ReceivedRequest) -> Reply:
        if asked.route == "/dir":
            return 200, {name: f"{self.base}/{name}" for name in ("newNonce", "newAccount", "newOrder")}
        if asked.route == "/newNonce":
            return 200, b""
        return self.status, {"type": f"urn:ietf:params:acme:error:{self.kind}", "detail": "the authority's words"}


@pytest.mark.parametrize(
    ("kind", "status", "problem", "words"),
    [
        ("rateLimited", 429, "rate_limited", "accepts no more requests until"),
        ("caa", 403, "caa", "A CAA record of cam.example.org doesn't allow 127.0.0.1"),
        ("userActionRequired", 403, "terms", "has new terms of service"),
        ("invalidContact", 400, "account", "doesn't accept the account"),
        ("rejectedIdentifier", 400, "refused", "issues no certificates for cam.example.org"),
        ("serverInternal", 500, "directory", "has a fault"),
        ("malformed", 400, "refused", "refused the order"),
    ],
)
def test_words_for_each_refusal(tmp_path: Path, kind: str, status: int, problem: str, words: str) -> None:
    clock = QuickClock()
    headers = {"Replay-Nonce": "bm9uY2U", "Retry-After": "3600"}
    with served(Refusing(kind, status)) as one, with_headers(headers):
        order = Order(("cam.example.org",), challenge="dns", dns_servers=("127.0.0.1:9",), directory=f"{one.base}/dir")
        result = refusal(order, tmp_path, HttpChallenges(), clock)
    assert result.problem == problem
    assert words in result.message
    assert "the authority's words" in result.message
    if kind == "rateLimited":
        assert result.not_before_ms == clock.now_ms() + 3_600_000


def with_headers(headers: dict[str, str]) -> Any:
    """Let every stand-in send these, too."""
    from http.server import BaseHTTPRequestHandler

    end = BaseHTTPRequestHandler.end_headers

    def end_headers(self: BaseHTTPRequestHandler) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        end(self)

    return patch.object(BaseHTTPRequestHandler, "end_headers", end_headers)


def test_page_that_is_no_directory(tmp_path: Path) -> None:
    with served(StandIn(lambda _: (200, {"hello": "there"}))) as one:
        order = Order(("cam.example.org",), challenge="dns", dns_servers=("127.0.0.1:9",), directory=f"{one.base}/dir")
        result = refusal(order, tmp_path, HttpChallenges())
    assert result.problem == CertificateProblem.DIRECTORY
    assert "is no ACME directory" in result.message
