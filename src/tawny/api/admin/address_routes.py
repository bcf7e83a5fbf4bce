"""Routes for the recorder's secure address: its settings, Tailscale, and the check from a phone. For owners."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field, ValidationError

from tawny.api.auth.access import Access, Note, rule
from tawny.api.client_address import is_loopback_host
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_input, bad_setting
from tawny.api.request_handling import WorkerRoute, is_forwarded
from tawny.api.schemas import ApiRequest, ApiResponse
from tawny.config.secure import SecureSettings
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.model.validation import problem_text
from tawny.service.address.acme import dns_providers
from tawny.service.address.address_service import AddressService
from tawny.service.address.address_urls import is_at_home_only, with_scheme
from tawny.service.address.certificates import CertificateFacts

router = APIRouter(prefix="/api/v1/address", route_class=WorkerRoute)
own = [rule(Access.OWN)]
HostText = Annotated[str, Field(min_length=1, max_length=253)]
FilePath = Annotated[str, Field(min_length=1, max_length=1000)]
OptionText = Annotated[str, Field(max_length=2000)]


class CertificateInfo(ApiResponse):
    """fingerprint: SHA-256."""

    names: list[str]
    issuer: str
    ends_ms: int
    fingerprint: str


class ProxyInfo(ApiResponse):
    """How this request reached tawny. by: address of the proxy; empty: directly. unknown: proxies that aren't trusted.

    scheme, client: as tawny sees them.
    """

    by: str
    is_trusted: bool
    scheme: Literal["http", "https"]
    client: str
    unknown: list[str]


class AddressInfo(ApiResponse):
    """The secure address. url: for links; empty: none. plain_url: where tawny answers once https is off; empty: on the
    recorder only. fixed: why it can't be changed here; empty if it can.
    """

    way: Literal["off", "own", "domain", "tailscale", "files"]
    url: str
    plain_url: str
    home_only: bool
    domain: str
    contact: str
    challenge: Literal["http", "dns"]
    dns_provider: str
    dns_options: list[str]
    """Names of the stored options; their values are secret."""
    directory: str
    certificate_file: str
    key_file: str
    public_url: str
    certificate: CertificateInfo | None
    problem: str
    todo: str
    hint: str
    """What may be wanted as it is; empty: nothing."""
    hint_todo: str
    is_ordering: bool
    renews_ms: int | None
    authority: CertificateInfo | None
    names: list[str]
    """Names and addresses of this computer, for the own authority."""
    proxy: ProxyInfo
    fixed: str


class OwnAddress(ApiRequest):
    """name: one of `names`."""

    name: HostText


class DomainAddress(ApiRequest):
    """Order certificates from a public authority. dns_options: empty keeps what is stored."""

    domain: HostText
    contact: Annotated[str, Field(max_length=254)] = ""
    challenge: Literal["http", "dns"] = "http"
    dns_provider: Annotated[str, Field(max_length=60)] = ""
    dns_options: Annotated[dict[str, OptionText], Field(max_length=12, default_factory=dict)]
    directory: Annotated[str, Field(max_length=500)] = ""
    public_port: Annotated[int, Field(ge=1, le=65_535)] = 443


class FilesAddress(ApiRequest):
    """Paths on the recorder."""

    certificate: FilePath
    key: FilePath
    domain: Annotated[str, Field(max_length=253)] = ""


class TailscaleInfo(ApiResponse):
    """state: whether it runs here. https: its tailnet allows certificates."""

    state: Literal["missing", "stopped", "signed-out", "running", "unknown"]
    name: str
    https: bool
    trouble: str


class DnsOptionInfo(ApiResponse):
    name: str
    label: str
    required: bool


class DnsProviderInfo(ApiResponse):
    """note: what to do at the provider first; empty: nothing."""

    name: str
    label: str
    note: str
    options: list[DnsOptionInfo]


class DnsProviderList(ApiResponse):
    items: list[DnsProviderInfo]


class CheckStarted(ApiResponse):
    """url: to open on the phone, with the code in its fragment."""

    key: str
    url: str
    lasts_s: int


class CheckInfo(ApiResponse):
    """state: of the check. Outcomes are those of the device that opened it."""

    state: Literal["waiting", "open", "done", "ended"]
    device: str
    person: str
    trusted: Literal["waiting", "yes", "no"]
    socket: Literal["waiting", "yes", "no"]
    webrtc: Literal["waiting", "yes", "no"]
    push: Literal["waiting", "yes", "no", "home-screen"]


@router.get("", dependencies=own)
def secure_address(request: Request, context: Context) -> AddressInfo:
    return _info(context.secure, request, context)


@router.put("/own", dependencies=own)
def use_own(body: OwnAddress, note: Note, request: Request, context: Context) -> AddressInfo:
    """Use the local authority."""
    return _switched(partial(context.secure.use_own, body.name), f"own: {body.name}", note, request, context)


@router.post("/own/replace", dependencies=own)
def replace_authority(note: Note, request: Request, context: Context) -> AddressInfo:
    """Make a new local authority. Every device must install it again."""
    service = context.secure
    if service.authority() is None:
        raise RequestRefused(409, "not_saved", "There is no local authority.", "Set up one first.")
    _change(service.replace_authority)
    note("local authority replaced", "")
    return _info(service, request, context)


@router.put("/domain", dependencies=own)
def use_domain(body: DomainAddress, note: Note, request: Request, context: Context) -> AddressInfo:
    """Order a certificate for a domain. Returns at once; the order goes on."""
    service = context.secure
    try:
        wanted = SecureSettings(
            way="domain", domain=body.domain, contact=body.contact, challenge=body.challenge,
            dns_provider=body.dns_provider, directory=body.directory,
        )  # fmt: skip
        SecureSettings(dns_secrets=body.dns_options)
    except ValidationError as error:
        raise bad_input(f"{problem_text(error.errors()[0], [])}.".capitalize()) from error
    public_url = f"https://{wanted.domain}" + ("" if body.public_port == 443 else f":{body.public_port}")
    change = partial(service.use_domain, wanted, body.dns_options, public_url)
    return _switched(change, f"domain: {wanted.domain}", note, request, context)


@router.put("/files", dependencies=own)
def use_files(body: FilesAddress, note: Note, request: Request, context: Context) -> AddressInfo:
    """Use a certificate in files of the recorder."""
    change = partial(context.secure.use_files, body.certificate.strip(), body.key.strip(), body.domain.strip())
    return _switched(change, "files", note, request, context)


@router.put("/tailscale", dependencies=own)
async def use_tailscale(note: Note, request: Request, context: Context) -> AddressInfo:
    """Let Tailscale on the recorder answer https."""
    change = context.secure.use_tailscale
    return await context.calls.run("tailscale", partial(_switched, change, "tailscale", note, request, context))


@router.get("/tailscale", dependencies=own)
async def tailscale_state(context: Context) -> TailscaleInfo:
    found = await context.calls.share("tailscale status", context.secure.tailscale)
    return TailscaleInfo.model_validate(
        {"state": found.state, "name": found.name, "https": found.has_https, "trouble": found.trouble}
    )


@router.get("/dns-providers", dependencies=own)
def list_dns_providers() -> DnsProviderList:
    """Return the common DNS providers, and what tawny needs to know for each."""
    return DnsProviderList(
        items=[
            DnsProviderInfo(
                name=one.name,
                label=one.label,
                note=one.note,
                options=[
                    DnsOptionInfo(name=option.name, label=option.label, required=option.is_required)
                    for option in one.options
                ],
            )
            for one in dns_providers()
        ]
    )


@router.delete("", dependencies=own)
async def turn_off(note: Note, request: Request, context: Context) -> AddressInfo:
    """Serve plain http again."""
    change = context.secure.turn_off
    return await context.calls.run("tailscale", partial(_switched, change, "off", note, request, context))


@router.post("/retry", dependencies=own)
def retry(context: Context, request: Request) -> AddressInfo:
    """Order the certificate again now."""
    service = context.secure
    _change(service.order_again)
    return _info(service, request, context)


@router.post("/check", dependencies=own)
def begin_check(context: Context) -> CheckStarted:
    """Begin a check from a phone."""
    url = context.address
    if not url.startswith("https://"):
        raise RequestRefused(409, "no_address", "There is no secure address yet.", "Set up one first.")
    key, code = context.phone_checks.begin()
    return CheckStarted(key=key, url=f"{url}/check#code={code}", lasts_s=600)


@router.get("/check/{key}", dependencies=own)
def check_state(key: str, context: Context) -> CheckInfo:
    is_known, found = context.phone_checks.result(key)
    if found is None:
        state: Literal["waiting", "ended"] = "waiting" if is_known else "ended"
        return CheckInfo(
            state=state, device="", person="", trusted="waiting", socket="waiting", webrtc="waiting", push="waiting"
        )
    return CheckInfo(
        state="done" if found.is_done else "open", device=found.device, person=found.person, trusted=found.trusted,
        socket=found.socket, webrtc=found.webrtc, push=found.push,
    )  # fmt: skip


def _switched(change: Callable[[], None], way: str, note: Note, request: Request, context: AppContext) -> AddressInfo:
    """Change the way to the secure address, note it, and return the new state."""
    _change(change)
    note("secure address changed", way)
    return _info(context.secure, request, context)


def _change(change: Callable[[], None]) -> None:
    try:
        change()
    except SettingsError as error:
        raise bad_setting(error) from error
    except (NotDone, FolderUnwritable) as error:
        raise RequestRefused(409, "not_saved", error.message, f"{error.do} Nothing was changed.".strip()) from error


def _certificate(facts: CertificateFacts | None) -> CertificateInfo | None:
    if facts is None:
        return None
    return CertificateInfo(
        names=list(facts.names), issuer=facts.issuer, ends_ms=facts.ends_ms, fingerprint=facts.fingerprint
    )


def _info(service: AddressService, request: Request, context: AppContext) -> AddressInfo:
    now = service.status()
    secure, trouble, hint = now.settings, now.trouble, now.hint
    return AddressInfo(
        way=secure.way, url=now.url, plain_url=now.plain_url or _plain_url(request, context),
        home_only=now.is_at_home_only, domain=secure.domain, contact=secure.contact,
        challenge=secure.challenge, dns_provider=secure.dns_provider, dns_options=sorted(secure.dns_secrets),
        directory=secure.directory, certificate_file=secure.certificate, key_file=secure.key,
        public_url=now.public_url, certificate=_certificate(now.certificate),
        problem=trouble.what if trouble else "", todo=trouble.do if trouble else "",
        hint=hint.what if hint else "", hint_todo=hint.do if hint else "", is_ordering=now.is_ordering,
        renews_ms=now.renews_ms, authority=_certificate(now.authority), names=list(now.names),
        proxy=_proxy(request, context), fixed=now.fixed,
    )  # fmt: skip


def _plain_url(request: Request, context: AppContext) -> str:
    """Return an address for devices at home without https; empty if there is none."""
    host = request.headers.get("host", "")
    if is_at_home_only(f"https://{host}") and not (is_forwarded(request.headers) or is_loopback_host(host)):
        return with_scheme(f"{request.url.scheme}://{host}", "http")  # it led here, also into a container
    known = context.own_addresses()
    return next((one for one in known if not is_loopback_host(one.removeprefix("http://"))), "")


def _proxy(request: Request, context: AppContext) -> ProxyInfo:
    peer = request.scope.get("state", {}).get("peer", "")
    client = request.client.host if request.client else ""
    is_proxied = is_forwarded(request.headers)
    return ProxyInfo(
        by=peer if is_proxied else "",
        is_trusted=is_proxied and context.proxies.trusts(peer),
        scheme="https" if request.url.scheme == "https" else "http",
        client=client,
        unknown=[one for one in context.unknown_proxies.recent() if not context.proxies.trusts(one)],
    )
