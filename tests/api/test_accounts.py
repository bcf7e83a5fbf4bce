import json
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from tawny.api.auth.accounts import (
    ENDED_KEPT_MS,
    MOST_SESSIONS,
    SESSION_MS,
    Accounts,
    Caller,
    Role,
    TokenPurpose,
    hashed,
)
from tawny.api.auth.accounts_file import WRITE_AGAIN_S, AccountsFile
from tawny.api.auth.guess_limit import MOST_DEVICES, KnownDevices
from tawny.api.auth.passes import Passes
from tawny.api.auth.shares import FORGET_S, SharedClip, Shares
from tawny.model.errors import DiskFull, LastOwner, StorageError
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.testing.clock import FakeClock

HERE = Caller("192.168.1.7", "a browser")
MINUTE_S, DAY_S = 60, 86_400


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def accounts(clock: FakeClock) -> Iterator[Accounts]:
    made = Accounts(AccountsFile(":memory:"), clock)
    yield made
    made.close()


def test_a_claim_makes_an_owner(accounts: Accounts) -> None:
    person = accounts.claim(accounts.new_token(TokenPurpose.CLAIM), "Anna", "hash")
    assert person
    assert (person.name, person.role, accounts.has_owner()) == ("Anna", Role.OWNER, True)


def test_a_claim_token_works_once(accounts: Accounts) -> None:
    token = accounts.new_token(TokenPurpose.CLAIM)
    accounts.claim(token, "Anna", "hash")
    assert accounts.claim(token, "Eve", "hash") is None
    assert [person.name for person in accounts.people()] == ["Anna"]


def test_a_claim_token_ends_after_half_an_hour(accounts: Accounts, clock: FakeClock) -> None:
    token = accounts.new_token(TokenPurpose.CLAIM)
    clock.advance(30 * MINUTE_S)
    assert not accounts.is_good(token, TokenPurpose.CLAIM)
    assert accounts.claim(token, "Anna", "hash") is None


def test_a_new_claim_token_ends_the_one_before(accounts: Accounts) -> None:
    first = accounts.new_token(TokenPurpose.CLAIM)
    accounts.new_token(TokenPurpose.CLAIM)
    assert not accounts.is_good(first, TokenPurpose.CLAIM)


def test_a_new_link_leaves_other_tokens(accounts: Accounts) -> None:
    claim = accounts.new_token(TokenPurpose.CLAIM)
    accounts.new_token(TokenPurpose.LINK, accounts.put_person("Anna", Role.OWNER))
    assert accounts.is_good(claim, TokenPurpose.CLAIM)


def test_a_token_serves_its_purpose_only(accounts: Accounts) -> None:
    anna = accounts.put_person("Anna", Role.OWNER)
    assert accounts.claim(accounts.new_token(TokenPurpose.LINK, anna), "Eve", "hash") is None
    assert accounts.follow_link(accounts.new_token(TokenPurpose.CLAIM)) is None


def test_a_link_signs_its_person_in_once(accounts: Accounts) -> None:
    anna = accounts.put_person("Anna", Role.OWNER)
    link = accounts.new_token(TokenPurpose.LINK, anna)
    assert [accounts.follow_link(link), accounts.follow_link(link)] == [(anna, TokenPurpose.LINK), None]


def test_a_claim_with_the_name_of_an_owner_gives_a_new_password_and_ends_the_sessions(accounts: Accounts) -> None:
    anna = accounts.put_person("Anna", Role.OWNER, "old")
    session = accounts.begin_session(anna, HERE)
    again = accounts.claim(accounts.new_token(TokenPurpose.CLAIM), "ANNA", "new")
    assert again
    assert again.id == anna.id
    assert accounts.find("anna") == (again, "new")
    assert accounts.session(session) is None


def test_of_two_owners_who_remove_each_other_one_stays(accounts: Accounts) -> None:
    """Both have read the list of users before."""
    anna, ben = accounts.put_person("Anna", Role.OWNER), accounts.put_person("Ben", Role.OWNER)
    accounts.change_person(ben, Role.VIEWER, None)
    for change in (lambda: accounts.change_person(anna, Role.VIEWER, None), lambda: accounts.remove_person(anna)):
        with pytest.raises(LastOwner, match="Anna is the only owner"):
            change()
    assert accounts.has_owner()
    accounts.change_person(anna, Role.OWNER, None)
    accounts.remove_person(ben)


def test_a_link_of_an_ended_guest_is_good_once_the_access_is_extended(accounts: Accounts, clock: FakeClock) -> None:
    guest = accounts.put_person("Ben", Role.GUEST)
    accounts.change_person(guest, Role.GUEST, None, clock.now_ms() - 1)
    token = accounts.new_token(TokenPurpose.LINK, guest)
    assert accounts.follow_link(token) is None
    accounts.change_person(guest, Role.GUEST, None, clock.now_ms() + 60_000)
    used = accounts.follow_link(token)
    assert used
    assert used[0].id == guest.id
    assert accounts.follow_link(token) is None


def test_who_claims_the_recorder_is_owner_for_good(accounts: Accounts, clock: FakeClock) -> None:
    """Also a former guest, whose access has ended or would end."""
    guest = accounts.put_person("Anna", Role.GUEST)
    accounts.change_person(guest, Role.GUEST, [CameraId("porch")], clock.now_ms() + 60_000)
    owner = accounts.claim(accounts.new_token(TokenPurpose.CLAIM), "Anna", "hash")
    assert owner
    assert (owner.role, owner.cameras, owner.ends_ms) == (Role.OWNER, None, None)
    clock.advance(3600)
    assert accounts.session(accounts.begin_session(owner, Caller("127.0.0.1")))


def test_a_code_of_a_screen_is_no_link(accounts: Accounts) -> None:
    wall = accounts.put_person("Wall", Role.SCREEN)
    accounts.new_token(TokenPurpose.CODE, wall, token="ABCDEFGH")
    assert accounts.follow_link("ABCDEFGH") is None
    assert accounts.follow_link("ABCDEFGH", (TokenPurpose.CODE,)) == (wall, TokenPurpose.CODE)


def test_a_camera_that_is_forgotten_is_taken_out_of_what_others_may_see(accounts: Accounts, clock: FakeClock) -> None:
    """A new camera may get its ID."""
    porch, yard = CameraId("porch"), CameraId("yard")
    passes, shares = Passes(accounts.file, clock), Shares(accounts.file, clock)
    anna = accounts.put_person("Anna", Role.OWNER)
    ben = accounts.change_person(accounts.put_person("Ben", Role.VIEWER), Role.VIEWER, [porch, yard])
    carl = accounts.change_person(accounts.put_person("Carl", Role.VIEWER), Role.VIEWER, [porch])
    secrets = [passes.make("TV", cameras, made_by=anna)[1] for cameras in ([porch], [yard], None)]
    span, ends_ms = Span(clock.now_ms() - 9000, clock.now_ms() - 1000), clock.now_ms() + 60_000
    links = [shares.make(anna, camera, span, ends_ms)[1] for camera in (porch, yard)]
    saved = shares.make(anna, porch, span, ends_ms, clip=SharedClip("clip", (porch,)))[1]
    accounts.forget_cameras([porch])
    sees = [person and person.cameras for person in map(accounts.person, (anna.id, ben.id, carl.id))]
    assert sees == [None, frozenset({yard}), frozenset()]
    held = [session and session.person.cameras for session in map(passes.session, secrets)]
    assert held == [frozenset(), frozenset({yard}), None]
    assert [shares.find(link) is not None for link in (*links, saved)] == [False, True, True]


@pytest.mark.parametrize("name", ["order", "sizes"])
def test_a_camera_that_is_forgotten_leaves_the_plan_and_the_layouts(accounts: Accounts, name: str) -> None:
    """A camera may be called like a part of a layout."""
    anna, sizes = accounts.put_person("Anna", Role.OWNER), {name: "2x1", "yard": "2x2"}
    group = {"id": name, "name": name, "cameras": [name, "yard"], "sizes": sizes}
    accounts.put_wall(anna, json.dumps({"order": ["yard", name], "groups": [group], "columns": 2}))
    accounts.put_plan(b"image", json.dumps([{"camera": one, "x": 0.5, "y": 0.5} for one in (name, "yard")]))
    accounts.forget_cameras([CameraId(name)])
    left_group = {**group, "cameras": ["yard"], "sizes": {"yard": "2x2"}}
    left = {"order": ["yard"], "groups": [left_group], "columns": 2}
    assert json.loads(accounts.wall(anna)) == left
    assert json.loads(accounts.plan()[2]) == [{"camera": "yard", "x": 0.5, "y": 0.5}]


def test_a_link_holds_a_saved_clip_only_while_it_works(accounts: Accounts, clock: FakeClock) -> None:
    porch, shares = CameraId("porch"), Shares(accounts.file, clock)
    accounts.put_person("Anna", Role.OWNER)
    ben = accounts.put_person("Ben", Role.MEMBER)
    span, ends_ms = Span(clock.now_ms() - 9000, clock.now_ms() - 1000), clock.now_ms() + 60_000
    shares.make(ben, porch, span, ends_ms, clip=SharedClip("clip", (porch,)))
    shows = [shares.show("clip"), shares.show("other")]
    ben = accounts.change_person(ben, Role.VIEWER, [CameraId("yard")])
    shows.append(shares.show("clip"))
    ben = accounts.change_person(ben, Role.VIEWER, [porch])
    shows.append(shares.show("clip"))
    accounts.remove_person(ben)
    assert [*shows, shares.show("clip")] == [True, False, False, True, False]


def test_a_session_lasts_for_thirty_days_from_its_last_use(accounts: Accounts, clock: FakeClock) -> None:
    session = accounts.begin_session(accounts.put_person("Anna", Role.OWNER), HERE)
    for _ in range(3):
        clock.advance(29 * DAY_S)
        assert accounts.session(session) is not None
    clock.advance(30 * DAY_S)
    assert accounts.session(session) is None


def test_a_clock_that_is_behind_for_a_while_ends_no_session(accounts: Accounts, clock: FakeClock) -> None:
    session = accounts.begin_session(accounts.put_person("Anna", Role.OWNER), HERE)
    clock.advance(DAY_S)
    assert accounts.session(session)
    clock.jump_utc(-400 * DAY_S)
    behind = accounts.session(session)
    assert behind
    assert behind.ends_ms == clock.now_ms() + SESSION_MS
    clock.advance(3600)
    clock.jump_utc(400 * DAY_S)
    assert accounts.session(session)


def test_a_session_that_was_used_while_the_clock_was_ahead_ends_by_the_clock_that_is_right(
    accounts: Accounts, clock: FakeClock
) -> None:
    session = accounts.begin_session(accounts.put_person("Anna", Role.OWNER), HERE)
    clock.jump_utc(20 * DAY_S)
    assert accounts.session(session)
    clock.jump_utc(-20 * DAY_S)
    assert accounts.session(session)
    clock.advance(DAY_S)
    assert accounts.session(session)
    clock.advance(SESSION_MS / 1000 + 1)
    assert accounts.session(session) is None


def test_a_clock_that_is_ahead_for_a_moment_deletes_no_invitation_of_an_earlier_run(
    tmp_path: Path, clock: FakeClock
) -> None:
    file = tmp_path / "accounts.db"
    with closing(Accounts(AccountsFile(file), clock)) as accounts:
        anna = accounts.put_person("Anna", Role.OWNER)
        link = accounts.new_token(TokenPurpose.LINK, anna, lasts_ms=7 * DAY_S * 1000)
    accounts = Accounts(AccountsFile(file), clock)
    clock.jump_utc(300 * DAY_S)
    accounts.new_token(TokenPurpose.PHONE, anna)
    assert not accounts.is_good(link, TokenPurpose.LINK)
    clock.jump_utc(-300 * DAY_S)
    assert accounts.is_good(link, TokenPurpose.LINK)
    accounts.close()


@pytest.mark.parametrize("days", [-60, 20])
def test_what_is_made_by_a_wrong_clock_lasts_as_long_as_was_asked_for(
    accounts: Accounts, clock: FakeClock, days: int
) -> None:
    anna, shares, passes = (
        accounts.put_person("Anna", Role.OWNER),
        Shares(accounts.file, clock),
        Passes(accounts.file, clock),
    )
    clock.jump_utc(days * DAY_S)
    session = accounts.begin_session(anna, HERE)
    maker = accounts.session(session)
    assert maker
    _, shared = shares.make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 3_600_000)
    invitation = accounts.new_token(TokenPurpose.LINK, anna, lasts_ms=3_600_000)
    cast = passes.cast(maker, CameraId("yard"), 3600)
    assert cast

    def good() -> list[bool]:
        valid = accounts.is_good(invitation, TokenPurpose.LINK)
        return [shares.find(shared) is not None, valid, passes.session(cast[1]) is not None]

    clock.jump_utc(-days * DAY_S)
    clock.advance(3599)
    assert good() == [True] * 3
    ends_ms = [one.ends_ms for one in passes.casts_of(None)] + [one.ends_ms for one in shares.of(anna)]
    assert ends_ms == [clock.now_ms() + 1000] * 2
    clock.advance(1)
    assert good() == [False] * 3
    clock.advance(SESSION_MS / 1000 - 3601)
    assert accounts.session(session)


def test_what_ended_by_its_time_stays_so_when_the_clock_is_set_back(accounts: Accounts, clock: FakeClock) -> None:
    anna, shares = accounts.put_person("Anna", Role.OWNER), Shares(accounts.file, clock)
    _, shared = shares.make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 60_000)
    clock.advance(61)
    assert shares.find(shared) is None
    clock.jump_utc(-120)
    assert shares.find(shared) is None


def test_a_start_with_a_clock_that_is_behind_opens_no_link_that_has_ended(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "accounts.db"
    with closing(Accounts(AccountsFile(path), clock)) as accounts:
        anna, shares = accounts.put_person("Anna", Role.OWNER), Shares(accounts.file, clock)
        _, ended = shares.make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 60_000)
        _, valid = shares.make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 7 * DAY_S * 1000)
        for passed_s in (61, FORGET_S):
            clock.advance(passed_s)
            shares.forget_ended()
    clock.jump_utc(-2 * FORGET_S)
    with closing(AccountsFile(path)) as file:
        shares = Shares(file, clock)
        assert [shares.find(link) is not None for link in (ended, valid)] == [False, True]


def test_a_clock_that_is_ahead_for_a_moment_deletes_no_link_of_an_earlier_run(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "accounts.db"
    with closing(Accounts(AccountsFile(path), clock)) as accounts:
        anna = accounts.put_person("Anna", Role.OWNER)
        made = Shares(accounts.file, clock).make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 7 * 86_400_000)
    clock.jump_utc(30 * DAY_S)
    with closing(AccountsFile(path)) as file:
        shares = Shares(file, clock)
        for passed_s in (0, FORGET_S - 1):
            clock.advance(passed_s)
            shares.forget_ended()
        clock.jump_utc(-30 * DAY_S)
        clock.advance(1)
        shares.forget_ended()
        assert shares.find(made[1])


def test_a_step_of_the_clock_that_could_not_be_written_counts_later(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "accounts.db"
    accounts = Accounts(AccountsFile(path), clock)
    shares = Shares(accounts.file, clock)
    anna = accounts.put_person("Anna", Role.OWNER)
    _, shared = shares.make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 3_600_000)
    with accounts.file.reading() as db:
        db.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        clock.jump_utc(DAY_S)
        assert shares.find(shared) is None
    clock.advance(WRITE_AGAIN_S)
    assert shares.find(shared)
    accounts.close()


@pytest.mark.parametrize("days", [60, -60])
def test_a_step_that_waits_to_be_written_does_not_move_what_is_made_after_it(
    days: int, tmp_path: Path, clock: FakeClock
) -> None:
    path = tmp_path / "accounts.db"
    accounts = Accounts(AccountsFile(path), clock)
    anna, shares = accounts.put_person("Anna", Role.OWNER), Shares(accounts.file, clock)
    _, before = shares.make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 3_600_000)
    with accounts.file.reading() as db:
        db.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        clock.jump_utc(days * DAY_S)
        accounts.people()
    _, after = shares.make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 3_600_000)
    ends_ms = clock.now_ms() + 3_600_000
    clock.advance(WRITE_AGAIN_S)
    assert [found and found.ends_ms for found in map(shares.find, (before, after))] == [ends_ms] * 2
    accounts.close()


def test_a_sign_in_while_the_clock_is_set_is_valid(
    accounts: Accounts, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request waits for the file meanwhile."""
    anna, writing, shares = accounts.put_person("Anna", Role.OWNER), accounts.file.writing, Shares(accounts.file, clock)

    def writing_later() -> AbstractContextManager[sqlite3.Connection]:
        clock.jump_utc(60 * DAY_S)
        return writing()

    monkeypatch.setattr(accounts.file, "writing", writing_later)
    monkeypatch.setattr(accounts, "_writing", writing_later)
    _, shared = shares.make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 3_600_000)
    assert shares.find(shared)
    assert accounts.is_good(accounts.new_token(TokenPurpose.LINK, anna), TokenPurpose.LINK)
    assert accounts.session(accounts.begin_session(anna, HERE))


@pytest.mark.parametrize("confirms", [False, True])
def test_a_proof_of_who_one_is_does_not_become_recent_when_the_clock_is_set_back(
    confirms: bool, accounts: Accounts, clock: FakeClock
) -> None:
    token = accounts.begin_session(accounts.put_person("Anna", Role.OWNER), HERE)

    def is_recent() -> bool:
        session = accounts.session(token)
        assert session
        return accounts.is_recent(session)

    if confirms:
        clock.advance(DAY_S)
        accounts.confirm_session(hashed(token))
    clock.advance(20 * 60)
    clock.jump_utc(-10 * 60)
    assert not is_recent()


def test_a_sign_in_by_a_clock_that_is_ahead_is_recent_and_not_in_the_future(
    accounts: Accounts, clock: FakeClock
) -> None:
    anna = accounts.put_person("Anna", Role.OWNER)
    clock.jump_utc(60 * DAY_S)
    token = accounts.begin_session(anna, HERE)
    clock.jump_utc(-60 * DAY_S)
    session = accounts.session(token)
    assert session
    assert accounts.is_recent(session)
    assert [one.made_ms for one in accounts.sessions_of(anna)] == [clock.now_ms()]


def test_using_a_session_of_an_earlier_run_does_not_move_when_it_began(tmp_path: Path, clock: FakeClock) -> None:
    file = tmp_path / "accounts.db"
    with closing(Accounts(AccountsFile(file), clock)) as accounts:
        anna = accounts.put_person("Anna", Role.OWNER)
        session, began_ms = accounts.begin_session(anna, HERE), clock.now_ms()
    with closing(Accounts(AccountsFile(file), clock)) as accounts:
        clock.advance(3600)
        accounts.session(session)
        clock.jump_utc(DAY_S)
        assert [one.made_ms for one in accounts.sessions_of(anna)] == [began_ms]


def test_a_use_that_a_full_disk_refused_leaves_the_end_of_a_session(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only COMMIT fails then."""
    file = tmp_path / "accounts.db"
    with closing(Accounts(AccountsFile(file), clock)) as accounts:
        session = accounts.begin_session(accounts.put_person("Anna", Role.OWNER), HERE)
        ends_ms = clock.now_ms() + SESSION_MS
    clock.advance(DAY_S)
    writing = AccountsFile.writing

    @contextmanager
    def refused(file: AccountsFile) -> Iterator[sqlite3.Connection]:
        with writing(file) as db:
            yield db
            raise StorageError("accounts.db", "full")

    with closing(Accounts(AccountsFile(file), clock)) as accounts:
        with monkeypatch.context() as full:
            full.setattr(AccountsFile, "writing", refused)
            accounts.session(session)
        clock.jump_utc(-10 * DAY_S)
        clock.advance(WRITE_AGAIN_S)
        with accounts.file.reading() as db:
            assert db.execute("SELECT ends_ms FROM sessions").fetchone() == (ends_ms,)


def test_a_session_of_an_earlier_run_is_not_extended_by_a_start_with_a_clock_that_is_behind(
    tmp_path: Path, clock: FakeClock
) -> None:
    file = tmp_path / "accounts.db"
    with closing(Accounts(AccountsFile(file), clock)) as accounts:
        session = accounts.begin_session(accounts.put_person("Anna", Role.OWNER), HERE)
    clock.advance(29 * DAY_S)
    clock.jump_utc(-60 * DAY_S)
    with closing(Accounts(AccountsFile(file), clock)) as accounts:
        assert accounts.session(session)
        clock.jump_utc(60 * DAY_S)
        clock.advance(DAY_S)
        assert accounts.session(session) is None


def test_who_signs_in_while_the_clock_is_behind_many_sessions_is_signed_in(tmp_path: Path, clock: FakeClock) -> None:
    file = tmp_path / "accounts.db"
    with closing(Accounts(AccountsFile(file), clock)) as accounts:
        anna = accounts.put_person("Anna", Role.OWNER)
        for _ in range(MOST_SESSIONS):
            clock.advance(7 * DAY_S)
            accounts.begin_session(anna, HERE)
    clock.jump_utc(-400 * DAY_S)
    with closing(Accounts(AccountsFile(file), clock)) as accounts:
        phone = accounts.begin_session(anna, HERE)
        clock.advance(1)
        assert [accounts.session(one) is not None for one in (accounts.begin_session(anna, HERE), phone)] == [True] * 2


def test_a_device_is_known_while_the_clock_is_behind_many_others(accounts: Accounts, clock: FakeClock) -> None:
    anna, devices = accounts.put_person("Anna", Role.OWNER), KnownDevices(accounts.file, clock)
    for _ in range(MOST_DEVICES):
        devices.remember("", anna)
    clock.jump_utc(-DAY_S)
    assert devices.key_of(devices.remember("", anna), anna)


@pytest.fixture
def full(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A disk that takes no writes while this list is not empty."""
    room: list[int] = [0]
    write = accounts.file.writing

    def writing() -> AbstractContextManager[sqlite3.Connection]:
        if room:
            room.append(room[-1] + 1)
            raise DiskFull("/data")
        return write()

    monkeypatch.setattr(accounts.file, "writing", writing)
    room.clear()
    return room


def test_a_full_disk_signs_no_one_out(
    accounts: Accounts, clock: FakeClock, full: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    token = accounts.begin_session(accounts.put_person("Anna", Role.OWNER), HERE)
    full.append(0)
    for _ in range(4):
        clock.advance(61)
        assert [accounts.session(token) is not None for _ in range(3)] == [True] * 3
    assert (full[-1], len(caplog.records)) == (4, 1)  # tried once a minute, told once
    full.clear()
    clock.advance(SESSION_MS / 1000 - 300)
    assert accounts.session(token)
    clock.advance(SESSION_MS / 1000 - 1)
    assert accounts.session(token)


def test_a_link_is_opened_while_the_disk_is_full(accounts: Accounts, clock: FakeClock, full: list[int]) -> None:
    anna, shares = accounts.put_person("Anna", Role.OWNER), Shares(accounts.file, clock)
    made, _ = shares.make(anna, CameraId("yard"), Span(0, 1000), clock.now_ms() + 60_000)
    full.append(0)
    assert shares.shown_by(shares.open(made)[0])


def test_a_clock_that_is_ahead_for_a_moment_forgets_no_device(accounts: Accounts, clock: FakeClock) -> None:
    anna = accounts.put_person("Anna", Role.OWNER)
    devices = KnownDevices(accounts.file, clock)
    device = devices.remember("", anna)
    clock.jump_utc(700 * DAY_S)
    accounts.new_token(TokenPurpose.LINK, anna)
    assert not devices.key_of(device, anna)
    clock.jump_utc(-700 * DAY_S)
    assert devices.key_of(device, anna)


def test_tokens_that_ended_long_ago_are_deleted(accounts: Accounts, clock: FakeClock) -> None:
    anna = accounts.put_person("Anna", Role.OWNER)
    accounts.new_token(TokenPurpose.LINK, anna)
    accounts.new_token(TokenPurpose.CODE, anna)
    clock.advance(DAY_S)
    accounts.new_token(TokenPurpose.PHONE, anna)
    assert _purposes(accounts) == ["link", "phone"]
    clock.advance(ENDED_KEPT_MS / 1000 + DAY_S)
    accounts.new_token(TokenPurpose.PHONE, anna)
    assert _purposes(accounts) == ["phone"]


def _purposes(accounts: Accounts) -> list[str]:
    with accounts.file.reading() as db:
        return [purpose for (purpose,) in db.execute("SELECT purpose FROM tokens ORDER BY purpose")]


def test_an_ended_session_is_over(accounts: Accounts) -> None:
    token = accounts.begin_session(accounts.put_person("Anna", Role.OWNER), HERE)
    session = accounts.session(token)
    assert session
    accounts.end_session(session.key)
    assert accounts.session(token) is None
    assert accounts.session_of(session.key) is None


def test_no_token_is_a_session(accounts: Accounts) -> None:
    accounts.begin_session(accounts.put_person("Anna", Role.OWNER), HERE)
    assert [accounts.session(token) for token in ("", "x", "\udcff", "'; --")] == [None] * 4


def test_a_person_has_a_bounded_number_of_sessions_and_the_longest_unused_ends(
    accounts: Accounts, clock: FakeClock
) -> None:
    anna = accounts.put_person("Anna", Role.OWNER)
    sessions = []
    for _ in range(MOST_SESSIONS + 1):
        clock.advance(1)
        sessions.append(accounts.begin_session(anna, HERE))
    assert [accounts.session(token) is None for token in sessions] == [True] + [False] * MOST_SESSIONS


def test_a_script_that_signs_in_again_and_again_signs_out_no_device(accounts: Accounts, clock: FakeClock) -> None:
    anna = accounts.put_person("Anna", Role.OWNER)
    phone, tablet = (accounts.begin_session(anna, HERE) for _ in range(2))
    clock.advance(90)
    assert accounts.session(phone) and accounts.session(tablet)
    for _ in range(2 * MOST_SESSIONS):
        clock.advance(300)
        latest = accounts.begin_session(anna, HERE)
        assert accounts.session(latest)
    assert [accounts.session(one) is not None for one in (phone, tablet)] == [True] * 2
    assert len(accounts.sessions_of(anna)) == MOST_SESSIONS


def test_a_session_that_was_signed_out_is_told_from_one_that_ended_unused(accounts: Accounts, clock: FakeClock) -> None:
    anna, ben = (accounts.put_person(name, Role.MEMBER) for name in ("Anna", "Ben"))
    found = [accounts.session(accounts.begin_session(anna, HERE)) for _ in range(3)]
    phone, tablet, desk = [one for one in found if one]
    accounts.end_session(phone.key)
    assert [accounts.is_signed_in(anna.id, one.id) for one in (phone, tablet, desk)] == [False, True, True]
    assert not accounts.is_signed_in(ben.id, tablet.id)
    clock.advance(SESSION_MS / 1000 + 1)
    accounts.begin_session(ben, HERE)
    assert (accounts.session_of(tablet.key), accounts.sessions_of(anna)) == (None, [])
    assert accounts.is_signed_in(anna.id, tablet.id)
    accounts.change_password(anna, "hash", b"")
    assert not accounts.is_signed_in(anna.id, tablet.id)
    accounts.begin_session(anna, HERE)
    (last,) = accounts.sessions_of(anna)
    clock.advance((SESSION_MS + ENDED_KEPT_MS) / 1000 + 1)
    accounts.begin_session(ben, HERE)
    assert not accounts.is_signed_in(anna.id, last.id)


def test_who_reads_the_file_finds_no_token(tmp_path: Path, clock: FakeClock) -> None:
    accounts = Accounts(AccountsFile(tmp_path / "accounts.db"), clock)
    anna = accounts.put_person("Anna", Role.OWNER)
    tokens = [
        accounts.begin_session(anna, HERE),
        accounts.new_token(TokenPurpose.CLAIM),
        accounts.new_token(TokenPurpose.LINK, anna),
    ]
    accounts.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [token.encode() in stored for token in tokens] == [False] * 3


def test_the_file_is_nobody_elses(tmp_path: Path, clock: FakeClock) -> None:
    Accounts(AccountsFile(tmp_path / "accounts.db"), clock).close()
    assert (tmp_path / "accounts.db").stat().st_mode & 0o077 == 0


@pytest.mark.shows("PK7")
def test_people_and_sessions_survive_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    before = Accounts(AccountsFile(tmp_path / "accounts.db"), clock)
    token = before.begin_session(before.put_person("Anna", Role.VIEWER), HERE)
    before.close()
    after = Accounts(AccountsFile(tmp_path / "accounts.db"), clock)
    session = after.session(token)
    after.close()
    assert session
    assert session.person.role is Role.VIEWER


def test_a_damaged_file_is_told(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "accounts.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError):
        Accounts(AccountsFile(tmp_path / "accounts.db"), clock)


def test_the_log_tells_the_newest_first(accounts: Accounts, clock: FakeClock) -> None:
    accounts.note("sign-in", "Anna", HERE)
    clock.advance(60)
    accounts.note("clip", "Anna", HERE, "Front door")
    found = [(row.action, row.person, row.detail, row.address) for row in accounts.audit()]
    assert found == [("clip", "Anna", "Front door", "192.168.1.7"), ("sign-in", "Anna", "", "192.168.1.7")]


def test_what_a_viewer_may_see_is_kept_and_changes_for_sessions_that_last(accounts: Accounts) -> None:
    person = accounts.put_person("Ben", Role.VIEWER)
    session = accounts.begin_session(person, HERE)
    accounts.change_person(person, Role.VIEWER, [CameraId("yard")])
    seen = accounts.session(session)
    assert seen
    assert (seen.person.may_see(CameraId("yard")), seen.person.may_see(CameraId("porch"))) == (True, False)


def test_an_owner_sees_everything(accounts: Accounts) -> None:
    person = accounts.put_person("Ben", Role.VIEWER)
    accounts.change_person(person, Role.OWNER, [CameraId("yard")])
    assert accounts.people()[0].may_see(CameraId("porch"))


def test_who_is_removed_is_signed_out(accounts: Accounts) -> None:
    person = accounts.put_person("Ben", Role.VIEWER)
    session = accounts.begin_session(person, HERE)
    accounts.remove_person(person)
    assert (accounts.session(session), accounts.people()) == (None, [])


def test_a_file_made_before_there_were_rights_is_taken_over(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "accounts.db"
    with closing(sqlite3.connect(path)) as old:
        old.execute(
            "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, "
            "role TEXT NOT NULL, password TEXT NOT NULL, made_ms INTEGER NOT NULL) STRICT"
        )
        old.execute("INSERT INTO people VALUES ('1', 'Anna', 'anna', 'viewer', '', 0)")
        old.commit()
    accounts = Accounts(AccountsFile(path), clock)
    people = accounts.people()
    accounts.close()
    assert [(one.name, one.cameras) for one in people] == [("Anna", None)]


def test_a_role_of_an_earlier_version_is_read_as_the_present_one(tmp_path: Path, clock: FakeClock) -> None:
    accounts = Accounts(AccountsFile(tmp_path / "accounts.db"), clock)
    ben = accounts.put_person("Ben", Role.VIEWER)
    with closing(sqlite3.connect(tmp_path / "accounts.db")) as db, db:
        db.execute("UPDATE people SET role = 'family'")
    found = accounts.people()[0]
    assert (found.name, found.role) == ("Ben", Role.MEMBER)
    token = accounts.begin_session(ben, HERE)
    session = accounts.session(token)
    assert session is not None
    assert session.person.role is Role.MEMBER
    accounts.change_person(found, Role.MEMBER, None)
    with closing(sqlite3.connect(tmp_path / "accounts.db")) as db:
        assert db.execute("SELECT role FROM people").fetchall() == [("member",)]
    accounts.close()


def test_names_of_former_users_are_known(accounts: Accounts) -> None:
    """But not what others tried to sign in with, nor what no user did."""
    accounts.put_person("Anna", Role.OWNER)
    here = Caller("this computer")
    accounts.note("clip", "Before renamed", HERE)
    accounts.note("user added", "", here, "Bob: x: member until 2026-11-20T05:00:00.000Z, sees all cameras")
    accounts.note("user removed", "", here, "Eve: 7")
    accounts.note("user signed out", "Anna", HERE, "Leo")
    accounts.note("set_mode", "MQTT", Caller("mqtt"), "away: done")
    accounts.counts.count("sign-in failed", "camera", HERE.address)
    accounts.counts.flush()
    assert sorted(accounts.known_names()) == ["Anna", "Before renamed", "Bob: x", "Eve: 7", "Leo"]
