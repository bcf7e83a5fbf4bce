"""Routes for witnesses of the signed history: what browsers remember of it, and the owner's confirmation."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from tawny.api.auth.access import Access, Note, Signed, rule
from tawny.api.context import AppContext, Here
from tawny.api.errors import not_found
from tawny.api.request_handling import WorkerRoute
from tawny.api.schemas import ApiRequest, ApiResponse
from tawny.service.sealing.history_watch import HistoryWatch, WitnessInfo

router = APIRouter(prefix="/api/v1/history", route_class=WorkerRoute)
own = [rule(Access.OWN)]
_Text = Annotated[str, Field(max_length=100)]


class WitnessList(ApiRequest):
    """Witnesses that a browser has kept from earlier visits."""

    witnesses: Annotated[list[_Text], Field(max_length=16)]


class HistoryInfo(ApiResponse):
    contradictions: list[str]
    """What witnesses contradict, as sentences; empty once confirmed."""


@router.post("/witnesses", dependencies=own)
def present_witnesses(asked: WitnessList, signed: Signed, here: Here) -> WitnessInfo:
    """Compare a browser's witnesses with the history. What it contradicts becomes a problem until it is confirmed."""
    if here.history is None:
        return WitnessInfo(current=None, doubted=list(asked.witnesses))
    seen_by = f"A browser of {signed.person.name}"
    return here.history.seen(asked.witnesses, seen_by)


@router.get("", dependencies=own)
async def history_state(here: Here) -> HistoryInfo:
    return HistoryInfo(contradictions=here.history.contradictions() if here.history is not None else [])


@router.post("/confirm", dependencies=own)
def confirm_history(note: Note, here: Here) -> HistoryInfo:
    """Confirm that the present history counts, as after restoring a backup."""
    history = _history(here)

    confirmed = history.confirm()
    note("history confirmed", " ".join(confirmed)[:500])
    return HistoryInfo(contradictions=history.contradictions())


def _history(here: AppContext) -> HistoryWatch:
    if here.history is None:
        raise not_found("There is no signed history here.", "It is on the main disk; this is the fallback, or memory.")
    return here.history
