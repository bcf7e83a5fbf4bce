"""The recorder's secure address: sets it up, keeps its certificate valid, and says what is wrong with it.

An actor looks every minute: own certificates are replaced when they get old or the computer's addresses change, files
are read again, and a public authority is asked in time. What fails leaves the certificate in force as it is.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from tawny.config.drafts import SettingsDraft
from tawny.config.loader import known_secrets
from tawny.config.secure import SecureSettings
from tawny.config.settings import Settings, listen_address
from tawny.engine import ActorHandle
from tawny.engine.actor import start_thread
from tawny.model.errors import CertificateRefused, FolderUnwritable, NotDone
from tawny.model.messages import ProblemKind
from tawny.model.times import Clock
from tawny.service.address import tailscale
from tawny.service.address.acme import HttpChallenges, Issued, Order, obtain, renew_due_ms, wrong_clock
from tawny.service.address.address_urls import is_address, is_at_home_only, next_public_url, own_addresses
from tawny.service.address.certificates import (
    CHAIN,
    KEY,
    CertificateFacts,
    CertificateInForce,
    ServedHttps,
    check_pair,
    day_text,
    is_pair,
    read_file,
)
from tawny.service.address.local_authority import (
    PASSWORD_NAME,
    RENEW_LEFT_DAYS,
    LocalAuthority,
    RecorderNames,
    new_password,
)
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.health.alarms import HealthProblem
from tawny.storage.disk.private_files import write_private

FOLDER: Final = "certificates"
LOOK_S: Final = 60.0
SOON_DAYS: Final = 14
DAY_MS: Final = 86_400_000
AGAIN_S: Final = (900.0, 3600.0, 4 * 3600.0, 12 * 3600.0)
"""Delays after failed orders. Authorities refuse who fails five times within an hour."""
LEAST_AGAIN_S: Final = 60.0
"""Delay before an order that a person asks for."""
NEW_AGAIN_MS: Final = 2 * DAY_MS
"""Delay after a new certificate that is due for renewal at once: authorities give few of the same in a week."""
ORDER: Final = "order.json"
log = logging.getLogger(__name__)


OrderCertificate = Callable[[Order, Path], Issued]
"""Orders a certificate; may take minutes. The folder keeps the account. Raises NotDone."""


@dataclass(frozen=True, slots=True)
class AddressMeans:
    """What the service uses of this computer.

    names: of the computer, from the network too. addresses: of its interfaces. in_background: starts a thread.
    kept_in: the data folder; None: nothing is kept after the program ends.
    """

    names: Callable[[], frozenset[str]]
    order: OrderCertificate | None = None
    """None: `obtain`, with the answers at `AddressService.challenges`."""
    addresses: Callable[[], frozenset[str]] = lambda: own_addresses()
    run: tailscale.RunProgram = tailscale.run_program
    in_background: Callable[[str, Callable[[], None]], object] = start_thread
    kept_in: Path | None = None


@dataclass(frozen=True, slots=True)
class AddressTrouble:
    """what, do: sentences. since_ms: when it was first so."""

    what: str
    do: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class AddressStatus:
    """renews_ms: when the next certificate is ordered or issued; None: by someone else, or there is none."""

    settings: SecureSettings
    url: str
    public_url: str
    plain_url: str
    """Address for links once https is off; empty if none is known."""
    is_at_home_only: bool
    certificate: CertificateFacts | None
    trouble: AddressTrouble | None
    hint: AddressTrouble | None
    """What may be wanted as it is, so no alarm."""
    is_ordering: bool
    renews_ms: int | None
    authority: CertificateFacts | None
    names: tuple[str, ...]
    fixed: str
    """Why it can't be changed here; empty if it can."""


class AddressService:
    """An actor, and what the settings page asks. Thread-safe."""

    name = "address"

    def __init__(self, changeable: ChangeableSettings, means: AddressMeans, clock: Clock) -> None:
        self._changeable, self._means, self._clock = changeable, means, clock
        self.in_force = CertificateInForce(clock.now_ms)
        self.had_certificate = False
        """Whether this computer has served https for the way and domain, or may have. Until then, people outside use
        http: they may be setting it up."""
        self._served, self._served_for = ServedHttps(means.kept_in), ("off", "")
        self.challenges = HttpChallenges()
        self.handle = ActorHandle()
        self._lock = threading.RLock()
        self._trouble: AddressTrouble | None = None
        self._left: AddressTrouble | None = None
        """What the last change left behind; until it is gone, or the next change."""
        self._hint: AddressTrouble | None = None
        """What may be wanted as it is, so it is shown with the address only."""
        self._is_ordering, self._failures, self._next_order_s = False, 0, 0.0
        self._order_failed: NotDone | None = None

    # --- the actor

    def step(self) -> float:
        self.refresh()
        if self._left is not None:
            self._end_tailscale()
        return LOOK_S

    def close(self) -> None:
        """No resources to release."""

    def refresh(self, *, orders: bool = True) -> None:
        """Put the wanted certificate in force, renewing it if it is time.

        orders: order one if it is due; False before the server listens, which answers the authority's check.
        """
        with self._lock:
            failed: NotDone | None = None
            try:
                self._refresh(self._secure, orders=orders)
            except NotDone as error:
                failed = error
            except OSError as error:
                failed = NotDone(
                    f"The certificates in {self._folder} can't be written: {error.strerror}.",
                    "Make the folder writable for the user who runs tawny.",
                )
            self._note(failed)

    def changed(self, _: Settings) -> None:
        """Take over changed settings."""
        self.handle.wake()

    def _refresh(self, secure: SecureSettings, *, orders: bool) -> None:
        self._hint, chosen = None, (secure.way, secure.domain)
        if chosen != self._served_for:
            self.had_certificate, self._served_for = secure.serves_tls and self._served.holds(*chosen), chosen
        match secure.way:
            case "own":
                failed = self._renew_own()
                try:
                    self._put(self._folder / "own" / CHAIN, self._folder / "own" / KEY, secure)
                except NotDone as error:
                    failed = failed or error
                if failed is not None:
                    raise failed
            case "files":
                self._put(Path(secure.certificate).expanduser(), Path(secure.key).expanduser(), secure)
            case "domain":
                self._refresh_ordered(secure, orders=orders)
            case _:
                self.in_force.clear()
                if (unkept := self._served.clear()) is not None:
                    raise unkept

    def _renew_own(self) -> NotDone | None:
        """Issue a certificate if it is time. Return why it failed: the former one still encrypts."""
        authority, wanted, now_ms = self._authority, self._names(), self._clock.now_ms()
        try:
            if authority.is_due(wanted, now_ms):
                issued = authority.issue(wanted, self._password(), now_ms)
                log.info("issued a certificate for %s", ", ".join(issued.names))
            return self._lacking(authority)
        except NotDone as error:
            return error

    def _lacking(self, authority: LocalAuthority) -> NotDone | None:
        """Return that the computer was renamed, and note names that the authority can't issue for. Raises NotDone."""
        web, names = self._changeable.now().web, self._means.names()
        # behind a proxy, names have its certificate
        added = [one for one in web.hosts if not (web.proxies or is_address(one) or authority.permits(one))]
        if added:  # no problem: it may be a name for http alone
            self._hint = AddressTrouble(
                f"The local authority was made before {', '.join(added[:3])} was added, and can't issue for it.",
                "If browsers open that name over https, press New authority, and install it on each device again. "
                "If the name leads to a proxy, add that to `proxies` under [web].",
                self._clock.now_ms(),
            )
        domain, named = web.secure.domain, authority.facts().issuer.split()[1:2]
        is_renamed = bool(names.isdisjoint(named) and names) and domain.split(".")[:1] == named
        if is_renamed and domain not in web.hosts:
            return NotDone(
                f"This computer is no longer called {named[0]}, so {domain} may not lead to it.",
                f"Choose another name under Settings > Secure address. If {domain} still leads here, add it to `hosts` "
                "under [web].",
            )
        return None

    def _refresh_ordered(self, secure: SecureSettings, *, orders: bool) -> None:
        order, folder = _order_of(secure), self._folder / "acme"
        chain, key = folder / CHAIN, folder / KEY
        is_wanted = _read_order(folder / ORDER) == _identity(order) and chain.is_file() and key.is_file()
        # a power cut may have come between the writing of the two
        is_wanted = is_wanted and is_pair(read_file(chain, "certificate"), read_file(key, "private key"))
        is_due = not is_wanted or renew_due_ms(chain.read_bytes(), self._clock.now_ms()) <= self._clock.now_ms()
        if orders and is_due and not self._is_ordering and self._clock.mono_s() >= self._next_order_s:
            self._is_ordering = True
            self._means.in_background("certificate", lambda: self._order(order, folder))
        failed = self._order_failed if is_due else None
        try:
            if is_wanted or self._serves(chain, key, secure.domain):
                self._put(chain, key, secure)
        except NotDone as error:  # such as an expired one, which the order replaces
            failed = failed or error
        if failed is not None:
            raise failed

    def _serves(self, chain: Path, key: Path, domain: str) -> bool:
        """Return whether a pair is valid for the domain; until the order is answered, it is better than none."""
        try:
            pair = read_file(chain, "certificate"), read_file(key, "private key")
            return check_pair(*pair, self._clock.now_ms()).covers(domain)
        except NotDone:
            return False

    def _order(self, order: Order, folder: Path) -> None:
        """Order and store a certificate, on its own thread."""
        failed: NotDone | None = None
        try:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            pair = self._obtain(order, folder)
            check_pair(pair.chain, pair.key, self._clock.now_ms())
            with self._lock:
                write_private(folder / KEY, pair.key)
                write_private(folder / CHAIN, pair.chain)
                write_private(folder / ORDER, json.dumps(_identity(order)).encode())
            now_ms = self._clock.now_ms()
            if renew_due_ms(pair.chain, now_ms) <= now_ms:  # else it would be ordered again at once
                failed = wrong_clock(pair.chain, order, now_ms, now_ms + NEW_AGAIN_MS)
        except NotDone as error:
            failed = error
        except OSError as error:
            failed = NotDone(f"The certificate can't be stored in {folder}: {error.strerror}.", "Free some space.")
        finally:
            with self._lock:
                self._is_ordering = False
        with self._lock:
            self._order_failed = failed
            if failed is None:
                self._failures, self._next_order_s = 0, 0.0
            else:
                log.warning("no certificate for %s: %s", order.domains[0], failed)
                delay_s = AGAIN_S[min(self._failures, len(AGAIN_S) - 1)]
                if isinstance(failed, CertificateRefused):
                    delay_s = max(delay_s, (failed.not_before_ms - self._clock.now_ms()) / 1000)
                self._failures, self._next_order_s = self._failures + 1, self._clock.mono_s() + delay_s
        self.refresh()

    def _obtain(self, order: Order, folder: Path) -> Issued:
        if self._means.order is not None:
            return self._means.order(order, folder)
        return obtain(order, folder, self.challenges, self._clock)

    def _put(self, chain: Path, key: Path, secure: SecureSettings) -> None:
        before = self.in_force.facts
        facts = self.in_force.put(chain, key)
        if facts != before:
            log.info("https uses a certificate for %s, valid until %s", ", ".join(facts.names), day_text(facts.ends_ms))
        self.had_certificate, unkept = True, self._served.note(secure.way, secure.domain)
        if secure.domain and not facts.covers(secure.domain):
            raise NotDone(
                f"The certificate is for {', '.join(facts.names[:3])}, not for {secure.domain}.",
                "Use another certificate, or change the domain.",
            )
        if unkept is not None:
            raise unkept

    def _note(self, failed: NotDone | None) -> None:
        if failed is None:
            self._trouble = None
            return
        same = self._trouble is not None and self._trouble.what == failed.message
        if not same:
            log.warning("secure address: %s", failed)
        since_ms = self._trouble.since_ms if self._trouble is not None else self._clock.now_ms()
        self._trouble = AddressTrouble(failed.message, failed.do, since_ms)

    # --- what it is

    def status(self) -> AddressStatus:
        with self._lock:
            secure, web = self._secure, self._changeable.now().web
            authority = self._authority if self._changeable.file is not None else None
            facts = None
            if authority is not None and authority.exists:
                try:
                    facts = authority.facts()
                except NotDone:
                    facts = None
            return AddressStatus(
                secure, web.link_url, web.public_url, self._plain_url(), is_at_home_only(web.link_url),
                self.in_force.facts, self._trouble or self._left, self._hint, self._is_ordering,
                self._renews_ms(secure), facts, tuple(self._choices()), self._fixed,
            )  # fmt: skip

    def _plain_url(self) -> str:
        web = self._changeable.now().web
        after = next_public_url(web, {"way": "off"}, self._covers, None)
        url = web.public_url if after is None else after
        return url if url.startswith("http:") else ""

    def authority(self) -> LocalAuthority | None:
        """Return the local authority while it is in use."""
        is_used = self._secure.way == "own" and self._changeable.file is not None and self._authority.exists
        return self._authority if is_used else None

    def problems(self) -> Iterator[HealthProblem]:
        secure, facts, trouble = self._secure, self.in_force.facts, self._trouble
        if secure.way in ("off", "tailscale"):
            return
        ends = ""
        if facts is not None:
            left_ms = facts.ends_ms - self._clock.now_ms()
            days = max(1, round(left_ms / DAY_MS))
            ends = f"The certificate expires in {days} {'day' if days == 1 else 'days'}." if left_ms > 0 else ""
            ends = ends or "The certificate has expired."
            if trouble is None and left_ms >= SOON_DAYS * DAY_MS:
                return
        if trouble is not None:
            yield HealthProblem(ProblemKind.CERTIFICATE, None, f"{trouble.what} {ends}".strip(), trouble.do)
        elif facts is not None:
            do = "Renew it. Phones and browsers reject an expired certificate."
            yield HealthProblem(ProblemKind.CERTIFICATE, None, ends, do)

    # --- what an owner does

    def use_own(self, name: str) -> None:
        """Issue certificates by a local authority for this name or address. Raises NotDone, SettingsError."""
        with self._lock:
            path = self._file()
            if name not in self._choices():
                raise NotDone(f"{name} isn't a name or address of this computer.", "Choose one of the list.")
            password = self._password()
            if not self._opens(password) or not self._authority.permits(name):
                password = self._new_authority(name)
            former = self._write(
                path, {"way": "own", "domain": name}, {PASSWORD_NAME: password}, covers=self._will_cover(name)
            )
        self._settle(former)

    def replace_authority(self) -> None:
        """Make a new local authority; devices must install it again. Raises NotDone, SettingsError."""
        with self._lock:
            path, secure = self._file(), self._secure
            password = self._new_authority(secure.domain)
            self._write(path, {}, {PASSWORD_NAME: password})
        self.refresh()

    def use_domain(self, wanted: SecureSettings, dns_options: Mapping[str, str], public_url: str) -> None:
        """Order certificates for a domain. dns_options: empty keeps those stored. Raises NotDone, SettingsError."""
        with self._lock:
            path = self._file()
            secrets = {f"ACME_{name}".upper(): value for name, value in dns_options.items()}
            values: dict[str, Any] = {
                "way": "domain", "domain": wanted.domain, "contact": wanted.contact, "challenge": wanted.challenge,
                "dns_provider": wanted.dns_provider, "directory": wanted.directory,
            }  # fmt: skip
            if dns_options:
                values["dns_secrets"] = {name: f"${{ACME_{name.upper()}}}" for name in dns_options}
            former = self._write(path, values, secrets, public_url)
            self._failures, self._next_order_s, self._order_failed = 0, 0.0, None
        self._settle(former)

    def use_files(self, certificate: str, key: str, domain: str) -> None:
        """Use the files. Raises NotDone, SettingsError: nothing is changed then."""
        with self._lock:
            path = self._file()
            pair = [Path(one).expanduser() for one in (certificate, key)]
            facts = check_pair(
                read_file(pair[0], "certificate"), read_file(pair[1], "private key"), self._clock.now_ms()
            )
            if domain and not facts.covers(domain):
                raise NotDone(f"The certificate is for {', '.join(facts.names[:3])}, not for {domain}.", "")
            name = domain or next((one for one in facts.names if "*" not in one), "")
            values = {"way": "files", "domain": name, "certificate": certificate, "key": key}
            former = self._write(path, values, covers=facts.covers)
        self._settle(former)

    def use_tailscale(self) -> None:
        """Let Tailscale answer https for this recorder. Raises NotDone, SettingsError."""
        path = self._file()
        name = tailscale.begin_serving(self._local_target(), self._means.run)
        with self._lock:
            former = self._write(path, {"way": "tailscale", "domain": name}, public_url=f"https://{name}")
        self._settle(former)

    def tailscale(self) -> tailscale.TailscaleStatus:
        return tailscale.tailscale_status(self._means.run)

    def turn_off(self) -> None:
        """Serve plain http again. Certificates and the authority stay. Raises NotDone, SettingsError."""
        with self._lock:
            former = self._write(self._file(), {"way": "off"})
        self._settle(former)

    def order_again(self) -> None:
        """Try again now, for a person who has mended the cause. Raises NotDone."""
        with self._lock:
            waited_s = self._clock.mono_s() - (self._next_order_s - AGAIN_S[min(max(self._failures - 1, 0), 3)])
            if self._failures and waited_s < LEAST_AGAIN_S:
                raise NotDone("The last try was less than a minute ago.", "Wait a minute, then try again.")
            self._next_order_s, self._order_failed = 0.0, None
        self.refresh()

    # --- inside

    @property
    def _secure(self) -> SecureSettings:
        return self._changeable.now().web.secure

    @property
    def _fixed(self) -> str:
        if self._changeable.file is None:
            return "tawny runs without a settings file. Create one with `tawny init`, and start tawny with it."
        return ""

    @property
    def _folder(self) -> Path:
        return self._file().parent / FOLDER

    @property
    def _authority(self) -> LocalAuthority:
        return LocalAuthority(self._folder / "own")

    def _file(self) -> Path:
        if self._changeable.file is None:
            raise NotDone("This needs a settings file.", "Create one with `tawny init`, and start tawny with it.")
        return self._changeable.file

    def _password(self) -> str:
        return known_secrets(self._file().parent).get(PASSWORD_NAME, "")

    def _opens(self, password: str) -> bool:
        try:
            return self._authority.exists and self._authority.opens(password)
        except NotDone:
            return False

    def _new_authority(self, name: str) -> str:
        """Make an authority and return the password of its key. The former one is gone."""
        password, host = new_password(), min(self._means.names() or {name}, key=len)
        names = self._names()
        try:
            self._authority.create(host, names.names, password, self._clock.now_ms())
        except OSError as error:
            raise FolderUnwritable(str(self._folder), error.strerror or "") from None
        return password

    def _names(self, domain: str | None = None) -> RecorderNames:
        """Return the names of a certificate of the local authority. domain: None for that of the settings."""
        web = self._changeable.now().web
        names, addresses = set(self._means.names()) | {"localhost"}, set(self._means.addresses())
        for one in (*web.hosts, web.secure.domain if domain is None else domain):
            if one:
                (addresses if is_address(one) else names).add(one)
        return RecorderNames(frozenset(names), frozenset(addresses))

    def _choices(self) -> list[str]:
        """Return names for the address, best first: `NAME.local`, then addresses, then the others."""
        wanted = self._names()
        local = [one for one in sorted(wanted.names) if one.endswith(".local")]
        addresses = [one for one in sorted(wanted.addresses) if ":" not in one and not one.startswith("127.")]
        return [*local, *addresses, *(one for one in sorted(wanted.names) if one not in local)]

    def _renews_ms(self, secure: SecureSettings) -> int | None:
        facts = self.in_force.facts
        if facts is None or secure.way not in ("own", "domain"):
            return None
        if secure.way == "own":
            return facts.ends_ms - RENEW_LEFT_DAYS * DAY_MS
        try:
            return renew_due_ms((self._folder / "acme" / CHAIN).read_bytes(), self._clock.now_ms())
        except OSError:
            return None

    def _local_target(self) -> str:
        host, port = listen_address(self._changeable.now().web.listen)
        if host == "localhost" or (is_address(host) and ip_address(host).is_unspecified):
            host = "127.0.0.1"
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _will_cover(self, name: str) -> Callable[[str], bool]:
        """Return whether a certificate of the local authority for this name is for a host too."""
        names = self._names(name).listed()
        return lambda host: host in names and self._authority.permits(host)

    def _covers(self, host: str) -> bool:
        """Return whether the certificate in force is for a host; of a lost one, what the settings say."""
        facts, secure = self.in_force.facts, self._secure
        if facts is not None:
            return facts.covers(host)
        return host == secure.domain or (secure.way == "own" and host in self._names().listed())

    def _write(
        self, path: Path, values: Mapping[str, Any], secrets: Mapping[str, str] | None = None,
        public_url: str | None = None, covers: Callable[[str], bool] | None = None,
    ) -> SecureSettings:  # fmt: skip
        """Write the settings, apply them, and return the former ones. public_url: None lets it follow the way.

        Raises SettingsError, FolderUnwritable: nothing is changed then.
        """
        with self._changeable.changing():
            web = self._changeable.now().web
            if public_url is None and "way" in values:
                public_url = next_public_url(web, values, self._covers, covers)
            draft = SettingsDraft(path, "", {})
            draft.put_secure_address(values, secrets or {}, public_url)
            new = draft.understood()
            draft.write()
            self._changeable.apply_written(new)
        return web.secure

    def _settle(self, former: SecureSettings) -> None:
        """Put the new way in force, and end the former one if that is Tailscale."""
        self._left = None
        self.refresh()
        if former.way == "tailscale" and self._secure.way != "tailscale":
            self._end_tailscale()

    def _end_tailscale(self) -> None:
        """End it, or note that it goes on until it is ended by hand."""
        try:
            tailscale.end_serving(self._means.run)
            self._left = None
        except NotDone as error:  # the change stands: Tailscale may be broken, or its settings not ours to change
            log.warning("tailscale: %s", error)
            self._left = AddressTrouble(
                "Tailscale still forwards its address to this recorder.",
                "Run `sudo tailscale serve --https=443 off` on the recorder.",
                self._clock.now_ms(),
            )


def _order_of(secure: SecureSettings) -> Order:
    return Order(
        (secure.domain,), secure.contact, secure.challenge, secure.directory, secure.dns_provider, secure.dns_secrets,
        secure.authority,
    )  # fmt: skip


def _identity(order: Order) -> dict[str, str]:
    """Return what a new certificate is needed for if it differs."""
    return {"domain": order.domains[0], "directory": order.directory}


def _read_order(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
