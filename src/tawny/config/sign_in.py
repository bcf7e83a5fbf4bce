"""Settings of signing in by a provider (OpenID Connect) or by a reverse proxy."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from tawny.config.retention import Table

HeaderName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]
_TAKEN = frozenset({"cookie", "host", "authorization", "origin", "user-agent", "accept", "content-type"})
"""Headers that every browser sends."""
ClaimPath = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9_:/-]+(\.[A-Za-z0-9_:/-]+)*$")]


class GroupSettings(Table):
    """What the members of a group of the provider may do."""

    role: Literal["owner", "member", "viewer"] = Field(description="`owner`, `member` or `viewer`.")
    cameras: tuple[str, ...] | None = Field(None, description="IDs of the cameras they see. Not set: all.")


class OidcSettings(Table):
    """Sign-in by a provider that speaks OpenID Connect, such as Authentik or Keycloak. Off while `issuer` is empty."""

    issuer: str = Field(
        "",
        description="Address of the provider as it names itself, for example https://id.example.org/realms/home. All "
        "its addresses must have the same host.",
    )
    client_id: str = Field("", description="Name of tawny at the provider.")
    client_secret: str = Field("", description="Secret of tawny at the provider; write `${NAME}`, see secrets.toml.")
    name: str = Field("", max_length=40, description="Text of the button: Sign in with NAME. Empty: the issuer's host.")
    create_people: bool = Field(
        default=False,
        description="Create an account for everyone whom the provider signs in and who is in one of `groups`; without "
        "`groups`, as viewer of no camera. Off: only people whom an owner has linked can sign in.",
    )
    groups_claim: ClaimPath = Field(
        "groups", description="Field of the ID token with the groups, for example groups or realm_access.roles."
    )
    groups: dict[str, GroupSettings] = Field(
        default_factory=dict,
        description="Roles by group. If set, only members of these groups can sign in, and their role and cameras "
        "follow the group at each sign-in.",
    )

    @field_validator("issuer")
    @classmethod
    def _an_issuer(cls, text: str) -> str:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        if text and (not is_address or parts.username is not None or re.search(r"\s", text)):
            raise ValueError("an address without query, for example https://id.example.org/realms/home")
        if text and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("an https address; http is possible on this computer only")
        return text

    @model_validator(mode="after")
    def _check_client(self) -> "OidcSettings":
        if self.issuer and not (self.client_id and self.client_secret):
            raise ValueError("with `issuer`: `client_id` and `client_secret`")
        return self


class SignInSettings(Table):
    """Rules of signing in, and other ways than those of tawny itself."""

    require_second_step: bool = Field(
        default=False,
        description="Whoever signs in with a password or an invitation needs two-step codes, and sets them up at the "
        "next sign-in. Passkeys, a provider, a proxy, a phone signed in by its owner and `tawny setup-link` stand for "
        "both steps; screens and access tokens have none.",
    )

    proxy_header: HeaderName | Literal[""] = Field(
        "",
        description="Header in which your reverse proxy names the user whom it has signed in, for example Remote-User. "
        "Needs `web.proxies`; from any other address it is ignored and reported. Empty: off.",
    )
    oidc: OidcSettings = OidcSettings()

    @field_validator("proxy_header")
    @classmethod
    def _a_free_header(cls, text: str) -> str:
        if text.lower() in _TAKEN or text.lower().startswith(("x-forwarded", "sec-")):
            raise ValueError("a header that browsers don't send, for example Remote-User")
        return text
