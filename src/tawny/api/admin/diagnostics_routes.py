"""Routes of the owner's diagnostics: what is wrong with the computer, and the bundle for others."""

from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from tawny.api.auth.access import Access, rule
from tawny.api.context import Context
from tawny.api.schemas import ApiResponse
from tawny.service.diagnosis.bundle import zip_of

router = APIRouter(prefix="/api/v1/diagnostics")


class DiagnosisInfo(ApiResponse):
    """What was found in one area: what it is, why it matters and what to do, as sentences."""

    area: str
    state: Literal["fine", "note", "wrong"]
    what: str
    why: str
    do: str


class BundleFileInfo(ApiResponse):
    """A file of the bundle."""

    name: str
    about: str
    size: int


class DiagnosticsInfo(ApiResponse):
    """files: what the bundle holds that is saved within the next quarter of an hour."""

    made_ms: int
    checks: list[DiagnosisInfo]
    files: list[BundleFileInfo]


@router.get("", dependencies=[rule(Access.OWN)])
async def diagnostics(context: Context) -> DiagnosticsInfo:
    """Check the computer and make the bundle. Takes some seconds."""
    made = await context.calls.share("diagnostics", context.diagnostics.make)
    return DiagnosticsInfo(
        made_ms=made.at_ms,
        checks=[
            DiagnosisInfo(area=one.area, state=one.state.value, what=one.what, why=one.why, do=one.do)
            for one in made.diagnoses
        ],
        files=[BundleFileInfo(name=one.name, about=one.about, size=len(one.data)) for one in made.files],
    )


@router.get("/bundle", dependencies=[rule(Access.OWN)], response_class=Response)
async def diagnostics_bundle(context: Context) -> Response:
    """Return the files that were listed last as a ZIP archive."""
    made = await context.calls.share("diagnostics bundle", context.diagnostics.last)
    name = f"tawny-diagnostics-{datetime.fromtimestamp(made.at_ms / 1000, UTC):%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(zip_of(made.files, made.at_ms), media_type="application/zip", headers=headers)
