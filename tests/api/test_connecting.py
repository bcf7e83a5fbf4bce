"""Where cameras are, over HTTP: for owners alone, without the password, and with words where it was not changed."""

from collections.abc import Mapping

import pytest

from tawny.api.auth.accounts import Role
from tawny.model.errors import NotDone, Problem, SettingsError, SourceRefused
from tawny.model.ids import CameraId
from tawny.service.cameras.connection_settings import CameraAddress, CameraAddressChange, CameraConnectionService
from tests.api.fakes import House

PATH = "/api/v1/cameras/porch/connection"
ASKED = {"source": "rtsp://192.168.1.9/main", "user": "admin", "password": "a secret"}


class Desk(CameraConnectionService):
    def __init__(self) -> None:
        self.asked: list[tuple[CameraAddressChange, bool]] = []
        self.fails: Exception | None = None

    def place(self, camera: CameraId) -> CameraAddress:
        if self.fails:
            raise self.fails
        return CameraAddress("rtsp://192.168.1.5/main", "", "admin", has_password=True)

    def change(self, camera: CameraId, wanted: CameraAddressChange, *, untried: bool) -> Mapping[str, str]:
        if self.fails:
            raise self.fails
        self.asked.append((wanted, untried))
        return {} if untried else {"main": "H264 640x360"}


@pytest.fixture
def desk(house: House) -> Desk:
    house.site.connecting = made = Desk()
    return made


async def test_an_owner_is_told_where_it_is_and_no_password(house: House, desk: Desk) -> None:
    data = (await house.signed_in().get(PATH)).json()
    assert data == {
        "source": "rtsp://192.168.1.5/main",
        "sub": "",
        "user": "admin",
        "has_password": True,
        "fixed": "",
    }
    desk.fails = NotDone("This isn't a network camera.", "Change it in the file.")
    assert (await house.signed_in().get(PATH)).json()["fixed"].startswith("This isn't a network camera")


async def test_what_is_tried_and_saved_leaves_a_line_without_it(house: House, desk: Desk) -> None:
    answer = await house.signed_in().put(PATH, json=ASKED)
    assert answer.json() == {"streams": {"main": "H264 640x360"}}
    ((wanted, untried),) = desk.asked
    assert (wanted.password, untried) == ("a secret", False)
    assert "a secret" not in repr(wanted)
    assert not [line for line in house.accounts.audit() if "a secret" in str(line)]


@pytest.mark.parametrize(
    ("fails", "status", "says"),
    [
        (SourceRefused("rtsp://192.168.1.9/main"), 409, "Nothing was changed"),
        (SettingsError("your input", (Problem("source", "no address", "one"),)), 400, "It must be one"),
        (NotDone("These cameras aren't in a settings file.", ""), 409, "Nothing was changed"),
    ],
)
async def test_why_it_was_not_changed(house: House, desk: Desk, fails: Exception, status: int, says: str) -> None:
    desk.fails = fails
    answer = await house.signed_in().put(PATH, json=ASKED)
    assert answer.status_code == status
    assert says in answer.json()["hint"]


async def test_nobody_else_is_told(house: House, desk: Desk) -> None:
    for role in (Role.MEMBER, Role.VIEWER):
        assert (await house.signed_in(role).get(PATH)).status_code == 403
        assert (await house.signed_in(role).put(PATH, json=ASKED)).status_code == 403
    assert not desk.asked


@pytest.mark.parametrize("fails", [SourceRefused("rtsp://192.168.1.9/main"), NotDone("It sent no video.", "")])
async def test_a_failed_attempt_is_in_the_audit_log(house: House, desk: Desk, fails: Exception) -> None:
    """An address at which a password was tried is known afterwards, also if it was not saved."""
    desk.fails = fails
    await house.signed_in().put(PATH, json=ASKED)
    (line,) = [one for one in house.accounts.audit() if one.action == "camera connection failed"]
    assert line.detail.startswith("porch: rtsp://192.168.1.9/main: ")
    assert "a secret" not in str(house.accounts.audit())
