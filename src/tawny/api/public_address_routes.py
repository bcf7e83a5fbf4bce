"""What a device without an account may use of the secure address.

The local authority's certificate, the answers for a public authority's check, and the check from a phone with its
one-time code.
"""

import asyncio
from typing import Annotated, Literal
from urllib.parse import quote

from cryptography.hazmat.primitives import serialization
from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.websockets import WebSocket, WebSocketDisconnect

from tawny.api.auth.access import Access, caller_of, find_session, rule
from tawny.api.context import Context, app_context
from tawny.api.errors import RequestRefused, not_found
from tawny.api.request_handling import CHALLENGES, WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse, OkResponse
from tawny.model.errors import NotDone
from tawny.service.address.local_authority import LocalAuthority, apple_profile
from tawny.service.address.phone_check import CheckResult

SOCKET_S = 10.0
"""Time in s in which the check's WebSocket must have been used."""
TICKET_HEADER = "X-Check-Ticket"
router = APIRouter(route_class=WorkerRoute)
public = [rule(Access.PUBLIC)]
Secret = Annotated[str, Field(min_length=1, max_length=64)]
Outcome = Literal["waiting", "yes", "no"]


class LocalAuthorityInfo(ApiResponse):
    """The local authority. url: address that works once it is installed. fingerprint: SHA-256."""

    host: str
    url: str
    fingerprint: str
    ends_ms: int


class CheckOpening(ApiRequest):
    """device: its kind, such as `iPhone`."""

    code: Secret
    device: Annotated[str, Field(max_length=40, pattern=r"^[\w .,()-]*$")] = ""


class CheckOpened(ApiResponse):
    """ticket: for the reports of this device."""

    ticket: str


class DeviceReport(ApiRequest):
    ticket: Secret
    trusted: Outcome
    socket: Outcome
    webrtc: Outcome
    push: Literal["waiting", "yes", "no", "home-screen"]
    done: bool


@router.get("/api/v1/local-authority", dependencies=public)
def local_authority(context: Context) -> LocalAuthorityInfo:
    authority = _authority(context)
    facts = authority.facts()
    return LocalAuthorityInfo(
        host=context.recorder.host, url=context.address, fingerprint=facts.fingerprint, ends_ms=facts.ends_ms
    )


@router.get("/ca/tawny.crt", dependencies=public, include_in_schema=False)
def authority_file(context: Context) -> Response:
    """Return the authority's certificate (DER), which Android, Windows and Linux install."""
    content = _authority(context).certificate().public_bytes(serialization.Encoding.DER)
    headers = {"Content-Disposition": _attachment("tawny.crt")}
    return Response(content, media_type="application/x-x509-ca-cert", headers=headers)


@router.get("/ca/tawny.mobileconfig", dependencies=public, include_in_schema=False)
def authority_profile(context: Context) -> Response:
    """Return the configuration profile for iPhone, iPad and Mac."""
    content = apple_profile(_authority(context).certificate(), context.recorder.host)
    headers = {"Content-Disposition": _attachment("tawny.mobileconfig")}
    return Response(content, media_type="application/x-apple-aspen-config", headers=headers)


@router.get(CHALLENGES + "{token}", dependencies=public, include_in_schema=False)
def challenge(token: str, context: Context) -> Response:
    """Answer the public authority that checks the domain."""
    answer = context.answer_challenge(token)
    if answer is None:
        raise not_found("Page not found.", "Check the address.")
    return Response(answer, media_type="application/octet-stream")


@router.post("/api/v1/address-check/open", dependencies=public)
def open_check(body: CheckOpening, request: Request, context: Context) -> CheckOpened:
    """Use the one-time code."""
    session = find_session(request)
    person = session.person.name if session is not None else ""
    try:
        ticket = context.phone_checks.open(body.code, body.device, person, caller_of(request).address)
    except NotDone as error:
        raise _ended(error) from error
    return CheckOpened(ticket=ticket)


@router.post("/api/v1/address-check/report", dependencies=public)
def report_check(body: DeviceReport, context: Context) -> OkResponse:
    found = CheckResult(trusted=body.trusted, socket=body.socket, webrtc=body.webrtc, push=body.push, is_done=body.done)
    try:
        context.phone_checks.report(body.ticket, found)
    except NotDone as error:
        raise _ended(error) from error
    return OkResponse()


@router.post("/api/v1/address-check/rtc", dependencies=public, status_code=201, response_class=Response)
async def try_webrtc(request: Request, context: Context) -> Response:
    """Create a WebRTC connection that only echoes, for some seconds. Body: an SDP offer (`application/sdp`)."""
    if not context.phone_checks.is_valid(request.headers.get(TICKET_HEADER, "")):
        raise _ended(NotDone("This check has ended.", "Start it on the recorder's page again."))
    if not context.live.webrtc:
        raise RequestRefused(404, "no_webrtc", "WebRTC is turned off.", "Use another way.")
    offer = (await request.body()).decode("utf-8", "replace")
    return Response(await context.rtc.try_out(offer), 201, media_type="application/sdp")


@router.websocket("/api/v1/address-check/socket", dependencies=public)
async def try_socket(socket: WebSocket) -> None:
    """Answer the ticket, sent as first message, with `ok`."""
    site = app_context(socket)
    await socket.accept()
    try:
        ticket = await asyncio.wait_for(socket.receive_text(), SOCKET_S)
        if site.phone_checks.is_valid(ticket[:64]):
            await socket.send_text("ok")
        await socket.close()
    except (WebSocketDisconnect, TimeoutError, KeyError):
        return


def _authority(context: Context) -> LocalAuthority:
    found = context.secure.authority()
    if found is None:
        raise not_found("This recorder has no local authority.", "See Settings > Secure address.")
    return found


def _attachment(name: str) -> str:
    return f'attachment; filename="{quote(name)}"'


def _ended(error: NotDone) -> RequestRefused:
    return RequestRefused(404, "check_ended", error.message, error.do)
