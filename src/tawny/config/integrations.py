"""Settings of integrations: webhooks, API clients, MQTT, scripts and relays."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from tawny.config.quantities import Duration
from tawny.config.retention import Table
from tawny.config.targets import EventLevel

Right = Literal["modes", "presence", "pause", "record", "event", "ptz", "relay", "snooze"]
"""Permissions: change the mode, report presence, pause for privacy, record, report events, move PTZ cameras,
switch relays, snooze notifications.
"""
RIGHTS: tuple[Right, ...] = ("modes", "presence", "pause", "record", "event", "ptz", "relay", "snooze")
MessageKind = Literal["event", "segment", "file", "gap", "damage", "camera", "problem", "mode", "recorder"]
"""Message topics: the first word of a message's `type`."""
SCHEMES = ("unix", "webhook+http", "webhook+https", "run")
EXAMPLES = "unix:@NAME, unix:/run/my.sock, webhook+https://example.org/hook or run:SCRIPT"
MOST_SOCKET = 100
"""Maximum length of a socket address in bytes."""


class EmitterSettings(Table):
    """A program that receives events as they happen (socket, webhook or script)."""

    url: str = Field(min_length=1, description=f"Address: {EXAMPLES}.")
    events: tuple[MessageKind, ...] = Field(
        ("event", "segment", "camera", "problem"),
        description="What to send: `event`, `segment` (a finished recording), `file` (one of `files`), `gap`, "
        "`damage`, `camera`, `problem`, `mode`, `recorder`.",
    )
    cameras: tuple[str, ...] = Field((), description="Only these cameras. Empty: all.")
    kinds: tuple[str, ...] = Field((), description="Only these event types, for example person. Empty: all.")
    levels: tuple[EventLevel, ...] = Field(
        (), description="Only events of these levels: `alert`, `detection`, `motion`. Empty: all."
    )
    format: Literal["tawny", "pancake"] = Field(
        "tawny", description="`pancake`: the format Raspberry Pancake's receivers expect, for one camera."
    )
    clips: str = Field(
        "", description='With `format = "pancake"`: a folder for 6 s clips of each start and end; 500 at most.'
    )
    files: tuple[str, ...] = Field(
        (),
        description='With `format = "pancake"`: announce the files of these sets of `files`, instead of recordings and '
        "`clips`.",
    )
    secret: str = Field("", description="Secret used to sign webhook requests.")

    @model_validator(mode="after")
    def _check_emitter(self) -> "EmitterSettings":
        scheme, _, rest = self.url.partition(":")
        if scheme not in SCHEMES or not rest:
            raise ValueError(f"url: an address, for example {EXAMPLES}")
        if scheme == "unix":
            socket_address(rest)
        if scheme.startswith("webhook+"):
            parts = urlsplit(self.url.removeprefix("webhook+"))
            if not parts.hostname or any(ord(one) <= 32 for one in self.url):
                raise ValueError(f"url: an address, for example {EXAMPLES}")
        if scheme == "run" and not is_script_name(rest):
            raise ValueError("url: run: followed by the name of a file in the scripts folder, without a path")
        if self.format == "pancake" and (scheme != "unix" or len(self.cameras) != 1):
            raise ValueError('format: pancake requires a unix: address and `cameras = ["one"]`')
        if self.clips and (self.format != "pancake" or not self.clips.startswith("/")):
            raise ValueError('clips: an absolute path, and only with format = "pancake"')
        if self.files and (self.format != "pancake" or self.clips):
            raise ValueError('files: only with format = "pancake", and without clips')
        if self.secret and not scheme.startswith("webhook+"):
            raise ValueError("secret: only for webhooks")
        return self

    @property
    def script(self) -> str:
        """Name of the script to run; empty if the URL is not `run:`."""
        return self.url.partition(":")[2] if self.url.startswith("run:") else ""

    @property
    def public(self) -> str:
        """Address without secrets; URL paths may contain secrets."""
        if self.url.startswith("webhook+"):
            return f"the webhook at {urlsplit(self.url.removeprefix('webhook+')).hostname}"
        return self.url


class InputSettings(Table):
    """A program that may send commands to tawny."""

    permissions: tuple[Right, ...] = Field(min_length=1, description=f"What it may do: {', '.join(RIGHTS)}.")
    cameras: tuple[str, ...] = Field((), description="Only these cameras. Empty: all.")
    secret: str = Field("", description="Secret that signs its requests to `/api/v1/inputs/NAME`.")
    token: str = Field("", description="For clients that can't sign: a token sent as `Authorization: Bearer`.")
    socket: str = Field("", description="UNIX socket on which tawny accepts its datagrams: @NAME (abstract) or a path.")
    users: tuple[str, ...] = Field(
        (), description="Local users that may send to the socket, besides root and the user tawny runs as."
    )

    @model_validator(mode="after")
    def _check_input(self) -> "InputSettings":
        if sum(bool(way) for way in (self.secret, self.token, self.socket)) != 1:
            raise ValueError("exactly one of secret, token and socket")
        if 0 < len(self.secret or self.token or "x" * 16) < 16:
            raise ValueError("secret, token: at least 16 characters, for example from `openssl rand -hex 16`")
        if self.socket:
            socket_address(self.socket)
        if self.users and not self.socket:
            raise ValueError("users: only together with socket")
        return self

    @property
    def public(self) -> str:
        """How the client connects, without secrets."""
        return f"datagrams to {self.socket}" if self.socket else "signed" if self.secret else "using its token"


def is_cut_password(url: str) -> bool:
    """Return whether a password with a slash makes part of an MQTT address look like its path."""
    parts = urlsplit(url)
    host, after = parts.netloc, parts.path.rpartition("@")[2]
    is_login = "@" not in host and ":" in host and not host.endswith(("]", ":1883", ":8883"))
    return is_login and "@" in parts.path and ("." in after or "/" in after)  # which is a host then


class MqttSettings(Table):
    """The MQTT broker that connects tawny to Home Assistant and others."""

    url: str = Field(
        "", description="MQTT broker, for example mqtt://user:password@broker/tawny or mqtts://…. Empty: off."
    )
    discovery: str = Field("homeassistant", description="Home Assistant discovery prefix. Empty: no discovery.")
    permissions: tuple[Right, ...] = Field(
        ("record", "event"), description=f"Commands allowed through the broker: {', '.join(RIGHTS)}."
    )
    cameras: tuple[str, ...] = Field(
        (),
        description="Publish only these cameras, and control only them and their relays, not the mode. Empty: all.",
    )
    snapshot_interval: Annotated[Duration, Field(ge=0, le=86_400)] = Field(
        60.0, description="How often each camera's snapshot is published. 0: only with events."
    )

    @field_validator("url")
    @classmethod
    def _an_address(cls, text: str) -> str:
        parts = urlsplit(text)
        if text and (parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or is_cut_password(text)):
            raise ValueError("an address, for example mqtt://user:password@broker/tawny, / in the password as %2F")
        return text

    @field_validator("discovery")
    @classmethod
    def _a_topic(cls, text: str) -> str:
        if any(one in text for one in "+# \0") or text.startswith("/"):
            raise ValueError("a topic without +, # or spaces, for example homeassistant")
        return text.rstrip("/")


class ScriptSettings(Table):
    """Scripts of your own that tawny may run."""

    folder: str = Field("", description="tawny runs only scripts in this folder. Empty: none.")
    deadline: Annotated[Duration, Field(ge=0.1, le=600)] = Field(
        10.0, description="A script that runs longer is stopped, together with everything it started."
    )


class RelaySettings(Table):
    """A switch: a gate, light or siren."""

    camera: str = Field("", description="Relay output of this camera. Requires `onvif`.")
    output: str = Field("", description="The relay's name on the camera. Empty: the first one.")
    script: str = Field("", description="Or a script that switches. It receives `on` as JSON.")
    pulse: Duration = Field(
        0.0,
        ge=0,
        le=3600,
        description="How long the button in the interface, or `ON` at its MQTT topic, switches it on. "
        "0: until switched off.",
    )

    @model_validator(mode="after")
    def _check_relay(self) -> "RelaySettings":
        if bool(self.camera) == bool(self.script):
            raise ValueError("exactly one of camera and script")
        if self.script and not is_script_name(self.script):
            raise ValueError("script: the name of a file in the scripts folder, without a path")
        return self


def is_script_name(text: str) -> bool:
    return bool(text) and len(text) <= 60 and text[0] not in ".-" and all(one.isalnum() or one in "._-" for one in text)


def socket_address(text: str) -> str:
    """Return the address in the kernel's form (abstract: leading NUL). Raises ValueError: with the allowed forms."""
    is_abstract = text.startswith("@")
    if not (is_abstract or text.startswith("/")) or len(text) < 2 or "\0" in text:
        raise ValueError("a socket: @NAME (abstract), or an absolute path such as /run/tawny/events")
    if len(text.encode()) > MOST_SOCKET:
        raise ValueError(f"a socket name of at most {MOST_SOCKET} bytes")
    return "\0" + text[1:] if is_abstract else text


def cameras_named(tables: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield path and camera ID for every camera named in these tables."""
    for table, entries in tables.items():
        for name, one in entries.items():
            for camera in getattr(one, "cameras", ()) or filter(None, (getattr(one, "camera", ""),)):
                yield f"{table}.{name}", camera
