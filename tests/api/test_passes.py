from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.api.auth.accounts import Role
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.passes import Passes
from tawny.model.ids import CameraId
from tawny.protocols.digest_auth import digest
from tawny.testing.clock import FakeClock

PORCH, YARD = CameraId("porch"), CameraId("yard")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def passes(clock: FakeClock) -> Iterator[Passes]:
    file = AccountsFile(":memory:")
    yield Passes(file, clock)
    file.close()


def test_a_pass_is_for_its_cameras_and_for_nothing_but_live(passes: Passes) -> None:
    _, secret = passes.make("Kitchen TV", [PORCH])
    session = passes.session(secret)
    assert session
    assert (session.person.role, session.person.may_see(PORCH), session.person.may_see(YARD)) == (
        Role.HOLDER,
        True,
        False,
    )


def test_its_id_can_be_read_and_typed(passes: Passes) -> None:
    made, _ = passes.make("Kitchen TV!")
    assert made.id.startswith("kitchen-tv-")
    assert made.id.replace("-", "").isalnum()


def test_one_that_is_taken_back_is_worth_nothing(passes: Passes) -> None:
    made, secret = passes.make("TV")
    session = passes.session(secret)
    assert session
    assert passes.take_back(made.id)
    assert (passes.session(secret), passes.session_of(session.key), passes.digest_of(made.id)) == (None, None, None)
    assert not passes.take_back(made.id)


def test_one_that_has_ended_is_worth_nothing_and_still_listed(passes: Passes, clock: FakeClock) -> None:
    made, secret = passes.make("TV", ends_ms=clock.now_ms() + 1000)
    clock.advance(1)
    assert (passes.session(secret), passes.person(made.id), passes.digest_of(made.id)) == (None, None, None)
    assert passes.all() == [made]


def test_the_login_of_rtsp_is_known_without_the_secret(passes: Passes) -> None:
    made, secret = passes.make("TV")
    assert passes.digest_of(made.id) == digest(made.id, secret)
    assert passes.digest_of("somebody") is None


def test_who_reads_the_file_finds_no_secret(tmp_path: Path, clock: FakeClock) -> None:
    file = AccountsFile(tmp_path / "accounts.db")
    _, secret = Passes(file, clock).make("TV")
    file.close()
    assert secret.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_one_that_brings_sees_nothing_and_knows_how_much(passes: Passes) -> None:
    made, secret = passes.make("A friend", brings=5_000_000)
    session = passes.session(secret)
    assert session
    assert (session.person.role, session.person.may_see(PORCH), passes.upload_right(made.id).quota_bytes) == (
        Role.BRINGER,
        False,
        5_000_000,
    )
    passes.take_back(made.id)
    assert passes.upload_right(made.id).quota_bytes == 0
