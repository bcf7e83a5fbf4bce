"""Certificates from a certificate authority by ACME (RFC 8555), Let's Encrypt unless another one is chosen.

The libraries acme and josepy speak the protocol; here are the account, the proofs that the domain is ours, waiting
within limits, and what went wrong in words. The libraries are imported by the first order only.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import tawny
from tawny.model.errors import CertificateRefused, FolderUnwritable, NotDone
from tawny.model.times import Clock, utc_text
from tawny.service.address.dns_challenge import (
    CertificateProblem,
    DnsAccess,
    DnsLookup,
    dns_providers,
    is_private,
    library_missing,
    published,
    refused,
)
from tawny.service.sealing.sealing_service import write_secret_file

if TYPE_CHECKING:
    import requests
    from acme import messages

__all__ = ["HttpChallenges", "Issued", "Order", "dns_providers", "obtain", "renew_due_ms"]

LETS_ENCRYPT: Final = "https://acme-v02.api.letsencrypt.org/directory"
ACCOUNT_KEY: Final = "account.pem"
_REQUEST_S, _CHECK_S, _ISSUE_S = 30, 180.0, 180.0
_POLL_S, _LONGEST_POLL_S = 2.0, 30.0
_MOST_NONCES: Final = 12
"""Attempts of a request whose nonce the authority doesn't accept."""
_SHORT_LIFE_MS: Final = 10 * 86_400_000
_CLOCK_LEEWAY_MS: Final = 3_600_000
_MOST_WORDS: Final = 300
_pause: Final = threading.Event().wait
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """domains: the first is the main one. contact: email address, or empty. directory: empty: Let's Encrypt.

    dns_options: with secrets; never logged. trust: file of the authorities that the directory's own certificate is
    checked with; empty: the system's. dns_zone: domain that the DNS provider manages; empty: found by DNS.
    dns_servers: asked instead of the system's. account_id, account_secret: key ID and HMAC key of an existing account
    (external account binding), which some authorities need. public_addresses: known ones of this connection.
    """

    domains: tuple[str, ...]
    contact: str = ""
    challenge: Literal["http", "dns"] = "http"
    directory: str = ""
    dns_provider: str = ""
    dns_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust: str = ""
    dns_zone: str = ""
    dns_servers: tuple[str, ...] = ()
    account_id: str = ""
    account_secret: str = field(default="", repr=False)
    public_addresses: tuple[str, ...] = ()

    @property
    def authority(self) -> str:
        host = urlsplit(self.directory or LETS_ENCRYPT).hostname or self.directory
        return "Let's Encrypt" if host.endswith(".letsencrypt.org") else host


@dataclass(frozen=True, slots=True)
class Issued:
    """chain: PEM, the certificate first. key: PEM (PKCS #8), not encrypted."""

    chain: bytes
    key: bytes = field(repr=False)


class HttpChallenges:
    """What the web server answers under `/.well-known/acme-challenge/TOKEN` on port 80. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, str] = {}

    def answer(self, token: str) -> str | None:
        """Return the key authorization of a token; None: answer 404."""
        return self._answers.get(token)

    @contextmanager
    def offered(self, answers: Mapping[str, str]) -> Iterator[None]:
        with self._lock:
            self._answers |= answers
        try:
            yield
        finally:
            with self._lock:
                self._answers = {token: text for token, text in self._answers.items() if token not in answers}


def renew_due_ms(chain: bytes, now_ms: int) -> int:
    """Return when to renew: at two thirds of its life, at half of a life under ten days; now for an unusable one.

    Each certificate adds up to a sixtieth of its life, by its serial number, so that not all are renewed at once.
    """
    try:
        leaf = x509.load_pem_x509_certificate(chain)
    except ValueError:
        return now_ms
    begin_ms, end_ms = _ms(leaf.not_valid_before_utc), _ms(leaf.not_valid_after_utc)
    life_ms = end_ms - begin_ms
    share = (1 / 2 if life_ms < _SHORT_LIFE_MS else 2 / 3) + leaf.serial_number % 1000 / 60_000
    return begin_ms + round(life_ms * share)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def obtain(
    order: Order,
    folder: Path,
    challenges: HttpChallenges,
    clock: Clock,
    stop: Callable[[], bool] = lambda: False,
    pause: Callable[[float], object] = _pause,
) -> Issued:
    """Get a certificate with a new key. Blocks for minutes. Raises CertificateRefused, NotDone (stopped).

    folder: exists; keeps the account's key. pause: waits for seconds.
    """

    def wait(seconds: float) -> None:
        until_s = clock.mono_s() + seconds
        while (left_s := until_s - clock.mono_s()) > 0:
            if stop():
                raise NotDone("The certificate wasn't finished because the recorder stops.", "It is tried again later.")
            pause(min(left_s, 1.0))

    try:
        lookup = DnsLookup(order.dns_servers)
    except ImportError:
        raise library_missing() from None
    _check_names(order, lookup)
    with _in_words(order, lookup, clock) as last:
        authority = _Authority(order, folder, clock, wait)
        authority.session.hooks["response"].append(lambda response, **_: last.append(response))
        try:
            authority.sign_in()
            issued = authority.issue(challenges, lookup)
        finally:
            authority.session.close()
    _check_clock(issued, order, clock)
    return issued


class _Authority:
    """A session with the certificate authority."""

    def __init__(self, order: Order, folder: Path, clock: Clock, wait: Callable[[float], None]) -> None:
        from acme import client, messages
        from josepy.jwa import ES256
        from josepy.jwk import JWKEC

        class Network(client.ClientNetwork):
            """Tries again as long as only the nonce isn't accepted, which the authority may do at any time."""

            def post(self, url: str, obj: object, **kwargs: object) -> "requests.Response":
                for _ in range(_MOST_NONCES - 1):
                    try:
                        return self._post_once(url, obj, **kwargs)  # type: ignore[arg-type]
                    except messages.Error as error:
                        if error.code != "badNonce":
                            raise
                return self._post_once(url, obj, **kwargs)  # type: ignore[arg-type]

        self._order, self._folder, self._clock, self._wait = order, folder, clock, wait
        self._key = JWKEC(key=_account_key(folder))
        verify = cast("bool", order.trust or True)  # requests takes a file's name, too
        agent = f"tawny/{tawny.__version__}"
        self._net = Network(self._key, alg=ES256, verify_ssl=verify, user_agent=agent, timeout=_REQUEST_S)
        self.session = self._net.session
        self._client: client.ClientV2

    def sign_in(self) -> None:
        """Find the account of our key, or make one. A key whose account was closed there is put aside, once."""
        from acme import client, messages

        directory = client.ClientV2.get_directory(self._order.directory or LETS_ENCRYPT, self._net)
        if any(not hasattr(directory, name) for name in ("newNonce", "newAccount", "newOrder")):
            raise _no_directory(self._order, "what it answers is no ACME directory")
        self._client = client.ClientV2(directory, self._net)
        try:
            self._enter()
        except messages.Error as error:
            if not any(word in (error.detail or "").lower() for word in ("deactivated", "revoked")):
                raise
            log.warning("the account at %s was closed; making a new one", self._order.authority)
            used = self._folder / ACCOUNT_KEY
            used.rename(self._folder / f"account-closed-{self._clock.now_ms()}.pem")
            self._key = self._net.key = type(self._key)(key=_account_key(self._folder))
            self._enter()

    def _enter(self) -> None:
        from acme import errors, messages

        order, bound = self._order, None
        if order.account_id:
            bound = messages.ExternalAccountBinding.from_data(
                self._key.public_key(), order.account_id, order.account_secret, self._client.directory
            )
        elif self._client.external_account_required():
            raise refused(
                CertificateProblem.ACCOUNT,
                f"{order.authority} issues certificates for existing accounts only.",
                "Enter the key ID and the HMAC key that it shows in your account there.",
            )
        wanted = messages.NewRegistration.from_data(
            email=order.contact or None, terms_of_service_agreed=True, external_account_binding=bound
        )
        try:
            self._client.new_account(wanted)
        except errors.ConflictError as known:
            self._net.account = messages.RegistrationResource(body=messages.Registration(), uri=known.location)

    def issue(self, challenges: HttpChallenges, lookup: DnsLookup) -> Issued:
        from acme import crypto_util

        key = _pem(ec.generate_private_key(ec.SECP256R1()))
        placed = self._client.new_order(crypto_util.make_csr(key, list(self._order.domains)))
        log.info("ordered a certificate for %s at %s", ", ".join(self._order.domains), self._order.authority)
        with self._proofs(placed, challenges, lookup) as pending:
            for challenge in pending:
                self._client.answer_challenge(challenge, challenge.response(self._key))
            for one in placed.authorizations:
                self._await_authorization(one)
        chain = self._await_certificate(placed)
        leaf = x509.load_pem_x509_certificate(chain)
        log.info("got the certificate, valid until %s", utc_text(_ms(leaf.not_valid_after_utc)))
        return Issued(chain, key)

    @contextmanager
    def _proofs(
        self, placed: "messages.OrderResource", challenges: HttpChallenges, lookup: DnsLookup
    ) -> "Iterator[list[messages.ChallengeBody]]":
        """Offer the proofs of all domains that aren't authorized yet, and take them back at the end."""
        from acme import messages

        order, pending = self._order, []
        answers: dict[str, str] = {}
        records: list[tuple[str, str]] = []
        for one in placed.authorizations:
            if one.body.status == messages.STATUS_VALID:
                continue
            found = [body for body in one.body.challenges if body.chall.typ == f"{order.challenge}-01"]
            domain = one.body.identifier.value
            if not found:
                raise refused(
                    CertificateProblem.REFUSED,
                    f"{order.authority} doesn't check {domain} by {order.challenge.upper()}.",
                    f"Choose the other check: {'DNS' if order.challenge == 'http' else 'HTTP'}.",
                )
            pending.append(found[0])
            answer = found[0].chall.validation(self._key)
            if order.challenge == "http":
                answers[found[0].chall.encode("token")] = answer
            else:
                records.append((found[0].chall.validation_domain_name(domain), answer))
        offered: AbstractContextManager[None] = nullcontext()
        if answers:
            offered = challenges.offered(answers)
        elif records:
            access = DnsAccess(order.dns_provider, order.dns_options, lookup, order.dns_zone)
            offered = published(records, access, self._clock, self._wait)
        with offered:
            yield pending

    def _await_authorization(self, one: "messages.AuthorizationResource") -> None:
        from acme import messages

        domain, until_s = one.body.identifier.value, self._clock.mono_s() + _CHECK_S
        while True:
            now, response = self._client.poll(one)
            if now.body.status == messages.STATUS_VALID:
                return
            if now.body.status not in (messages.STATUS_PENDING, messages.STATUS_PROCESSING):
                for failed in (body.error for body in now.body.challenges if body.error is not None):
                    failed.identifier = one.body.identifier
                    raise failed
                raise self._no_reason(f"doesn't authorize {domain}")
            if self._clock.mono_s() >= until_s:
                raise self._no_reason(f"didn't finish checking {domain} within {_CHECK_S / 60:.0f} min")
            self._wait(_poll_pause_s(response))

    def _await_certificate(self, placed: "messages.OrderResource") -> bytes:
        from acme import messages

        until_s, is_requested = self._clock.mono_s() + _ISSUE_S, False
        while self._clock.mono_s() < until_s:
            response = self._ask(placed.uri)
            body = messages.Order.from_json(response.json())
            if body.status == messages.STATUS_VALID and body.certificate:
                return self._ask(body.certificate).content
            if body.status == messages.STATUS_INVALID:
                raise body.error or self._no_reason("gave up the order")
            if body.status == messages.STATUS_READY and not is_requested:
                self._client.begin_finalization(placed)
                is_requested = True
                continue
            self._wait(_poll_pause_s(response))
        raise self._no_reason(f"didn't issue the certificate within {_ISSUE_S / 60:.0f} min")

    def _no_reason(self, what: str) -> CertificateRefused:
        text = f"{self._order.authority} {what} and gave no reason."
        return refused(CertificateProblem.REFUSED, text, "tawny tries again later.")

    def _ask(self, url: str) -> "requests.Response":
        return self._net.post(url, None, new_nonce_url=self._client.directory["newNonce"])


def _account_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """Return the account's key, made at first. Raises CertificateRefused, FolderUnwritable."""
    path = folder / ACCOUNT_KEY
    try:
        if not path.exists():
            write_secret_file(path, _pem(ec.generate_private_key(ec.SECP256R1())))
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise FolderUnwritable(str(folder), error.strerror or "") from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise refused(
            CertificateProblem.ACCOUNT, f"{path} is no key of an account.", "Move it away: tawny then makes a new one."
        )
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _poll_pause_s(response: "requests.Response") -> float:
    text = response.headers.get("Retry-After", "")
    return min(max(float(text), 1.0), _LONGEST_POLL_S) if text.isdigit() else _POLL_S


# --- what went wrong -------------------------------------------------------------------------------------------------


def _check_names(order: Order, lookup: DnsLookup) -> None:
    """Refuse, before the authority counts a failure, what cannot succeed. Raises CertificateRefused."""
    kind = CertificateProblem
    if not order.domains:
        raise refused(kind.NAME_UNKNOWN, "No domain is set.", "Enter the domain that leads to this recorder.")
    for domain in order.domains:
        if "." not in domain or domain.endswith((".local", ".home.arpa", ".lan", ".internal", ".localhost")):
            raise refused(
                kind.NAME_UNKNOWN,
                f"{domain} is no domain of the internet, so {order.authority} can't check it.",
                "Use a domain of your own, or a free name of a dynamic DNS service.",
            )
        if order.challenge == "dns":
            continue
        if domain.startswith("*."):
            raise refused(kind.REFUSED, f"{domain} needs the DNS check.", "Choose it, and your DNS provider.")
        try:
            addresses = lookup.addresses(domain)
        except OSError as error:
            raise refused(
                kind.NAME_UNKNOWN,
                f"Can't look up {domain} ({error}).",
                "Check the recorder's internet connection and DNS server.",
            ) from None
        if not addresses:
            raise refused(
                kind.NAME_UNKNOWN,
                f"{domain} has no address in DNS.",
                f"Add an A record at your DNS provider{_with_address(order)}. It takes up to an hour to be known.",
            )
        if not order.trust and all(map(is_private, addresses)):  # an authority of one's own may be in the home
            raise refused(
                kind.ELSEWHERE,
                f"{domain} points to {', '.join(addresses)}, which is reachable only inside a home.",
                f"Set its A record to the public address of your connection{_with_address(order)}, or choose the DNS "
                "check.",
            )


def _with_address(order: Order) -> str:
    return f" ({', '.join(order.public_addresses)})" if order.public_addresses else ""


@contextmanager
def _in_words(order: Order, lookup: DnsLookup, clock: Clock) -> "Iterator[list[requests.Response]]":
    """Turn errors of the libraries into CertificateRefused. Yields a list for the responses."""
    try:
        import acme.errors
        import acme.messages
        import josepy.errors
    except ImportError:
        raise library_missing() from None
    responses: list[requests.Response] = []
    try:
        yield responses
    except acme.messages.Error as error:
        raise _refusal(error, order, lookup, _retry_ms(responses, clock)) from None
    except (acme.errors.Error, josepy.errors.Error) as error:
        raise _not_understood(error, order) from None
    except OSError as error:  # of requests, too
        raise _no_connection(error, order, clock) from None
    except (ValueError, KeyError) as error:  # of an answer that isn't what the libraries expect
        raise _not_understood(error, order) from None


def _not_understood(error: Exception, order: Order) -> CertificateRefused:
    return refused(
        CertificateProblem.REFUSED,
        f"{order.authority} answered what tawny doesn't understand ({_short(str(error) or type(error).__name__)}).",
        "tawny tries again later.",
    )


def _retry_ms(responses: "list[requests.Response]", clock: Clock) -> int:
    """Return the time of the last response's Retry-After; 0: it has none."""
    text = responses[-1].headers.get("Retry-After", "") if responses else ""
    if text.isdigit():
        return clock.now_ms() + int(text) * 1000
    try:
        return _ms(parsedate_to_datetime(text)) if text else 0
    except ValueError:
        return 0


def _refusal(error: "messages.Error", order: Order, lookup: DnsLookup, retry_ms: int) -> CertificateRefused:
    """Explain the error of a request or of a domain's check."""
    kind, who, reason = CertificateProblem, order.authority, _short(error.detail or error.title or str(error.typ))
    domain = error.identifier.value if error.identifier else order.domains[0]
    code = str(error.typ).rpartition(":")[2]
    match code:
        case "rateLimited":
            until = f" until {utc_text(retry_ms)[:16].replace('T', ' ')} UTC" if retry_ms else ""
            return refused(
                kind.RATE_LIMITED, f"{who} accepts no more requests{until} ({reason}).", "tawny waits.", retry_ms
            )
        case "caa":
            return refused(
                kind.CAA,
                f"A CAA record of {domain} doesn't allow {who} to issue certificates ({reason}).",
                "Allow it in the CAA record at your DNS provider, or remove the record.",
            )
        case "userActionRequired":
            return refused(
                kind.TERMS,
                f"{who} has new terms of service ({reason}).",
                "Read and accept them at the address it names.",
            )
        case (
            "externalAccountRequired" | "accountDoesNotExist" | "unsupportedContact" | "invalidContact" | "invalidEmail"
        ):
            todo = "Check the email address and the account's keys in the settings."
            return refused(kind.ACCOUNT, f"{who} doesn't accept the account ({reason}).", todo)
        case "rejectedIdentifier" | "unsupportedIdentifier":
            return refused(
                kind.REFUSED, f"{who} issues no certificates for {domain} ({reason}).", "Use another domain."
            )
        case "serverInternal":
            return refused(kind.DIRECTORY, f"{who} has a fault ({reason}).", "tawny tries again later.", retry_ms)
    if error.identifier is None:
        return refused(kind.REFUSED, f"{who} refused the order ({reason}).", "tawny tries again later.", retry_ms)
    if order.challenge == "dns" or code in ("dns", "dnssec"):
        return refused(
            kind.DNS_NOT_VISIBLE if order.challenge == "dns" else kind.NAME_UNKNOWN,
            f"{who} couldn't check {domain} in DNS ({reason}).",
            "Check the domain's records and name servers at your DNS provider.",
        )
    return _unreached(domain, reason, order, lookup, is_connection=code == "connection")


def _unreached(domain: str, why: str, order: Order, lookup: DnsLookup, *, is_connection: bool) -> CertificateRefused:
    """Explain a check by HTTP that failed: nothing answered on port 80, or something else did."""
    try:
        addresses = lookup.addresses(domain)
    except OSError:
        addresses = []
    points = f"{domain} points to {', '.join(addresses) or 'no address'}"
    ours = order.public_addresses
    if ours and not set(ours) & set(addresses):
        return refused(
            CertificateProblem.ELSEWHERE,
            f"{points}, but your connection's public address is {', '.join(ours)} ({why}).",
            f"Set the A record of {domain} to {ours[0]} at your DNS provider.",
        )
    if is_connection:
        return refused(
            CertificateProblem.UNREACHABLE,
            f"{order.authority} couldn't reach this recorder on port 80. {points} ({why}).",
            "Forward port 80 of your router to this recorder, or choose the DNS check, which needs no open port.",
        )
    return refused(
        CertificateProblem.ELSEWHERE,
        f"{points}, and something else than this recorder answers there on port 80 ({why}).",
        "Check the domain's A and AAAA records, and to which device the router forwards port 80.",
    )


def _no_connection(error: OSError, order: Order, clock: Clock) -> CertificateRefused:
    text = str(error)
    if "not yet valid" in text or "certificate has expired" in text:
        return refused(
            CertificateProblem.CLOCK,
            f"The certificate of {order.authority} isn't valid at {utc_text(clock.now_ms())[:16]} UTC, which is what "
            "this computer's clock says.",
            "Set the clock, or turn on time synchronization (`timedatectl set-ntp true`).",
        )
    if "CERTIFICATE_VERIFY_FAILED" in text or "TLS CA certificate bundle" in text:
        return _no_directory(order, "its own certificate isn't trusted here")
    return _no_directory(order, _short(text))


def _no_directory(order: Order, why: str) -> CertificateRefused:
    return refused(
        CertificateProblem.DIRECTORY,
        f"Can't reach {order.authority} at {order.directory or LETS_ENCRYPT} ({why}).",
        "Check the recorder's internet connection and the address in `web.secure.directory`. tawny tries again later.",
    )


def _check_clock(issued: Issued, order: Order, clock: Clock) -> None:
    leaf, now_ms = x509.load_pem_x509_certificate(issued.chain), clock.now_ms()
    if not _ms(leaf.not_valid_before_utc) - _CLOCK_LEEWAY_MS <= now_ms < _ms(leaf.not_valid_after_utc):
        raise wrong_clock(issued.chain, order, now_ms)


def wrong_clock(chain: bytes, order: Order, now_ms: int, not_before_ms: int = 0) -> CertificateRefused:
    """Return the error for a new certificate that is not valid now, or is due for renewal at once."""
    leaf = x509.load_pem_x509_certificate(chain)
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return refused(
        CertificateProblem.CLOCK,
        f"This computer's clock says {datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC, but the new "
        f"certificate of {order.authority} is valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC.",
        "Set the clock, or turn on time synchronization (`timedatectl set-ntp true`).",
        not_before_ms,
    )


def _short(text: str) -> str:
    """Return a text of the authority or library as one short line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _MOST_WORDS else line[: _MOST_WORDS - 1] + "…"
