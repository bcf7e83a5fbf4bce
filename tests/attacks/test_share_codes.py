"""Codes of shared links have a minimum length: a code of one digit is guessed with the first five tries."""

from pathlib import Path

import pytest

from tests.api.fakes import House, make_house


@pytest.fixture
def house(tmp_path: Path) -> House:
    return make_house(tmp_path)


@pytest.mark.parametrize(("code", "status"), [("", 200), ("7", 422), ("12345", 422), ("magpie", 200)])
async def test_short_codes_are_refused(house: House, code: str, status: int) -> None:
    now_ms = house.clock.now_ms()
    house.recorder.record(now_ms - 20_000, seconds=10)
    asked = {"camera": "porch", "from_ms": now_ms - 18_000, "to_ms": now_ms - 14_000, "code": code}
    answer = await house.signed_in().post("/api/v1/shares", json=asked)
    assert answer.status_code == status
    assert status == 200 or "a code of at least 6 characters, or none" in answer.json()["message"]
