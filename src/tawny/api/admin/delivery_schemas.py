"""API schemas of upload destinations, notification channels and message actions."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.api.schemas import ApiRequest, ApiResponse


class SentInfo(ApiResponse):
    """A past delivery. why: reason of the failure; empty if delivered."""

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
    """An upload destination or notification channel.

    where: address without secrets. shows: what phones can display. trouble: why deliveries fail; empty if they don't.
    receives: what its operator can access: encrypted video, unencrypted video, or a link only.
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
    """URL under which phones reach this interface; empty if unknown: messages then contain no links."""


class StepInfo(ApiResponse):
    """A step of a test. wrong: the problem; empty if it succeeded."""

    what: str
    wrong: str
    hint: str


class ConnectionTestInfo(ApiResponse):
    """write_only: the login may not delete, so the destination needs the setting `write_only`."""

    steps: list[StepInfo]
    write_only: bool


class FieldInfo(ApiResponse):
    """A field of a target type. goes: into the URL percent-encoded, into the URL as is, or a separate setting."""

    key: str
    label: str
    hint: str
    goes: Literal["encoded", "as-is", "setting"]
    secret: bool
    required: bool


class KindInfo(ApiResponse):
    """A target type. address: URL template with `{field}`s; a part in `[…]` is omitted if a field in it is empty."""

    group: Literal["destinations", "notifiers"]
    scheme: str
    title: str
    about: str
    address: str
    fields: list[FieldInfo]
    shows: str


class KindList(ApiResponse):
    """Target types. kept: changes are saved in the settings file."""

    items: list[KindInfo]
    kept: bool


Setting = bool | int | Annotated[str, Field(max_length=2000)] | Annotated[list[str | int], Field(max_length=200)]


class TargetSettings(ApiResponse):
    """Settings of a target. values: as in the settings file, without secrets."""

    group: Literal["destinations", "notifiers"]
    values: dict[str, Setting]


class TargetChange(ApiRequest):
    """New settings. values: as in the settings file; null removes a key, keys not given stay unchanged."""

    group: Literal["destinations", "notifiers"]
    values: Annotated[dict[str, Setting | None], Field(max_length=40)]


class PauseChange(ApiRequest):
    paused: bool


class MuteRequest(ApiRequest):
    """Mute a camera. for_s: duration in s; 0 unmutes."""

    camera: Annotated[str, Field(max_length=40)]
    for_s: Annotated[int, Field(ge=0, le=86_400)]


class PushKey(ApiResponse):
    """Public key for Web Push; empty if push is not available."""

    key: str


class PushAddress(ApiRequest):
    """A browser's Web Push subscription."""

    endpoint: Annotated[str, Field(max_length=1000, pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]+)?/[!-~]*$")]
    p256dh: Annotated[str, Field(max_length=200)] = ""
    auth: Annotated[str, Field(max_length=100)] = ""


class MessageActionInfo(ApiResponse):
    """What a button does, as a question; or what was done."""

    words: str
