"""Upload destinations and notification channels for owners, and the public route of notification buttons."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Request

from tawny.api.admin import delivery_schemas as shapes
from tawny.api.auth.access import Access, Signed, caller_of, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import RequestRefused, bad_input, not_found
from tawny.api.schemas import OkResponse
from tawny.delivery.connection_check import ConnectionTestStep
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.model.ids import CameraId
from tawny.service.interfaces.delivery import DeliveryApi, TargetView
from tawny.service.interfaces.delivery_settings import TargetSettingsApi

router = APIRouter(prefix="/api/v1")
view = [rule(Access.VIEW)]
own, public = [rule(Access.OWN)], [rule(Access.PUBLIC)]
OneName = Annotated[str, Path(max_length=40)]
NewName = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
OneToken = Annotated[str, Path(max_length=64)]
T = TypeVar("T")


@router.get("/targets", dependencies=own)
async def targets(here: Here) -> shapes.TargetList:
    """List upload destinations and notification channels with queue, last deliveries and problems."""
    found = await asyncio.to_thread(here.outside.all_targets) if here.outside else []
    return shapes.TargetList(items=[_told(one) for one in found], address=here.address)


@router.get("/targets/kinds", dependencies=own)
async def target_kinds(here: Here) -> shapes.KindList:
    """List the available types and their fields."""
    placing = _placing(here)
    found = await asyncio.to_thread(placing.kinds)
    return shapes.KindList(items=[shapes.KindInfo.model_validate(asdict(one)) for one in found], kept=placing.is_kept)


@router.get("/targets/{target}/settings", dependencies=own)
async def target_settings(target: OneName, here: Here) -> shapes.TargetSettings:
    """Return the settings of a target, without secrets."""
    said = await _placed(here, lambda placing: placing.said(target))
    return shapes.TargetSettings(group=said.group, values=dict(said.values))


@router.put("/targets/{target}", dependencies=own)
async def put_target(
    target: NewName, asked: shapes.TargetChange, request: Request, signed: Signed, here: Here
) -> OkResponse:
    """Add or change a target. Takes effect immediately; queued items are kept."""

    def put(placing: TargetSettingsApi) -> None:
        placing.put(asked.group, target, asked.values)
        here.accounts.note(f"{asked.group} changed", signed.person.name, caller_of(request), target)

    await _placed(here, put)
    return OkResponse()


@router.delete("/targets/{target}", dependencies=own)
async def remove_target(target: OneName, request: Request, signed: Signed, here: Here) -> OkResponse:
    """Remove a target and drop its queue. Files already delivered stay there."""

    def remove(placing: TargetSettingsApi) -> None:
        placing.remove(target)
        here.accounts.note("upload or notification target removed", signed.person.name, caller_of(request), target)

    await _placed(here, remove)
    return OkResponse()


@router.post("/targets/{target}/try-out", dependencies=own)
async def try_out_target(target: NewName, asked: shapes.TargetChange, here: Here) -> shapes.ConnectionTestInfo:
    """Test settings without saving them."""
    steps = await _placed(here, lambda placing: placing.try_out(asked.group, target, asked.values))
    return _tested(steps)


@router.post("/targets/{target}/test", dependencies=own)
async def test_target(target: OneName, here: Here) -> shapes.ConnectionTestInfo:
    """Test a target step by step up to the first failure: upload and read back a small file, or send a notification.

    A destination whose login may not delete gets `write_only`.
    """
    steps = await _of(here, lambda outside: outside.test(target))
    return _tested(steps)


@router.put("/targets/{target}/pause", dependencies=own)
async def pause_target(
    target: OneName, asked: shapes.PauseChange, request: Request, signed: Signed, here: Here
) -> OkResponse:
    """Pause or resume deliveries. Items stay queued; a restart of tawny resumes too."""

    def pause(outside: DeliveryApi) -> None:
        outside.pause(target, paused=asked.paused)
        word = "paused" if asked.paused else "resumed"
        here.accounts.note(f"uploads and notifications {word}", signed.person.name, caller_of(request), target)

    await _of(here, pause)
    return OkResponse()


@router.post("/targets/{target}/try", dependencies=own)
async def try_target_now(target: OneName, here: Here) -> OkResponse:
    """Retry queued items now instead of waiting for the next attempt."""
    await _of(here, lambda outside: outside.try_now(target))
    return OkResponse()


@router.put("/targets/{target}/mute", dependencies=own)
async def mute_target(target: OneName, asked: shapes.MuteRequest, here: Here) -> OkResponse:
    """Mute notifications about a camera's events for a time."""
    await _of(here, lambda outside: outside.mute(target, CameraId(asked.camera), asked.for_s * 1000))
    return OkResponse()


@router.get("/push", dependencies=view)
async def push_key(here: Here) -> shapes.PushKey:
    """Return the public key for Web Push subscriptions."""
    return shapes.PushKey(key=await asyncio.to_thread(here.outside.push_key) if here.outside else "")


@router.post("/push", dependencies=view)
async def tell_browser(asked: shapes.PushAddress, signed: Signed, here: Here) -> OkResponse:
    """Subscribe this browser to push notifications of cameras its user may see; without keys: unsubscribe."""
    keys = (asked.p256dh, asked.auth) if asked.p256dh else None
    try:
        await _of(here, lambda outside: outside.tell_browser(signed.person.id, asked.endpoint, keys))
    except ValueError:
        raise bad_input("These aren't valid browser push keys.") from None
    return OkResponse()


@router.get("/actions/{target}/{token}", dependencies=public)
async def look_at_act(target: OneName, token: OneToken, here: Here) -> shapes.MessageActionInfo:
    """Return what a notification button would do, without doing it: mail scanners follow links."""
    return shapes.MessageActionInfo(words=await _of(here, lambda outside: outside.act_words(target, token)))


@router.post("/actions/{target}/{token}", dependencies=public)
async def act(target: OneName, token: OneToken, request: Request, here: Here) -> shapes.MessageActionInfo:
    """Run the action of a notification button.

    The token is signed for one action on one event; repeating is harmless.
    """

    def do(outside: DeliveryApi) -> str:
        done = outside.act(target, token)
        here.accounts.note("through a notification button", target, caller_of(request), done)
        return done

    return shapes.MessageActionInfo(words=await _of(here, do))


def _placing(here: AppContext) -> TargetSettingsApi:
    if here.placing is None:
        raise not_found("Nothing is configured to leave this computer.")
    return here.placing


async def _placed(here: AppContext, ask: Callable[[TargetSettingsApi], T]) -> T:
    try:
        return await asyncio.to_thread(ask, _placing(here))
    except SettingsError as error:
        problem = error.problems[0]
        name = problem.path.rpartition(".")[2]
        raise bad_input(f"{name}: found {problem.found}; allowed: {problem.allowed}.") from error
    except NotDone as error:
        raise not_found(error.message, error.do) from error
    except FolderUnwritable as error:
        raise RequestRefused(409, "not_saved", "The settings couldn't be changed.", error.do) from error


async def _of(here: AppContext, ask: Callable[[DeliveryApi], T]) -> T:
    outside = here.outside
    if outside is None:
        raise not_found("Nothing is configured to leave this computer.")
    try:
        return await asyncio.to_thread(ask, outside)
    except KeyError:
        raise not_found("Notification channel or upload destination not found.") from None
    except NotDone as error:
        raise RequestRefused(410, "ended", error.message, error.do) from error


def _tested(steps: Sequence[ConnectionTestStep]) -> shapes.ConnectionTestInfo:
    return shapes.ConnectionTestInfo(
        steps=[shapes.StepInfo(what=one.what, wrong=one.wrong, hint=one.do) for one in steps],
        write_only=any(one.write_only for one in steps),
    )


def _told(one: TargetView) -> shapes.TargetInfo:
    return shapes.TargetInfo(
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
        paused=one.is_paused,
        last=[
            shapes.SentInfo(
                what=sent.what.value,
                name=sent.name,
                at_ms=sent.at_ms,
                done_ms=sent.done_ms,
                delivered=not sent.why,
                why=sent.why,
            )
            for sent in one.last
        ],
        mutes=[shapes.MutedInfo(camera=camera, until_ms=until_ms) for camera, until_ms in one.mutes.items()],
    )
