"""Destinations, notifiers and what messages may do, as types of the API."""

from typing import Annotated, Literal

from pydantic import Field

from tawny.web.shapes import Asked, Told


class SentInfo(Told):
    """why: empty when it was delivered."""

    what: str
    name: str
    at_ms: int
    done_ms: int | None
    delivered: bool
    why: str


class MutedInfo(Told):
    camera: str
    until_ms: int


class TargetInfo(Told):
    """where: without secrets. shows: what phones can show of a notifier's messages. trouble: why it does not go on."""

    name: str
    kind: Literal["destination", "notifier"]
    where: str
    shows: str
    gets: str
    waiting: int
    waiting_bytes: int
    oldest_ms: int | None
    trouble: str
    paused: bool
    last: list[SentInfo]
    mutes: list[MutedInfo]


class TargetList(Told):
    items: list[TargetInfo]
    address: str
    """How phones reach this interface; empty: not known, and messages have no links."""


class StepInfo(Told):
    """wrong: empty when it went well."""

    what: str
    wrong: str
    do: str


class Tried(Told):
    steps: list[StepInfo]


class PauseChange(Asked):
    paused: bool


class Mute(Asked):
    """for_s: 0 ends it."""

    camera: Annotated[str, Field(max_length=40)]
    for_s: Annotated[int, Field(ge=0, le=86_400)]


class PushKey(Told):
    """key: empty where browsers are not told."""

    key: str


class PushAddress(Asked):
    """As a browser's subscription has them."""

    endpoint: Annotated[str, Field(max_length=1000, pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]+)?/[!-~]*$")]
    p256dh: Annotated[str, Field(max_length=200)] = ""
    auth: Annotated[str, Field(max_length=100)] = ""


class ActInfo(Told):
    """What a button does, as a question; or what was done."""

    words: str
