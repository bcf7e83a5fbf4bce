"""Proof by DNS: real providers of dns-lexicon against stand-ins of their services, a real DNS server and authority."""

import argparse
import json
import logging
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from lexicon._private.providers import cloudflare

from tawny.engine.blocking_calls import try_call
from tawny.model.errors import CertificateRefused
from tawny.service.address.acme import HttpChallenges, Order, obtain
from tawny.service.address.dns_challenge import (
    CertificateProblem,
    DnsAccess,
    DnsLookup,
    dns_providers,
    provider_named,
    published,
)
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tests.service.address.authority import Authority, Names, authority, dns_server
from tests.service.address.test_acme import QuickClock, names

TOKEN = "s3cret+token/of=someone"


@pytest.fixture(scope="module")
def pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with authority(tmp_path_factory.mktemp("pebble")) as one:
        yield one


class PowerDns(StandIn):
    """The API of a PowerDNS server whose zone the DNS server shows."""

    def __init__(self, dns: Names | None) -> None:
        super().__init__()
        self.dns, self.reply = dns, self.says
        self.records: dict[str, list[str]] = {}

    def says(self, asked: ReceivedRequest) -> Reply:
        if asked.headers.get("x-api-key") != TOKEN:
            return 401, {"error": "Unauthorized"}
        if not asked.route.endswith("/zones/example.org."):
            return 404, {"error": "Not Found"}
        if asked.method == "PATCH":
            for one in asked.json["rrsets"]:
                self.set(one["name"], [record["content"] for record in one["records"]])
        sets = [
            {
                "name": name,
                "type": "TXT",
                "ttl": 600,
                "records": [{"content": one, "disabled": False} for one in values],
            }
            for name, values in self.records.items()
        ]
        return 200, {"kind": "Native", "rrsets": sets}

    def set(self, name: str, values: list[str]) -> None:
        self.records[name] = values
        if self.dns:
            self.dns.post("clear-txt", host=name)
            for value in values:
                self.dns.post("set-txt", host=name, value=value.strip('"'))

    def options(self, token: str = TOKEN) -> dict[str, str]:
        return {"pdns_server": self.base, "auth_token": token}


def _rrset(name: str, values: list[str]) -> dict[str, Any]:
    return {"name": name, "type": "TXT", "ttl": 600, "records": [{"content": one, "disabled": False} for one in values]}


def access(server: PowerDns, lookup: DnsLookup, **more: Any) -> DnsAccess:
    return DnsAccess("powerdns", {**server.options(), **more}, lookup, "example.org")


def test_certificate_by_dns_for_all_names_of_a_domain(pebble: Authority, tmp_path: Path) -> None:
    with served(PowerDns(pebble.names)) as server:
        assert isinstance(server, PowerDns)
        server.set("_acme-challenge.example.org.", ['"of another program"'])
        order = pebble.order(
            "example.org",
            "*.example.org",
            challenge="dns",
            dns_provider="powerdns",
            dns_options=server.options(),
            dns_zone="example.org",
        )
        clock = QuickClock()
        issued = obtain(order, tmp_path, HttpChallenges(), clock, pause=clock.pause)
        assert names(issued) == ["*.example.org", "example.org"]
        assert server.records == {"_acme-challenge.example.org.": ['"of another program"']}
        assert sum(asked.method == "PATCH" for asked in server.asked) == 4


def test_authority_does_not_see_the_record(pebble: Authority, tmp_path: Path) -> None:
    clock = QuickClock()
    with dns_server() as elsewhere, served(PowerDns(elsewhere)) as server:
        assert isinstance(server, PowerDns)
        order = Order(
            ("cam.example.org",),
            challenge="dns",
            directory=pebble.directory,
            trust=str(pebble.trust),
            dns_provider="powerdns",
            dns_options=server.options(),
            dns_zone="example.org",
            dns_servers=(elsewhere.server,),
        )
        with pytest.raises(CertificateRefused, match=r"couldn't check cam\.example\.org in DNS") as raised:
            obtain(order, tmp_path, HttpChallenges(), clock, pause=clock.pause)
    assert raised.value.problem == CertificateProblem.DNS_NOT_VISIBLE
    assert server.records["_acme-challenge.cam.example.org."] == []  # removed again


def test_waiting_for_name_servers_is_limited() -> None:
    clock = FakeClock()
    begun_s = clock.mono_s()
    with dns_server() as dns, served(PowerDns(None)) as server:
        assert isinstance(server, PowerDns)
        place = access(server, DnsLookup((dns.server,)))
        with (
            pytest.raises(CertificateRefused) as raised,
            published([("_acme-challenge.cam.example.org", "value")], place, clock, clock.advance),
        ):
            pytest.fail("it isn't visible")
    assert raised.value.problem == CertificateProblem.DNS_NOT_VISIBLE
    assert "didn't appear in DNS within 20 min (1 of 1 name servers don't have it)" in raised.value.message
    assert 1200 <= clock.mono_s() - begun_s < 1260
    assert server.records["_acme-challenge.cam.example.org."] == []


def test_record_appears_late() -> None:
    clock, waits = FakeClock(), 0
    with dns_server() as dns, served(PowerDns(None)) as server:
        assert isinstance(server, PowerDns)

        def wait(seconds: float) -> None:
            nonlocal waits
            waits += 1
            clock.advance(seconds)
            if waits == 3:
                dns.post("set-txt", host="_acme-challenge.cam.example.org.", value="value")

        place = access(server, DnsLookup((dns.server,)))
        with published([("_acme-challenge.cam.example.org", "value")], place, clock, wait):
            assert waits == 3


def test_alias_of_the_record_is_followed() -> None:
    clock = FakeClock()
    with dns_server() as dns, served(PowerDns(dns)) as server:
        assert isinstance(server, PowerDns)
        dns.post("set-cname", host="_acme-challenge.cam.example.com", target="cam.example.org")
        place = access(server, DnsLookup((dns.server,)))
        with published([("_acme-challenge.cam.example.com", "value")], place, clock, clock.advance):
            assert server.records["cam.example.org."] == ['"value"']


def refusal(place: DnsAccess, name: str = "_acme-challenge.cam.example.org") -> CertificateRefused:
    clock = FakeClock()
    with pytest.raises(CertificateRefused) as raised, published([(name, "value")], place, clock, clock.advance):
        pytest.fail("the provider refuses it")
    assert raised.value.problem == CertificateProblem.DNS_PROVIDER
    return raised.value


@pytest.fixture(scope="module")
def lookup() -> Iterator[DnsLookup]:
    with dns_server() as dns:
        yield DnsLookup((dns.server,))


def test_provider_refuses_the_key(lookup: DnsLookup) -> None:
    with served(PowerDns(None)) as server:
        assert isinstance(server, PowerDns)
        result = refusal(access(server, lookup, auth_token="another"))
    assert "PowerDNS rejected the API key" in result.message


def test_provider_without_the_domain(lookup: DnsLookup) -> None:
    with served(PowerDns(None)) as server:
        assert isinstance(server, PowerDns)
        place = DnsAccess("powerdns", server.options(), lookup, "example.com")
        result = refusal(place, "_acme-challenge.cam.example.com")
    assert "PowerDNS has no domain example.com in this account" in result.message


def test_provider_is_down(lookup: DnsLookup) -> None:
    place = DnsAccess("powerdns", {"pdns_server": "http://127.0.0.1:9", "auth_token": TOKEN}, lookup, "example.org")
    assert "PowerDNS isn't responding" in refusal(place).message


def test_missing_options(lookup: DnsLookup) -> None:
    result = refusal(DnsAccess("ovh", {"auth_entrypoint": "ovh-eu"}, lookup, "example.org"))
    assert result.message == "OVH needs Application key and Application secret and Consumer key."
    assert "`auth_consumer_key`" in result.do


def test_unknown_provider(lookup: DnsLookup) -> None:
    result = refusal(DnsAccess("nobody", {}, lookup, "example.org"))
    assert result.message == 'tawny knows no DNS provider "nobody".'
    assert "cloudflare" in result.do


def cloudflare_at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redirect dns-lexicon's provider for Cloudflare."""
    make: Any = cloudflare.Provider.__init__

    def made(self: Any, config: Any) -> None:
        make(self, config)
        self.api_endpoint = address

    monkeypatch.setattr(cloudflare.Provider, "__init__", made)


def test_secrets_stay_out_of_texts_and_logs(
    lookup: DnsLookup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with served(StandIn(lambda asked: (403, {"errors": [{"message": asked.headers["authorization"]}]}))) as server:
        cloudflare_at(f"{server.base}/{TOKEN}", monkeypatch)  # requests name the address in their errors
        result = refusal(DnsAccess("cloudflare", {"auth_token": TOKEN}, lookup, "example.org"))
        assert server.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert "Cloudflare rejected the API token" in result.message
    assert "Zone:Read and DNS:Edit" in result.do
    assert "127.0.0.1" in result.message  # the address, without the token in it
    assert TOKEN not in str(result) + caplog.text


def test_cloudflare(lookup: DnsLookup, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, Any]] = []

    def says(asked: ReceivedRequest) -> Reply:
        if asked.route == "/zones":
            pages = {"total_pages": 1}
            return 200, {"success": True, "result": [{"id": "z1", "name": "example.org"}], "result_info": pages}
        if asked.method == "POST":
            made.append((asked.json["name"], asked.json["content"]))
        return 200, {"success": True, "result": [], "result_info": {"total_pages": 1, "page": 1}}

    clock = FakeClock()
    with served(StandIn(says)) as server:
        cloudflare_at(server.base, monkeypatch)
        place = DnsAccess("cloudflare", {"auth_token": TOKEN}, lookup, "example.org")
        with (
            pytest.raises(CertificateRefused, match="didn't appear"),
            published([("_acme-challenge.cam.example.org", "the value")], place, clock, clock.advance),
        ):
            pytest.fail("this server shows no records")
    assert [(name, content.strip('"')) for name, content in made] == [("_acme-challenge.cam.example.org", "the value")]


@pytest.mark.parametrize(
    ("provider", "name", "zone"),
    [
        ("cloudflare", "_acme-challenge.cam.example.org", "example.org"),
        ("cloudflare", "_acme-challenge.cam.home.example.co.uk", "example.co.uk"),
        ("desec", "_acme-challenge.cam.mine.dedyn.io", "mine.dedyn.io"),
        ("duckdns", "_acme-challenge.mine.duckdns.org", "mine.duckdns.org"),
        ("duckdns", "_acme-challenge.cam.mine.duckdns.org", "mine.duckdns.org"),
    ],
)
def test_zone_without_the_network(
    lookup: DnsLookup, provider: str, name: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(*_: object, **__: object) -> None:
        pytest.fail("a list is downloaded")

    monkeypatch.setattr("requests.Session.request", download)
    assert DnsAccess(provider, {}, lookup).zone_of(name) == zone


class Zones(DnsLookup):
    """Answers with one zone, as a real server does for a delegated domain."""

    def zone(self, name: str) -> str:
        return "home.example.org"


@pytest.mark.parametrize(
    ("name", "zone"), [("cam.home.example.org", "home.example.org"), ("cam.example.com", "example.com")]
)
def test_delegated_zone(name: str, zone: str) -> None:
    assert DnsAccess("cloudflare", {}, Zones(("127.0.0.1:9",))).zone_of(name) == zone


@pytest.mark.parametrize("provider", dns_providers(), ids=lambda provider: provider.name)
def test_options_are_those_of_the_library(provider: Any) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    import_module(f"lexicon._private.providers.{provider.name}").Provider.configure_parser(parser)
    known = vars(parser.parse_args([]))
    assert {option.name for option in provider.options} <= known.keys()
    assert any(option.is_required and option.is_secret for option in provider.options)


def test_less_common_provider_has_the_library_s_options() -> None:
    found = provider_named("zilore")
    assert [option.name for option in found.options] == ["auth_key"]


def test_foreign_code_that_never_returns() -> None:
    never = threading.Event()
    assert isinstance(try_call("never", never.wait, 0.05), TimeoutError)
    never.set()


def test_foreign_code_that_fails() -> None:
    assert isinstance(try_call("fails", lambda: json.loads("{"), 5), ValueError)
    assert try_call("works", lambda: None, 5) is None
