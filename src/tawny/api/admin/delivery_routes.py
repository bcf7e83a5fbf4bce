"""Upload destinations and notification channels for owners, and the public route of notification buttons."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tawny.api.auth.access import Access, Note, Signed, caller_of, known_camera, rule
from tawny.api.auth.accounts import Account, LoginSession, Role
from tawny.api.auth.audit_counts import MESSAGE_IMAGE_OPENED
from tawny.api.context import AppContext, Context
from tawny.api.errors import RequestRefused, bad_field, bad_input, not_found
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse
from tawny.delivery.delivery import NoLongerSo
from tawny.delivery.destination import ConnectionTestStep
from tawny.delivery.outbox import LOST, REPLACED
from tawny.delivery.targets import TargetView
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.model.ids import CameraId
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.delivery.notification_filter import LONGEST_SNOOZE_S, SHORTEST_SNOOZE_S, Snooze, Snoozes
from tawny.service.delivery.target_settings import TargetNameTaken, TargetSettingsService
from tawny.service.languages import ENGLISH

# API schemas of upload destinations, notification channels and message actions.

_LEFT_OUT: Final = frozenset({NoLongerSo.says, REPLACED, LOST})


class SentInfo(ApiResponse):
    """A past delivery. why: reason if it wasn't delivered. left_out: on purpose, which is no failure."""

    what: str
    name: str
    at_ms: int
    done_ms: int | None
    delivered: bool
    left_out: bool
    why: str


class MutedInfo(ApiResponse):
    camera: str
    until_ms: int


class TargetInfo(ApiResponse):
    """An upload destination, set of files or notification channel.

    where: address without secrets. shows: what phones can display. trouble: why deliveries fail; empty if they don't.
    unswept: why expired files stay there; empty if they don't. receives: what its operator can access: encrypted video,
    unencrypted video, or a link only.
    """

    name: str
    kind: Literal["destination", "files", "notifier"]
    where: str
    shows: str
    gets: str
    receives: Literal["sealed", "clear", "link"]
    waiting: int
    waiting_bytes: int
    oldest_ms: int | None
    trouble: str
    unswept: str
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

    group: Literal["destinations", "files", "notifiers"]
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

    group: Literal["destinations", "files", "notifiers"]
    values: dict[str, bool | int | str | list[str | int]]


class TargetChange(ApiRequest):
    """New settings. values: as in the settings file; null removes a key, keys not given stay unchanged.

    new: only add a target; refused if one of this name exists.
    """

    group: Literal["destinations", "files", "notifiers"]
    values: Annotated[dict[str, Setting | None], Field(max_length=40)]
    new: bool = False


class PauseChange(ApiRequest):
    paused: bool


class MuteRequest(ApiRequest):
    """Mute a camera. for_s: duration in s; 0 unmutes."""

    camera: Annotated[str, Field(max_length=40)]
    for_s: Annotated[int, Field(ge=0, le=86_400)]


class PushKey(ApiResponse):
    """Public key for Web Push; empty if push is not available. has_channel: subscribed browsers get notifications."""

    key: str
    has_channel: bool


class PushAddress(ApiRequest):
    """A browser's Web Push subscription."""

    endpoint: Annotated[str, Field(max_length=1000, pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]+)?/[!-~]*$")]
    p256dh: Annotated[str, Field(max_length=200)] = ""
    auth: Annotated[str, Field(max_length=100)] = ""


class SnoozeInfo(ApiResponse):
    """Notifications about events stop until then. camera: null for all. by: who snoozed. everyone: not only for them.

    mine: the signed-in user made it. may_end: the signed-in user may end it. until_ms: null: until it is ended.
    rule: key of a rule that is snoozed instead of a camera, and its name; empty: none.
    """

    camera: str | None
    everyone: bool
    by: str
    mine: bool
    may_end: bool
    since_ms: int
    until_ms: int | None
    rule: str
    rule_name: str


class SnoozeList(ApiResponse):
    """may_all: the user may snooze all cameras for everyone. rules: keys of the rules that the user may snooze."""

    items: list[SnoozeInfo]
    may_all: bool
    rules: list[str]


class SnoozeRequest(ApiRequest):
    """camera: null for all. for_s: duration in s. everyone: not only for the signed-in user.

    rule: key of a rule, without a camera; it is snoozed for everyone. Its for_s may be null: until it is ended.
    """

    camera: Annotated[str, Field(max_length=40)] | None
    for_s: Annotated[int, Field(ge=SHORTEST_SNOOZE_S, le=LONGEST_SNOOZE_S)] | None
    everyone: bool = False
    rule: Annotated[str, Field(max_length=60)] = ""


class SnoozeQuery(BaseModel):
    camera: Annotated[str, Field(max_length=40)] = ""
    everyone: bool = False
    rule: Annotated[str, Field(max_length=60)] = ""


class MessageActionInfo(ApiResponse):
    """What a button does, as a question; or what was done."""

    words: str


router = APIRouter(prefix="/api/v1", route_class=WorkerRoute)
view = [rule(Access.VIEW)]
own, public = [rule(Access.OWN)], [rule(Access.PUBLIC)]
OneName = Annotated[str, Path(max_length=40)]
NewName = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
OneToken = Annotated[str, Path(max_length=64)]


@router.get("/targets", dependencies=own)
def targets(context: Context) -> TargetList:
    """List upload destinations and notification channels with queue, last deliveries and problems."""
    return TargetList(items=[_target_info(one) for one in context.outside.all_targets()], address=context.address)


@router.get("/targets/kinds", dependencies=own)
def target_kinds(context: Context) -> KindList:
    """List the available types and their fields."""
    with _settings(context) as settings:
        return KindList(items=[KindInfo.model_validate(asdict(one)) for one in settings.kinds()], kept=settings.is_kept)


@router.get("/targets/{target}/settings", dependencies=own)
def target_settings(target: OneName, context: Context) -> TargetSettings:
    """Return the settings of a target, without secrets."""
    with _settings(context) as settings:
        written = settings.view(target)
    return TargetSettings(
        group=written.group, values={key: value for key, value in written.values.items() if _is_plain(value)}
    )


def _is_plain(value: object) -> bool:
    """Return whether the page can show a value; others, such as tables of a plug-in, stay as they are in the file."""
    several = value if isinstance(value, list) else [value]
    return all(isinstance(one, str | int) for one in several)


@router.put("/targets/{target}", dependencies=own)
def put_target(target: NewName, body: TargetChange, note: Note, context: Context) -> OkResponse:
    """Add or change a target. Takes effect immediately; queued items are kept.

    409 `name_taken`: it is new, and there is one of this name.
    """
    with _settings(context) as settings:
        settings.put(body.group, target, body.values, is_new=body.new)
        note(f"{body.group} changed", target)
    return OkResponse()


@router.delete("/targets/{target}", dependencies=own)
def remove_target(target: OneName, note: Note, context: Context) -> OkResponse:
    """Remove a target and drop its queue. Files already delivered stay there."""
    with _settings(context) as settings:
        settings.remove(target)
        note("upload or notification target removed", target)
    return OkResponse()


@router.post("/targets/{target}/try-out", dependencies=own)
def try_out_target(target: NewName, body: TargetChange, context: Context) -> ConnectionTestInfo:
    """Test settings without saving them."""
    with _settings(context) as settings:
        return _tested(settings.try_out(body.group, target, body.values, is_new=body.new))


@router.post("/targets/{target}/test", dependencies=own)
def test_target(target: OneName, context: Context) -> ConnectionTestInfo:
    """Test a target step by step up to the first failure: upload and read back a small file, or send a notification.

    A destination whose login may not delete gets `write_only`.
    """
    with _delivery(context) as delivery:
        return _tested(delivery.test(target))


@router.put("/targets/{target}/pause", dependencies=own)
def pause_target(target: OneName, body: PauseChange, note: Note, context: Context) -> OkResponse:
    """Pause or resume deliveries. Items stay queued until it is resumed."""
    with _delivery(context) as delivery:
        delivery.pause(target, paused=body.paused)
        note(f"uploads and notifications {'paused' if body.paused else 'resumed'}", target)
    return OkResponse()


@router.post("/targets/{target}/try", dependencies=own)
def try_target_now(target: OneName, context: Context) -> OkResponse:
    """Retry queued items now instead of waiting for the next attempt, also a failed search for expired files."""
    with _delivery(context) as delivery:
        delivery.try_now(target)
    return OkResponse()


@router.put("/targets/{target}/mute", dependencies=own)
def mute_target(target: OneName, body: MuteRequest, note: Note, context: Context) -> OkResponse:
    """Mute notifications about a camera's events for a time."""
    with _delivery(context) as delivery:
        delivery.mute(target, CameraId(body.camera), body.for_s * 1000)
    note("channel muted" if body.for_s else "channel no longer muted", f"{target}: {body.camera}")
    return OkResponse()


@router.get("/push", dependencies=view)
def push_key(context: Context) -> PushKey:
    """Return the public key for Web Push subscriptions."""
    return PushKey(key=context.outside.push_key(), has_channel=context.outside.has_browser_channel())


@router.post("/push", dependencies=view)
def subscribe_browser(body: PushAddress, request: Request, signed: Signed, note: Note, context: Context) -> OkResponse:
    """Subscribe this browser to push notifications of cameras its user may see; without keys: unsubscribe.

    The first one adds the notification channel of browsers.
    """
    keys = (body.p256dh, body.auth) if body.p256dh else None
    with _delivery(context) as delivery:
        try:
            delivery.subscribe_browser(signed.person.id, body.endpoint, keys, signed.id)
        except ValueError:
            raise bad_input("These aren't valid browser push keys.") from None
    if keys is not None:
        is_public = context.address.startswith("https://") and not context.is_at_home_only
        language = _language(request.headers.get("accept-language", ""), context)
        with _settings(context) as settings:
            if added := settings.add_browser_channel(context.address if is_public else "", language):
                note("notification channel added", added)
    return OkResponse()


def _language(accepted: str, context: AppContext) -> str:
    """Return the first of a browser's languages that tawny has. accepted: its `Accept-Language`, best first."""
    known = {code for code, _ in context.languages.known()}
    tags = [one.partition(";")[0].strip() for one in accepted.split(",")]
    return next((code for tag in tags for code in (tag, tag.partition("-")[0]) if code in known), ENGLISH)


@router.get("/snoozes", dependencies=view)
def snoozes(signed: Signed, context: Context) -> SnoozeList:
    """List the user's own snoozes, and those for everyone, of cameras and rules the user may see."""
    snoozes = context.outside.snoozes
    may_see = signed.person.may_see
    own = [one for one in snoozes.all() if one.everyone or one.by == signed.person.id]
    seen = [one for one in own if one.camera is None or may_see(one.camera)]
    shown = [one for one in seen if all(map(may_see, snoozes.cameras_of(one.rule)))]
    may_direct = signed.person.role in (Role.OWNER, Role.MEMBER)
    return SnoozeList(
        items=[_snooze(one, signed.person, snoozes) for one in shown],
        may_all=may_direct and _sees_all(signed.person, None, "", snoozes),
        rules=[key for key in snoozes.rule_keys() if may_direct and _sees_all(signed.person, None, key, snoozes)],
    )


@router.put("/snoozes", dependencies=view)
def snooze(body: SnoozeRequest, signed: Signed, note: Note, context: Context) -> SnoozeInfo:
    """Stop notifications about events for a time: the user's own, or everyone's or a rule as member or owner.

    Everyone's, and a rule, only by those who may see all cameras that it is about.
    """
    camera = None if body.camera is None else known_camera(CameraId(body.camera), context)
    if body.rule and camera is not None:
        raise bad_input("A camera or a rule, not both.")
    if body.everyone or body.rule:
        _check_may_snooze_for_all(signed, camera, body.rule, context.outside.snoozes)
    if body.for_s is None and not body.rule:
        raise bad_input("Only a rule can be snoozed until it is resumed.", "Choose a duration.")
    person, snoozes = signed.person, context.outside.snoozes
    try:
        made = snoozes.put(camera, body.for_s, person.id, person.name, everyone=body.everyone, rule=body.rule)
    except NotDone as error:
        raise not_found(error.message, error.do) from error
    note(_noted(made, "snoozed"), snoozes.name_of(body.rule) or camera or "all cameras")
    return _snooze(made, person, snoozes)


@router.delete("/snoozes", dependencies=view)
def end_snooze(query: Annotated[SnoozeQuery, Query()], signed: Signed, note: Note, context: Context) -> OkResponse:
    """End a snooze of a camera or a rule; without `camera` and `rule`: the one of all cameras."""
    snoozes = context.outside.snoozes
    camera = CameraId(query.camera) if query.camera else None
    if query.everyone or query.rule:
        _check_may_snooze_for_all(signed, camera, query.rule, snoozes)
    ended = snoozes.end(camera, signed.person.id, everyone=query.everyone, rule=query.rule)
    if ended is not None:
        note(_noted(ended, "no longer snoozed"), snoozes.name_of(query.rule) or query.camera or "all cameras")
    return OkResponse()


@router.get("/actions/{target}/{token}", dependencies=public)
def look_at_act(target: OneName, token: OneToken, context: Context) -> MessageActionInfo:
    """Return what a notification button would do, without doing it: mail scanners follow links."""
    with _delivery(context) as delivery:
        return MessageActionInfo(words=delivery.act_words(target, token))


@router.post("/actions/{target}/{token}", dependencies=public)
def act(target: OneName, token: OneToken, request: Request, context: Context) -> MessageActionInfo:
    """Run the action of a notification button.

    The token is signed for one action on one event; repeating is harmless.
    """
    with _delivery(context) as delivery:
        done = delivery.act(target, token, caller_of(request).address)
    return MessageActionInfo(words=done)


@router.get("/sent/{target}/{file}", dependencies=public, response_class=Response)
def sent_image(
    target: OneName, file: Annotated[str, Path(max_length=80)], request: Request, context: Context
) -> Response:
    """Return the image of a notification, for services that display what a link leads to.

    The link is signed for one image of one event and ends after six hours.
    """
    with _delivery(context) as delivery:
        image = delivery.notifications.sent_image(target, file.rpartition(".")[0])
    context.accounts.counts.count(MESSAGE_IMAGE_OPENED, Role.VISITOR.value, caller_of(request).address, detail=target)
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(image.read(0, image.size_bytes), media_type=image.media_type, headers=headers)


@contextmanager
def _settings(context: AppContext) -> Iterator[TargetSettingsService]:
    """Give the settings of all targets. Raises RequestRefused when they refuse."""
    try:
        yield context.placing
    except TargetNameTaken as taken:
        raise RequestRefused(409, "name_taken", f"{taken} already exists.", "Choose another name.") from None
    except SettingsError as error:
        raise bad_field(error) from error
    except NotDone as error:
        raise not_found(error.message, error.do) from error
    except FolderUnwritable as error:
        raise RequestRefused(409, "not_saved", "The settings couldn't be changed.", error.do) from error


@contextmanager
def _delivery(context: AppContext) -> Iterator[DeliveryService]:
    """Give the delivery service. Raises RequestRefused when it refuses."""
    try:
        yield context.outside
    except KeyError:
        raise not_found("Notification channel or upload destination not found.") from None
    except NotDone as error:
        raise RequestRefused(410, "ended", error.message, error.do) from error


def _check_may_snooze_for_all(signed: LoginSession, camera: CameraId | None, rule: str, snoozes: Snoozes) -> None:
    """Refuse to begin or end a snooze that others notice, unless the user may see all that it is about."""
    if signed.person.role not in (Role.OWNER, Role.MEMBER):
        raise RequestRefused(403, "family_only", "Only members and owners can do this.", "Ask an owner.")
    if not _sees_all(signed.person, camera, rule, snoozes):
        raise RequestRefused(403, "cameras_hidden", "This is also about cameras that you can't see.", "Ask an owner.")


def _sees_all(person: Account, camera: CameraId | None, rule: str, snoozes: Snoozes) -> bool:
    cameras = snoozes.cameras_of(rule) if rule else (camera,) if camera else ()
    return person.cameras is None or (bool(cameras) and all(map(person.may_see, cameras)))


def _noted(one: Snooze, what: str) -> str:
    """Return the action for the audit log."""
    if one.rule:
        return f"rule {what}"
    return f"notifications {what} for everyone" if one.everyone else f"own notifications {what}"


def _snooze(one: Snooze, person: Account, snoozes: Snoozes) -> SnoozeInfo:
    may_direct = person.role in (Role.OWNER, Role.MEMBER)
    return SnoozeInfo(
        camera=one.camera,
        everyone=one.everyone,
        by=one.name,
        mine=one.by == person.id,
        may_end=may_direct and _sees_all(person, one.camera, one.rule, snoozes) if one.everyone else True,
        since_ms=one.since_ms,
        until_ms=one.until_ms,
        rule=one.rule,
        rule_name=snoozes.name_of(one.rule),
    )


def _tested(steps: Sequence[ConnectionTestStep]) -> ConnectionTestInfo:
    return ConnectionTestInfo(
        steps=[StepInfo(what=one.what, wrong=one.wrong, hint=one.do) for one in steps],
        write_only=any(one.write_only for one in steps),
    )


def _target_info(one: TargetView) -> TargetInfo:
    return TargetInfo(
        name=one.name,
        kind=one.kind,
        where=one.where,
        shows=one.shows,
        gets=one.gets,
        receives=one.receives.value,
        waiting=one.waiting.count,
        waiting_bytes=one.waiting.size_bytes,
        oldest_ms=one.waiting.oldest_ms,
        trouble=one.trouble,
        unswept=one.unswept,
        paused=one.is_paused,
        last=[
            SentInfo(
                what=sent.what.value,
                name=sent.name,
                at_ms=sent.at_ms,
                done_ms=sent.done_ms,
                delivered=not sent.why,
                left_out=sent.why in _LEFT_OUT,
                why=sent.why,
            )
            for sent in one.last
        ],
        mutes=[MutedInfo(camera=camera, until_ms=until_ms) for camera, until_ms in one.mutes.items()],
    )
