"""TXT records that prove to a certificate authority that a domain is ours (DNS-01), through the domain's DNS provider.

The library dns-lexicon speaks to the providers. Its own search for a domain's zone downloads a list of all suffixes,
so the zone is found here: by the provider's rule, by asking DNS, and by the list that comes with tldextract.
"""

import ipaddress
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

from tawny.engine.blocking_calls import try_call
from tawny.model.errors import CertificateRefused
from tawny.model.times import Clock

if TYPE_CHECKING:
    import dns.resolver

PROPAGATION_S: Final = 1200.0
"""Limit until all name servers answer with a new record; slow providers need a quarter of an hour."""
_POLL_S, _QUERY_S, _PROVIDER_S = 5.0, 5.0, 90.0
_SECRET_PARTS: Final = ("token", "secret", "password", "psw", "key", "pass")
_SHORT: Final = 4
"""Shorter secrets aren't replaced in texts: they would occur by chance."""
log = logging.getLogger(__name__)


class CertificateProblem(StrEnum):
    """Why there is no certificate."""

    NAME_UNKNOWN = "name_unknown"
    ELSEWHERE = "elsewhere"
    UNREACHABLE = "unreachable"
    DNS_PROVIDER = "dns_provider"
    DNS_NOT_VISIBLE = "dns_not_visible"
    RATE_LIMITED = "rate_limited"
    CAA = "caa"
    TERMS = "terms"
    ACCOUNT = "account"
    DIRECTORY = "directory"
    CLOCK = "clock"
    REFUSED = "refused"


def refused(problem: CertificateProblem, what: str, todo: str, not_before_ms: int = 0) -> CertificateRefused:
    return CertificateRefused(what, todo, problem.value, not_before_ms)


# --- providers -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DnsOption:
    """name: as dns-lexicon calls it, such as `auth_token`. label: for people."""

    name: str
    label: str
    is_required: bool = True

    @property
    def is_secret(self) -> bool:
        return any(part in self.name for part in _SECRET_PARTS)


@dataclass(frozen=True, slots=True)
class DnsProvider:
    """name: as dns-lexicon calls it. note: what to do at the provider first; empty: nothing."""

    name: str
    label: str
    options: tuple[DnsOption, ...]
    note: str = ""


_COMMON: Final[Mapping[str, tuple[str, ...]]] = {
    "aliyun": ("Alibaba Cloud", "auth_key_id=Access key ID", "auth_secret=Access key secret"),
    "cloudflare": ("Cloudflare", "auth_token=API token", "zone_id?=Zone ID"),
    "cloudns": ("ClouDNS", "auth_id=API user ID", "auth_password=Password"),
    "desec": ("deSEC (dedyn.io)", "auth_token=API token"),
    "digitalocean": ("DigitalOcean", "auth_token=API token"),
    "dnsimple": ("DNSimple", "auth_token=API token"),
    "dnspod": ("DNSPod", "auth_username=API ID", "auth_token=API token"),
    "duckdns": ("Duck DNS", "auth_token=Token"),
    "dynu": ("Dynu", "auth_token=API key"),
    "easydns": ("easyDNS", "auth_username=User name", "auth_token=API token"),
    "gandi": ("Gandi", "auth_token=Personal access token", "api_protocol?=API (rpc or rest)"),
    "godaddy": ("GoDaddy", "auth_key=API key", "auth_secret=API secret"),
    "henet": ("Hurricane Electric", "auth_username=User name", "auth_password=Password"),
    "hetzner": ("Hetzner", "auth_token=API token"),
    "infomaniak": ("Infomaniak", "auth_token=API token"),
    "inwx": ("INWX", "auth_username=User name", "auth_password=Password"),
    "ionos": ("IONOS", "api_key=API key (prefix.key)"),
    "joker": ("Joker.com", "auth_token=API key"),
    "linode4": ("Linode", "auth_token=API token"),
    "luadns": ("LuaDNS", "auth_username=Email address", "auth_token=API token"),
    "mythicbeasts": ("Mythic Beasts", "auth_username=API key ID", "auth_password=API secret"),
    "namecheap": (
        "Namecheap", "auth_username=User name", "auth_token=API key", "auth_client_ip=Public address of the recorder",
    ),
    "namecom": ("Name.com", "auth_username=User name", "auth_token=API token"),
    "namesilo": ("NameSilo", "auth_token=API key"),
    "netcup": (
        "netcup", "auth_customer_id=Customer number", "auth_api_key=API key", "auth_api_password=API password",
    ),
    "njalla": ("Njalla", "auth_token=API token"),
    "ovh": (
        "OVH", "auth_entrypoint=Endpoint (such as ovh-eu)", "auth_application_key=Application key",
        "auth_application_secret=Application secret", "auth_consumer_key=Consumer key",
    ),
    "porkbun": ("Porkbun", "auth_key=API key", "auth_secret=Secret API key"),
    "powerdns": ("PowerDNS", "pdns_server=Address of its API", "auth_token=API key", "pdns_server_id?=Server ID"),
    "route53": (
        "Route 53 (AWS)", "auth_access_key=Access key ID", "auth_access_secret=Secret access key",
        "zone_id?=Hosted zone ID",
    ),
    "scaleway": ("Scaleway", "auth_secret_key=API secret key"),
    "transip": ("TransIP", "auth_username=User name", "auth_api_key=Private key (PEM)"),
    "vercel": ("Vercel", "auth_token=API token"),
    "vultr": ("Vultr", "auth_token=API token"),
}  # fmt: skip
"""Label and options of the common providers; an option with `?` may be left out."""
_NOTES: Final[Mapping[str, str]] = {
    "cloudflare": "The token needs the permissions Zone:Read and DNS:Edit.",
    "gandi": "With a personal access token, set the API to rest.",
    "namecheap": "Allow the recorder's public address in Namecheap's API settings.",
    "porkbun": "Turn on API access for the domain there.",
}


def _common(name: str) -> DnsProvider:
    label, *options = _COMMON[name]
    pairs = [option.partition("=") for option in options]
    found = tuple(DnsOption(key.rstrip("?"), words, not key.endswith("?")) for key, _, words in pairs)
    return DnsProvider(name, label, found, _NOTES.get(name, ""))


def dns_providers() -> tuple[DnsProvider, ...]:
    """Return the common providers in alphabetical order, for a form. Any other of dns-lexicon's works by its name."""
    return tuple(sorted(map(_common, _COMMON), key=lambda provider: provider.label.lower()))


@cache
def provider_named(name: str) -> DnsProvider:
    """Return a provider with its options; those of less common ones are dns-lexicon's. Raises CertificateRefused."""
    if name in _COMMON:
        return _common(name)
    module = _provider_module(name)
    from argparse import ArgumentParser  # 0.3 MB, for the settings page alone

    parser = ArgumentParser(add_help=False)
    module.Provider.configure_parser(parser)
    options = vars(parser.parse_args([]))
    return DnsProvider(name, name, tuple(DnsOption(option, option, is_required=False) for option in options))


def _provider_module(name: str) -> Any:
    from importlib import import_module

    try:
        known = import_module("lexicon._private.discovery").find_providers()
    except ImportError:
        raise library_missing() from None
    if name not in known or name == "auto":
        raise refused(
            CertificateProblem.DNS_PROVIDER,
            f'tawny knows no DNS provider "{name}".',
            f"Choose one of: {', '.join(_COMMON)}.",
        )
    try:
        return import_module(f"lexicon._private.providers.{name}")
    except ImportError as error:
        raise refused(
            CertificateProblem.DNS_PROVIDER,
            f"{name} needs a library that isn't installed ({error.name}).",
            f"Run `pip install 'dns-lexicon[{name}]'` where tawny is installed.",
        ) from None


def library_missing() -> CertificateRefused:
    return refused(
        CertificateProblem.REFUSED,
        "The libraries for certificates aren't installed.",
        "Run `pip install 'tawny[certificates]'` where tawny is installed.",
    )


# --- DNS queries -----------------------------------------------------------------------------------------------------


class DnsLookup:
    """Asks DNS. servers: `ADDRESS` or `ADDRESS:PORT` (IPv4); empty: the system's. Raises CertificateRefused if none."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        import dns.resolver

        try:
            self._resolver = self._asking(servers) if servers else dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            raise refused(
                CertificateProblem.NAME_UNKNOWN, "No DNS server is set on this computer.", "Check its network settings."
            ) from None
        self._resolver.lifetime = _QUERY_S

    def addresses(self, name: str) -> list[str]:
        """Return the IPv4 and IPv6 addresses; empty if the name has none or doesn't exist. Raises OSError."""
        return [*self._texts(name, "A"), *self._texts(name, "AAAA")]

    def alias(self, name: str) -> str:
        """Return the name that a CNAME record leads to, else the name itself."""
        with suppress(OSError):
            found = self._texts(name, "CNAME")
            if found and found[0] != ".":
                return found[0].rstrip(".")
        return name

    def zone(self, name: str) -> str:
        """Return the zone that has the name by its SOA record; empty if DNS doesn't say."""
        import dns.exception
        import dns.resolver

        try:
            return dns.resolver.zone_for_name(name, resolver=self._resolver).to_text(omit_final_dot=True)
        except (dns.exception.DNSException, OSError):
            return ""

    def texts_at_all(self, zone: str, name: str) -> list[set[str]]:
        """Return the TXT values that each name server of the zone has for a name; those that don't answer are absent.

        If the name servers aren't known, the resolver is asked.
        """
        found: list[set[str]] = []
        for resolver in self._authoritative(zone) or [self._resolver]:
            with suppress(OSError):
                found.append({text.replace('" "', "").strip('"') for text in self._texts(name, "TXT", resolver)})
        return found

    def _authoritative(self, zone: str) -> "list[dns.resolver.Resolver]":
        found = []
        with suppress(OSError):
            for server in self._texts(zone, "NS"):
                with suppress(OSError):
                    addresses = self._texts(server, "A") or self._texts(server, "AAAA")
                    found += [self._asking([address]) for address in addresses[:1]]
        return found

    def _texts(self, name: str, kind: str, resolver: "dns.resolver.Resolver | None" = None) -> list[str]:
        import dns.exception
        import dns.resolver

        try:
            answer = (resolver or self._resolver).resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.resolver.NoNameservers, dns.exception.DNSException) as error:
            raise OSError(f"no DNS server answers for {name}: {error}") from None
        return [record.to_text() for record in answer]

    def _asking(self, servers: Sequence[str]) -> "dns.resolver.Resolver":
        import dns.nameserver
        import dns.resolver

        resolver = dns.resolver.Resolver(configure=False)
        resolver.lifetime, resolver.cache = _QUERY_S, None
        for server in servers:
            host, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "53")
            resolver.nameservers = [*resolver.nameservers, dns.nameserver.Do53Nameserver(host, int(port))]
        return resolver


def is_private(address: str) -> bool:
    return not ipaddress.ip_address(address).is_global


# --- records ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DnsAccess:
    """Access to a domain's DNS. options: by dns-lexicon's names, with secrets. zone: empty: found by DNS."""

    provider: str
    options: Mapping[str, str]
    lookup: DnsLookup
    zone: str = ""

    def without_secrets(self, text: str) -> str:
        """Return a text of the provider or library with every value of the options replaced."""
        for value in sorted(self.options.values(), key=len, reverse=True):
            if len(value) >= _SHORT:
                for spelled in (value, quote(value, safe=""), quote_plus(value), quote(value)):
                    text = text.replace(spelled, "…")
        return text

    def zone_of(self, name: str) -> str:
        """Return the domain whose records the provider manages."""
        if self.zone:
            return self.zone
        labels = name.split(".")
        if self.provider == "duckdns" and len(labels) > 2 and labels[-2] == "duckdns":  # its own names have no zone
            return ".".join(labels[-3:])
        import tldextract

        # The list of the installed version: nothing is downloaded, nothing is written.
        extract = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
        registered = extract(name).top_domain_under_public_suffix
        request = self.lookup.zone(name)
        is_below = request == registered or request.endswith(f".{registered}")
        return request if request and (not registered or is_below) else registered or ".".join(labels[-2:])


@contextmanager
def published(
    records: Sequence[tuple[str, str]], access: DnsAccess, clock: Clock, wait: Callable[[float], None]
) -> Iterator[None]:
    """Make TXT records (name, value), wait until they are visible, and remove them at the end.

    Raises CertificateRefused. wait: pauses for seconds; may raise to stop.
    """
    made: list[tuple[str, str, str]] = []
    try:
        for wanted, value in records:
            name = access.lookup.alias(wanted)
            zone = access.zone_of(name)
            made.append((zone, name, value))  # before the call: one that failed may have made it
            _change(access, zone, partial(_create, name=name, value=value))
        for zone, name in dict.fromkeys((zone, name) for zone, name, _ in made):
            values = {value for _, at, value in made if at == name}
            _wait_visible(access, zone, name, values, clock, wait)
        yield
    finally:
        for zone, name, value in made:
            try:
                _change(access, zone, partial(_delete, name=name, value=value))
            except CertificateRefused as error:
                log.warning("cannot remove the TXT record %s: %s", name, error.message)


def _create(provider: Any, name: str, value: str) -> None:
    if not provider.create_record("TXT", name, value):
        raise ValueError("the record wasn't made")


def _delete(provider: Any, name: str, value: str) -> None:
    provider.delete_record(None, "TXT", name, value)


def _change(access: DnsAccess, zone: str, do: Callable[[Any], None]) -> None:
    """Sign in at the provider and change a record. Raises CertificateRefused."""
    known = provider_named(access.provider)
    missing = [option for option in known.options if option.is_required and not access.options.get(option.name)]
    if missing:
        raise refused(
            CertificateProblem.DNS_PROVIDER,
            f"{known.label} needs {' and '.join(option.label for option in missing)}.",
            f"Set {' and '.join(f'`{option.name}`' for option in missing)} for this provider.",
        )
    module = _provider_module(access.provider)
    from lexicon.config import ConfigResolver

    table = {"provider_name": access.provider, "domain": zone, access.provider: dict(access.options)}

    def work() -> None:
        provider = module.Provider(ConfigResolver().with_dict(table))  # type: ignore[no-untyped-call]
        provider.authenticate()
        try:
            do(provider)
        finally:
            provider.cleanup()

    error = try_call("dns-provider", work, _PROVIDER_S)
    if error is not None:
        raise _provider_refused(access, known, zone, error)


def _provider_refused(access: DnsAccess, known: DnsProvider, zone: str, error: Exception) -> CertificateRefused:
    import requests
    from lexicon.exceptions import AuthenticationError

    reason = access.without_secrets(" ".join(str(error).split()))[:300] or type(error).__name__
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    kind = CertificateProblem.DNS_PROVIDER
    secrets = " and ".join(option.label for option in known.options if option.is_secret) or "sign-in"
    if status in (401, 403) or (isinstance(error, AuthenticationError) and "domain" not in reason.lower()):
        return refused(
            kind,
            f"{known.label} rejected the {secrets} ({reason}).",
            f"Make a new one there and enter it again. {known.note}".strip(),
        )
    if status == 429:
        return refused(kind, f"{known.label} got too many requests ({reason}).", "Try again in an hour.")
    if isinstance(error, AuthenticationError) or status == 404:
        return refused(
            kind,
            f"{known.label} has no domain {zone} in this account ({reason}).",
            "Check that the domain's DNS is managed there, and that the sign-in may change it.",
        )
    if isinstance(error, requests.ConnectionError | requests.Timeout | TimeoutError):
        return refused(
            kind,
            f"{known.label} isn't responding ({reason}).",
            "Check the recorder's internet connection. Try again later.",
        )
    return refused(kind, f"{known.label} didn't accept the DNS record for {zone} ({reason}).", known.note)


def _wait_visible(
    access: DnsAccess, zone: str, name: str, values: set[str], clock: Clock, wait: Callable[[float], None]
) -> None:
    """Wait until every name server of the zone that answers has these values. Raises CertificateRefused."""
    until_s = clock.mono_s() + PROPAGATION_S
    while True:
        found = access.lookup.texts_at_all(zone, name)
        if found and all(values <= one for one in found):
            return
        if clock.mono_s() >= until_s:
            break
        wait(_POLL_S)
    lacking = sum(not values <= one for one in found)
    reason = f"{lacking} of {len(found)} name servers don't have it" if found else "no name server answers"
    raise refused(
        CertificateProblem.DNS_NOT_VISIBLE,
        f"The record {name} didn't appear in DNS within {PROPAGATION_S / 60:.0f} min ({reason}).",
        f"Check that the name servers of {zone} are those of {provider_named(access.provider).label}.",
    )
