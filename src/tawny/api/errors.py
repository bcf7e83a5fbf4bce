"""Errors of the API: `{"code", "message", "hint"}`, with sentences for users."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match, Route

from tawny.model.errors import (
    DiskFull,
    FileDamaged,
    FileMissing,
    FileSealed,
    NotDone,
    SettingsError,
    SourceError,
    StorageError,
    TawnyError,
)
from tawny.model.system_limits import limit_reached
from tawny.model.validation import path_parts, problem_text
from tawny.playback.decrypted import SealedForOtherKey
from tawny.service.scoped_recorder import CameraHidden

log = logging.getLogger(__name__)
MOST_ADDRESS_BYTES = 4096
"""Maximum length of a request's path and query; the interface's longest, a search with every filter, has 900."""


@dataclass(eq=False)
class RequestRefused(TawnyError):
    """A refused request. kind: value of `code`; more: additional fields of the response."""

    status: int
    kind: str
    what: str
    todo: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    code = "refused"
    says = "{what}"
    advice = "{todo}"


def not_found(what: str, todo: str = "It may have been deleted.") -> RequestRefused:
    return RequestRefused(404, "not_found", what, todo)


def bad_input(what: str, todo: str = "") -> RequestRefused:
    return RequestRefused(400, "bad_input", what, todo)


def bad_setting(error: SettingsError) -> RequestRefused:
    """Return the refusal of what was entered, by its first problem."""
    first = error.problems[0]
    return bad_input(f"{first.path}: {first.found}.", f"It must be {first.allowed}.")


def bad_field(error: SettingsError) -> RequestRefused:
    """Return the refusal of what was entered in a form of a target or rule, by the setting's own name."""
    first = error.problems[0]
    name = next((one for one in reversed(first.path.split(".")) if not one.isdigit()), first.path)
    return bad_input(f"{name}: found {first.found}; allowed: {first.allowed}." if first.found else f"{first.allowed}.")


def changed_meanwhile() -> RequestRefused:
    return RequestRefused(409, "changed", "This has been changed meanwhile.", "Reload, or overwrite it.")


def address_too_long() -> RequestRefused:
    return RequestRefused(
        414, "address_too_long", f"This address is longer than {MOST_ADDRESS_BYTES} bytes.", "Ask for less at once."
    )


def share_ended() -> RequestRefused:
    return RequestRefused(410, "share_ended", "This link is no longer valid.", "Ask for a new one.")


def sealed_error() -> RequestRefused:
    return RequestRefused(423, "sealed", "This recording is encrypted.", "Unlock it to watch.")


ANY_FILE: Final = "/{name:path}"
"""Path of the route for the other files of the interface, which is the last one."""
BY_STATUS = {
    404: ("not_found", "Page not found.", "Check the address."),
    405: ("wrong_method", "This address doesn't support that method.", "Use one that its `Allow` header names."),
}


_UNREADABLE: Final = (400, "There was an error parsing the body")
"""What FastAPI answers to JSON that Python can't read, such as a thousand lists in each other, or 5000 digits."""
CORRECT: Final = "Correct it and try again."


def install(app: FastAPI) -> None:
    """Install handlers, so that every error uses the API's schema."""
    app.add_exception_handler(TawnyError, _of_ours)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_input)
    app.add_exception_handler(RuntimeError, _of_limit)
    app.add_exception_handler(MemoryError, _of_limit)
    app.add_exception_handler(Exception, _of_anything)


def answer(status: int, code: str, message: str, do: str, more: Mapping[str, Any] | None = None) -> JSONResponse:
    headers = {"Cache-Control": "no-store"}
    return JSONResponse({"code": code, "message": message, "hint": do, **(more or {})}, status, headers)


def as_answer(error: TawnyError) -> JSONResponse:
    """Return an error response: refusals with their own status, what can't be done now as a conflict (409), storage
    errors as server errors.
    """
    if isinstance(error, RequestRefused):
        made = answer(error.status, error.kind, error.message, error.do, error.more)
        if "wait_s" in error.more:
            made.headers["Retry-After"] = str(error.more["wait_s"])
        return made
    if isinstance(error, SealedForOtherKey):
        do = "Lock, and unlock with that key, or with the recovery sheet."
        return answer(423, "sealed", "This recording is encrypted for another key.", do)
    if isinstance(error, FileSealed):
        return as_answer(sealed_error())
    if isinstance(error, FileMissing):
        return as_answer(not_found(without_paths(error), "It was deleted, or its disk is missing: see Health."))
    if isinstance(error, NotDone | SourceError):
        return answer(409, error.code, error.message, error.do)
    if isinstance(error, CameraHidden):
        return as_answer(not_found(error.message))
    status = 507 if isinstance(error, DiskFull) else 503 if isinstance(error, StorageError) else 500
    if isinstance(error, FileDamaged):
        status = 404  # only this recording is unavailable
    log.warning("answered %d: %s", status, error)
    return answer(status, error.code, without_paths(error), error.do)


def without_paths(error: TawnyError) -> str:
    """Return the message for clients, which reveals no file paths."""
    if isinstance(error, FileMissing):
        return "This recording can't be found."
    return error.message.replace(error.where, "the recordings") if isinstance(error, StorageError) else error.message


async def _of_ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TawnyError)
    return as_answer(error)


def methods_of(request: Request) -> frozenset[str]:
    """Return the methods that the routes of this address have; empty if there is none but the one for all files."""
    found = (one for one in request.app.routes if isinstance(one, Route) and one.path != ANY_FILE)
    context = [one for one in found if one.matches(request.scope)[0] is not Match.NONE]
    return frozenset(method for one in context for method in one.methods or ())


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if (error.status_code, error.detail) == _UNREADABLE:
        return answer(422, "bad_input", "Invalid request: it isn't valid JSON.", CORRECT)
    code, message, do = BY_STATUS.get(error.status_code, ("refused", str(error.detail), ""))
    made = answer(error.status_code, code, message, do)
    made.headers.update(error.headers or {})
    if error.status_code == 405:  # the route that refused it knows its own methods only
        made.headers["Allow"] = ", ".join(sorted(methods_of(request))) or "GET, HEAD"
    return made


async def _of_input(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [_worded(problem) for problem in error.errors()[:5]]
    return answer(422, "bad_input", f"Invalid request: {'; '.join(problems)}.", CORRECT)


def _worded(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "json_invalid":
        return "it isn't valid JSON"
    return problem_text(problem, [part for part in path_parts(problem) if part not in ("query", "path", "body")])


async def _of_limit(request: Request, error: Exception) -> JSONResponse:
    reached = limit_reached(error)
    if reached is None or not isinstance(request, Request):  # a WebSocket gets no answer
        raise error
    log.warning("answered 503: %s", reached)
    # an executor keeps work for which it can't start a thread: one that is busy does it later
    is_change = request.method not in ("GET", "HEAD")
    message = f"{reached.message} The change may still be made." if is_change else reached.message
    made = answer(503, "limit", message, reached.do)
    made.headers["Retry-After"] = "10"
    return made


async def _of_anything(_: Request, error: Exception) -> JSONResponse:
    # uvicorn logs the exception; the reference connects log and response
    reference = secrets.token_hex(2).upper()
    log.error("internal error, reference %s: %s", reference, type(error).__name__)
    return answer(500, "failed", f"Something went wrong (code {reference}).", "Try again. The log has details.")
