"""Settings of the secure address, the table `web.secure`, and host names as settings hold them."""

import re
from collections.abc import Collection
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from tawny.config.quantities import check_home
from tawny.config.retention import Table

LOCAL_SUFFIXES: Final = ("local", "lan", "home", "home.arpa", "fritz.box", "internal", "localdomain")
"""Domains of home networks. No name can be registered in them (`fritz.box` belongs to the router's maker)."""
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")


def checked_host(text: str) -> str:
    name = ascii_host(text)
    if not _HOST.fullmatch(name):
        raise ValueError("a host name without port and path, for example cam.example.org")
    return name


def ascii_host(text: str) -> str:
    """Return a host name as browsers send it: lowercase, without final dot, other letters as `xn--…`."""
    try:
        return text.lower().rstrip(".").encode("idna").decode()
    except UnicodeError:
        return text


HostName = Annotated[str, AfterValidator(checked_host)]


def server_address(text: str, schemes: Collection[str]) -> SplitResult | None:
    """Return the parts of an address with one of these schemes, a host, and no port or one that there is; else None."""
    try:
        parts = urlsplit(text)
        is_known = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port of 65536 or more, or one bracket
        return None
    return parts if is_known else None


def is_web_address(text: str) -> bool:
    """Return whether a text is an address of http or https."""
    return server_address(text, ("http", "https")) is not None


def web_address(example: str) -> AfterValidator:
    """Return the validator of an address of http or https; empty for none."""

    def check(text: str) -> str:
        if text and not is_web_address(text):
            raise ValueError(f"an address, for example {example}")
        return text

    return AfterValidator(check)


_MAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_ACME_SECRET: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")


class SecureSettings(Table):
    """HTTPS. The web interface then answers it on the port of `listen`, and plain http at home."""

    way: Literal["off", "own", "domain", "tailscale", "files"] = Field(
        "off",
        description="Where the certificate comes from. `own`: tawny's own authority, which you install on each device. "
        "`domain`: a public authority (ACME, such as Let's Encrypt) for your domain. `tailscale`: `tailscale serve`. "
        "`files`: your files.",
    )
    domain: str = Field("", description="Name in the secure address, for example cam.example.org, or pi.local at home.")
    contact: str = Field("", description="Email address that the public authority gets with your order. May be empty.")
    challenge: Literal["http", "dns"] = Field(
        "http",
        description="How the public authority checks that the domain is yours. `http`: it opens http://DOMAIN/ from "
        "outside, on port 80. `dns`: tawny sets a DNS record at your provider.",
    )
    dns_provider: str = Field("", description="Your DNS provider for `dns`, for example `cloudflare`.")
    directory: Annotated[str, web_address("https://acme.example.org/directory")] = Field(
        "", description="Address of another ACME authority. Empty: Let's Encrypt."
    )
    authority: str = Field(
        "", description="File with the certificate that this ACME authority's own address uses. Empty: the system's."
    )
    certificate: str = Field("", description="For `files`: the certificate with its chain (PEM).")
    key: str = Field("", description="For `files`: its private key (PEM, without password).")
    dns_secrets: dict[str, str] = Field(
        {}, description='Options of the DNS provider, for example `{ auth_token = "${ACME_AUTH_TOKEN}" }`.'
    )

    @field_validator("domain")
    @classmethod
    def _a_name(cls, text: str) -> str:
        return checked_host(text) if text else text

    @field_validator("contact")
    @classmethod
    def _mail(cls, text: str) -> str:
        if text and not _MAIL.fullmatch(text):
            raise ValueError("an email address, for example anna@example.org")
        return text

    @field_validator("dns_secrets")
    @classmethod
    def _option_names(cls, options: dict[str, str]) -> dict[str, str]:
        if not all(_ACME_SECRET.fullmatch(name) for name in options):
            raise ValueError("names of options, for example auth_token")
        return options

    @model_validator(mode="after")
    def _complete(self) -> "SecureSettings":
        if self.way != "off" and self.way != "files" and not self.domain:
            raise ValueError("`domain` must be set")
        if self.way == "files" and not (self.certificate and self.key):
            raise ValueError("`certificate` and `key` must be set")
        if self.way == "files":
            check_home(self.certificate)
            check_home(self.key)
        if self.way == "domain" and self.challenge == "dns" and not self.dns_provider:
            raise ValueError("`dns_provider` must be set")
        return self

    @property
    def serves_tls(self) -> bool:
        """Whether tawny itself answers https; Tailscale does that by itself."""
        return self.way in ("own", "domain", "files")
