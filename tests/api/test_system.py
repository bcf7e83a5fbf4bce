"""Actions on the whole recorder: what ends recording needs a recent proof of who asks."""

import pytest

from tawny.api.auth.accounts import Caller, Role
from tests.api.fakes import House


@pytest.mark.parametrize(
    ("action", "code"),
    [("restart", "not_saved"), ("stop", "confirm_first"), ("reboot", "confirm_first"), ("shut_down", "confirm_first")],
)
async def test_what_ends_recording_needs_a_recent_proof(house: House, action: str, code: str) -> None:
    person = house.accounts.put_person("Olga", Role.OWNER)
    browser = house.browser(house.accounts.begin_session(person, Caller("127.0.0.1")))
    house.clock.advance(3600)
    answer = await browser.post(f"/api/v1/system/{action}", json={})
    assert answer.json()["code"] == code
