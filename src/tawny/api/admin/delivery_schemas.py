"""Destinations, notifiers and what messages may do, as types of the API."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.api.schemas import ApiRequest, ApiResponse


class SentInfo(ApiResponse):
    """why: empty when it was delivered."""

    what: str
    name: str
    at_ms: int
    done_ms: int | None
    delivered: bool
    why: str


class MutedInfo(ApiResponse):
    camera: str
    until_ms: int


class TargetInfo(ApiResponse):
    """where: without secrets. shows: what phones can show of a notifier's messages. trouble: why it does not go on.

    receives: what who runs it could look at: sealed video, clear video, or a link only.
    """

    name: str
    kind: Literal["destination", "notifier"]
    where: str
    shows: str
    gets: str
    receives: Literal["sealed", "clear", "link"]
    waiting: int
    waiting_bytes: int
    oldest_ms: int | None
    trouble: str
    paused: bool
    last: list[SentInfo]
    mutes: list[MutedInfo]


class TargetList(ApiResponse):
    items: list[TargetInfo]
    address: str
    """How phones reach this interface; empty: not known, and messages have no links."""


class StepInfo(ApiResponse):
    """wrong: empty when it went well."""

    what: str
    wrong: str
    hint: str


class ConnectionTestInfo(ApiResponse):
    steps: list[StepInfo]


class FieldInfo(ApiResponse):
    """goes: into the address, percent-encoded or as it is; or a setting of its own."""

    key: str
    label: str
    hint: str
    goes: Literal["encoded", "as-is", "setting"]
    secret: bool
    required: bool


class KindInfo(ApiResponse):
    """address: with `{field}`s; what is in `[…]` is left out where a field in it is empty."""

    group: Literal["destinations", "notifiers"]
    scheme: str
    title: str
    about: str
    address: str
    fields: list[FieldInfo]
    shows: str


class KindList(ApiResponse):
    """kept: changes outlast the program."""

    items: list[KindInfo]
    kept: bool


Setting = bool | int | Annotated[str, Field(max_length=2000)] | Annotated[list[str | int], Field(max_length=200)]


class TargetSettings(ApiResponse):
    """values: as in the settings' file, without anything secret."""

    group: Literal["destinations", "notifiers"]
    values: dict[str, Setting]


class TargetChange(ApiRequest):
    """values: each as in the settings' file; null takes one away, and what is not named stays as it is."""

    group: Literal["destinations", "notifiers"]
    values: Annotated[dict[str, Setting | None], Field(max_length=40)]


class PauseChange(ApiRequest):
    paused: bool


class MuteRequest(ApiRequest):
    """for_s: 0 ends it."""

    camera: Annotated[str, Field(max_length=40)]
    for_s: Annotated[int, Field(ge=0, le=86_400)]


class PushKey(ApiResponse):
    """key: empty where browsers are not told."""

    key: str


class PushAddress(ApiRequest):
    """As a browser's subscription has them."""

    endpoint: Annotated[str, Field(max_length=1000, pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]+)?/[!-~]*$")]
    p256dh: Annotated[str, Field(max_length=200)] = ""
    auth: Annotated[str, Field(max_length=100)] = ""


class MessageActionInfo(ApiResponse):
    """What a button does, as a question; or what was done."""

    words: str
