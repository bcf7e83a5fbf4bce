"""The owner's diagnostics: what was listed is what is saved."""

import io
import zipfile

import pytest

from tawny.api.auth.accounts import Role
from tawny.service.diagnosis.bundle import BundleFile, Diagnostics, DiagnosticsService
from tawny.service.diagnosis.machine import fine, wrong
from tests.api.fakes import House


class FakeDiagnostics(DiagnosticsService):
    """One that is made at once."""

    def __init__(self) -> None:
        files = (BundleFile("README.txt", "What is here.", b"hello"), BundleFile("log.txt", "The log.", b"lines"))
        found = (fine("disk", "SSD."), wrong("clock", "It is wrong.", "Why.", "Set it."))
        self.made = Diagnostics(1_795_000_000_000, found, files)

    def make(self) -> Diagnostics:
        return self.made

    def last(self) -> Diagnostics:
        return self.made


@pytest.fixture
def examined(house: House) -> House:
    house.site.diagnostics = FakeDiagnostics()
    return house


async def test_list(examined: House) -> None:
    data = (await examined.signed_in().get("/api/v1/diagnostics")).json()
    assert [(one["area"], one["state"], one["do"]) for one in data["checks"]] == [
        ("disk", "fine", ""),
        ("clock", "wrong", "Set it."),
    ]
    assert data["files"][1] == {"name": "log.txt", "about": "The log.", "size": 5}


async def test_bundle(examined: House) -> None:
    answer = await examined.signed_in().get("/api/v1/diagnostics/bundle")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="tawny-diagnostics-2026-11-18.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("tawny-diagnostics/log.txt") == b"lines"


@pytest.mark.parametrize("path", ["/api/v1/diagnostics", "/api/v1/diagnostics/bundle"])
async def test_only_the_owner(examined: House, path: str) -> None:
    assert (await examined.signed_in(Role.MEMBER).get(path)).status_code == 403
    assert (await examined.browser().get(path)).status_code == 401
