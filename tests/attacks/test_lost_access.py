"""Roles, grants and ways to lose access, each combination in one table: what is lost is lost within 3 s everywhere.

A new role, a new grant (a table of accounts.db with an end) or a new way without a row fails here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest

from tawny.api.auth import access
from tawny.api.auth.access import COOKIE, Access
from tawny.api.auth.accounts import SCREEN_SESSION_MS, SESSION_MS, Account, Caller, Role, TokenPurpose
from tawny.api.auth.accounts_file import SCHEMA
from tawny.api.auth.shares import SharedClip
from tawny.api.live.stream_access import PassAuthenticator
from tawny.api.past import media_responses
from tawny.api.past.clip_jobs import ClipExportJob
from tawny.model.ids import SegmentId
from tests.api.fakes import make_house
from tests.api.test_sight import YARD, Filled, fill
from tests.api.test_ways_to_see import RULES, TABLE, How, Who, asked, breaks_off, is_closed, path_of
from tests.playback.archives import PORCH

DAY_MS = 86_400_000


class Grant(Enum):
    """What lets a caller in, and the tables of accounts.db that hold it."""

    SESSION = ("sessions", "people")
    LIVE_TOKEN = ("passes", "people")
    UPLOAD_TOKEN = ("passes",)
    PHONE_TOKEN = ("passes", "passes")
    """Of a phone that is a camera: it belongs to the camera, not to who added it. Twice, to be a value of its own."""
    LINK = ("shares", "people")
    CLIP_LINK = ("shares",)
    SIGN_IN_LINK = ("tokens", "people")


class Way(StrEnum):
    ACCOUNT_REMOVED = "account removed"
    ROLE_LOWERED = "role lowered"
    CAMERA_TAKEN_AWAY = "camera taken away"
    PASSWORD_CHANGED = "password changed"
    SESSION_REVOKED = "session revoked"
    SHARE_REMOVED = "share removed"
    PASS_REMOVED = "pass removed"
    CLIP_DELETED = "clip deleted"
    EXPIRED = "grant expired"


class Lost(Enum):
    ALL = "all"
    """The grant is void."""
    CAMERA = "the camera"
    """All of the camera that was taken away."""
    ROLE = "what the role allowed"
    """Routes of the former role; open streams end too, and can be opened again."""
    CLIP = "the clip"
    NOTHING = "nothing"
    """The grant is not of this account, or does not depend on it."""
    NEVER = "cannot happen"


A, C, R, K, N, X = Lost.ALL, Lost.CAMERA, Lost.ROLE, Lost.CLIP, Lost.NOTHING, Lost.NEVER
ROWS: dict[tuple[Grant, Role], tuple[Lost, ...]] = {
    # in the order of Way: removed, lowered, camera, password, signed out, share, pass, clip, expired
    (Grant.SESSION, Role.OWNER): (A, R, C, A, A, N, N, K, A),
    (Grant.SESSION, Role.MEMBER): (A, R, C, A, A, N, N, K, A),
    (Grant.SESSION, Role.VIEWER): (A, X, C, A, A, N, N, K, A),
    (Grant.SESSION, Role.GUEST): (A, X, C, A, A, N, N, K, A),
    (Grant.SESSION, Role.SCREEN): (A, X, C, A, A, N, N, X, A),
    (Grant.SESSION, Role.INSTALLER): (A, X, X, A, A, N, N, X, A),
    (Grant.LIVE_TOKEN, Role.OWNER): (A, N, C, N, N, N, A, N, A),
    (Grant.UPLOAD_TOKEN, Role.OWNER): (A, A, A, N, N, N, A, N, A),
    (Grant.PHONE_TOKEN, Role.OWNER): (N, N, N, N, N, N, A, N, N),
    (Grant.LINK, Role.OWNER): (A, N, A, N, N, A, N, N, A),
    (Grant.LINK, Role.MEMBER): (A, N, A, N, N, A, N, N, A),
    (Grant.LINK, Role.VIEWER): (A, X, A, N, N, A, N, N, A),
    (Grant.LINK, Role.GUEST): (A, X, A, N, N, A, N, N, A),
    (Grant.CLIP_LINK, Role.OWNER): (A, N, A, N, N, A, N, A, A),
    (Grant.CLIP_LINK, Role.MEMBER): (A, N, A, N, N, A, N, A, A),
    (Grant.CLIP_LINK, Role.VIEWER): (A, X, A, N, N, A, N, A, A),
    (Grant.CLIP_LINK, Role.GUEST): (A, X, A, N, N, A, N, A, A),
    (Grant.SIGN_IN_LINK, Role.OWNER): (A, A, A, A, N, N, N, N, A),
}
"""What each way takes from each grant, by the role of the account that made it. Owners see all cameras: to take one
away is to make them viewers of another."""
BY_OWNERS_ONLY = {Grant.LIVE_TOKEN, Grant.UPLOAD_TOKEN, Grant.PHONE_TOKEN, Grant.SIGN_IN_LINK}
OF_A_GRANT = {
    Role.HOLDER: Grant.LIVE_TOKEN,
    Role.BRINGER: Grant.UPLOAD_TOKEN,
    Role.PHONE: Grant.PHONE_TOKEN,
    Role.VISITOR: Grant.LINK,
}
"""Roles that no account has."""
REACHED = {
    Grant.SESSION: {Access.SEE, Access.WALL, Access.VIEW, Access.DIRECT, Access.OWN, Access.INSTALL},
    Grant.LIVE_TOKEN: {Access.SEE},
    Grant.UPLOAD_TOKEN: {Access.BRING},
    Grant.PHONE_TOKEN: {Access.SEND},
    Grant.LINK: {Access.SHARED},
    Grant.CLIP_LINK: {Access.SHARED},
    Grant.SIGN_IN_LINK: set[Access](),
}
OF_A_SCREEN = {Access.SEE, Access.WALL}
"""Of its session: it sees no recordings."""


def test_every_role_grant_and_way_has_a_row() -> None:
    makers = {role for role in Role if role not in OF_A_GRANT}
    grants = {Grant.SESSION, Grant.LINK, Grant.CLIP_LINK}
    without = {(grant, role) for grant in (Grant.LINK, Grant.CLIP_LINK) for role in (Role.SCREEN, Role.INSTALLER)}
    assert {(grant, role) for grant in grants for role in makers} - without <= set(ROWS), "they see no recordings"
    assert {grant for grant, _ in ROWS} == set(Grant)
    assert {role for grant, role in ROWS if grant in BY_OWNERS_ONLY} == {Role.OWNER}
    assert all(len(row) == len(Way) for row in ROWS.values())


def test_every_table_that_grants_something_is_in_the_table() -> None:
    tables = dict(re.findall(r"EXISTS (\w+) \((.*?)\) STRICT;", SCHEMA, re.DOTALL))
    ending = {name for name, columns in tables.items() if "ends_ms" in columns}
    assert ending | {"people"} == {table for grant in Grant for table in grant.value}
    elsewhere = {
        TokenPurpose.DEVICE,
        TokenPurpose.PHONE,
        TokenPurpose.CODE,
    }  # signs in no one; tests/attacks/test_sign_in
    assert set(TokenPurpose) - elsewhere == {TokenPurpose.CLAIM, TokenPurpose.LINK}, "a new token needs rows"


def test_every_rule_is_reached_by_a_grant_or_needs_none() -> None:
    reached = set[Access]().union(*REACHED.values())
    assert set(Access) - reached == {Access.PUBLIC, Access.SIGNED}


@dataclass
class Given:
    """A grant and the account that made it."""

    filled: Filled
    grant: Grant
    maker: Account
    who: Who
    key: str
    """ID of the pass or share, or the token."""
    clip: ClipExportJob

    def lose(self, way: Way) -> None:
        house = self.filled.house
        accounts, person = house.accounts, self.maker
        ways: dict[Way, Callable[[], object]] = {
            Way.ACCOUNT_REMOVED: lambda: accounts.remove_person(person),
            Way.ROLE_LOWERED: lambda: accounts.change_person(person, Role.VIEWER, None),
            Way.CAMERA_TAKEN_AWAY: lambda: accounts.change_person(
                person, Role.VIEWER if person.role is Role.OWNER else person.role, [YARD], person.ends_ms
            ),
            Way.PASSWORD_CHANGED: self._change_password,
            Way.SESSION_REVOKED: self._sign_out,
            Way.SHARE_REMOVED: lambda: house.site.shares.take_back(self.key),
            Way.PASS_REMOVED: lambda: house.passes.take_back(self.key),
            Way.CLIP_DELETED: lambda: house.site.jobs.remove(self.clip),
            Way.EXPIRED: lambda: house.clock.advance(
                (SCREEN_SESSION_MS if person.role is Role.SCREEN else SESSION_MS) / 1000
            ),
        }
        ways[way]()

    def _change_password(self) -> None:
        """As `tawny setup-link` does; for a sign-in link, that of the user whom it signs in."""
        accounts = self.filled.house.accounts
        ben = accounts.find("Ben")
        whose = ben[0] if self.grant is Grant.SIGN_IN_LINK and ben else self.maker
        accounts.put_person(whose.name, whose.role, "another hash")

    def _sign_out(self) -> None:
        accounts = self.filled.house.accounts
        session = accounts.session(self.who.sends.get("cookie", "").partition("=")[2])
        accounts.end_session(session.key if session else b"none")


def give(filled: Filled, grant: Grant, role: Role) -> Given:
    house, maker = filled.house, filled.house.accounts.put_person("Eve", role)
    if role is Role.GUEST:
        maker = house.accounts.change_person(maker, role, None, house.clock.now_ms() + SESSION_MS)
    owner = house.accounts.find("Another owner")
    assert owner
    clip = next(one for who in (maker, owner[0]) for one in house.site.jobs.seen_by(who))  # installers see none
    ends_ms = house.clock.now_ms() + DAY_MS
    sends, query, key = dict[str, str](), "", ""
    segment = house.recorder.index.segment(SegmentId(filled.segment))
    assert segment
    match grant:
        case Grant.SESSION:
            sends["cookie"] = f"{COOKIE}={house.accounts.begin_session(maker, Caller('127.0.0.1'))}"
        case Grant.LIVE_TOKEN:
            made, secret = house.passes.make("TV", None, ends_ms, made_by=maker)
            key, query = made.id, f"&pass={secret}"
        case Grant.UPLOAD_TOKEN:
            made, secret = house.passes.make("Cabin", (), ends_ms, 10**9, maker)
            key, sends["authorization"] = made.id, f"Bearer {secret}"
        case Grant.PHONE_TOKEN:
            sends["authorization"] = f"Bearer {house.passes.make_for_phone('0123456789abcdef', 'iPhone')}"
            made_for = house.passes.of_phone("0123456789abcdef")
            key = made_for.id if made_for else ""
        case Grant.LINK | Grant.CLIP_LINK:
            shown = SharedClip(clip.id, clip.cameras) if grant is Grant.CLIP_LINK else None
            share, _ = house.site.shares.make(maker, PORCH, segment.span, ends_ms, clip=shown)
            key, query = share.id, f"&ticket={house.site.shares.open(share)[0]}"
        case Grant.SIGN_IN_LINK:
            ben = house.accounts.put_person("Ben", Role.OWNER)
            key = house.accounts.new_token(TokenPurpose.LINK, ben, lasts_ms=DAY_MS, made_by=maker)
    return Given(filled, grant, maker, Who(sends, query, lambda: None), key, clip)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    house = make_house(tmp_path)
    house.accounts.put_person("Another owner", Role.OWNER)
    yield fill(house)
    house.accounts.close()


CASES = [
    pytest.param(grant, role, way, lost, id=f"{grant.name} of {role}, {way}")
    for (grant, role), row in ROWS.items()
    for way, lost in zip(Way, row, strict=True)
    if lost is not Lost.NEVER
]


@pytest.mark.parametrize(("grant", "role", "way", "lost"), CASES)
async def test_a_request_gets_no_more_than_is_left(
    filled: Filled, grant: Grant, role: Role, way: Way, lost: Lost
) -> None:
    """Every route that answers at once, before and after."""
    given = give(filled, grant, role)
    routes = at_once(grant)
    paths = {route: await path_of(filled, route, given.who) for route in routes}
    before = {route: await status(filled, route, paths[route], given.who) for route in routes}
    assert_alive(given, before)
    given.lose(way)
    after = {route: await status(filled, route, paths[route], given.who) for route in routes}
    for route in routes:
        check_lost(route, RULES[route], lost, before[route], after[route])
    check_elsewhere(given, lost)
    await filled.house.site.close()


def at_once(grant: Grant) -> list[str]:
    """The routes to read from. Those that change something follow the same rule and are asked in the matrix."""
    found = [route for route, rule in RULES.items() if route.startswith("GET ") and rule in REACHED[grant]]
    ended = ("/mjpeg", "/hls/", "/talk", "/controls")  # endless, of a playlist that goes with its viewer, or of devices
    return [route for route in found if not any(part in route for part in ended)]


async def status(filled: Filled, route: str, path: str, who: Who) -> int:
    if "/inbox/" in route:
        path = route.partition(" ")[2] + "?name=a.bin"
    return (await asked(filled, path, who)).status_code


def assert_alive(given: Given, before: dict[str, int]) -> None:
    allowed = 403 if given.maker.role is not Role.OWNER else 0
    assert not [route for route, code in before.items() if code in (401, 410) or (code == 403 and not allowed)]
    if given.maker.role is Role.SCREEN and given.grant is Grant.SESSION:
        assert {code for route, code in before.items() if RULES[route] not in OF_A_SCREEN} == {403}
    if given.grant is Grant.SIGN_IN_LINK:
        assert given.filled.house.accounts.is_good(given.key, TokenPurpose.LINK)


def check_lost(route: str, rule: Access, lost: Lost, before: int, after: int) -> None:
    is_of_camera = "{camera}" in route or ("media" in route and "{" in route)
    match lost:
        case Lost.ALL:
            assert after in (401, 410), route
        case Lost.CAMERA if is_of_camera and before == 200:
            assert after in (401, 403, 404), route
        case Lost.ROLE if rule in (Access.OWN, Access.DIRECT):
            assert after == 403, route
        case Lost.CLIP if "{clip}" in route:
            assert after == 404, route
        case Lost.NOTHING | Lost.CLIP:
            assert after == before, route


def check_elsewhere(given: Given, lost: Lost) -> None:
    """Grants that are not used by HTTP requests with a rule."""
    house = given.filled.house
    if given.grant is Grant.SIGN_IN_LINK:
        assert house.accounts.is_good(given.key, TokenPurpose.LINK) == (lost is Lost.NOTHING)
        assert (house.accounts.follow_link(given.key) is not None) == (lost is Lost.NOTHING)
    if given.grant is Grant.UPLOAD_TOKEN:
        assert bool(house.passes.upload_right(given.key).quota_bytes) == (lost is Lost.NOTHING)


@pytest.mark.parametrize(
    ("way", "lost"), [(way, lost) for way, lost in zip(Way, ROWS[Grant.LIVE_TOKEN, Role.OWNER], strict=True)]
)
async def test_rtsp_asks_the_same(filled: Filled, way: Way, lost: Lost) -> None:
    given, door = give(filled, Grant.LIVE_TOKEN, Role.OWNER), PassAuthenticator(filled.house.site)
    assert await door.may_see(given.key, PORCH)
    followed = await door.followed(given.key)
    given.lose(way)
    assert await door.may_see(given.key, PORCH) == (lost is Lost.NOTHING)
    assert (await door.digest_of(given.key, "127.0.0.1") is None) == (lost is Lost.ALL)
    assert (await door.followed(given.key) is followed) == (lost is Lost.NOTHING)
    await filled.house.site.close()


OPEN = [route for route, how in TABLE.items() if how is How.GOES_ON]
LOSSES = [
    (grant, role, way, route)
    for (grant, role), row in ROWS.items()
    for way, lost in zip(Way, row, strict=True)
    for route in OPEN
    if role is not Role.INSTALLER  # sees no camera
    and RULES[route] in (OF_A_SCREEN if role is Role.SCREEN else REACHED[grant])
    and (lost in (Lost.ALL, Lost.CAMERA, Lost.ROLE) or (lost is Lost.CLIP and "{clip}" in route))
]


def is_in_sample(number: int, case: tuple[Grant, Role, Way, str]) -> bool:
    """Each grant with each way on one stream, and each stream with one way."""
    first_of_way = next(n for n, other in enumerate(LOSSES) if (other[0], other[2]) == (case[0], case[2]))
    first_of_route = next(n for n, other in enumerate(LOSSES) if other[3] == case[3])
    return number in (first_of_way, first_of_route)


def as_params() -> list[Any]:
    return [
        pytest.param(
            *case,
            id=f"{case[0].name} of {case[1]}, {case[2]}: {case[3]}",
            marks=() if is_in_sample(number, case) else pytest.mark.long,
        )
        for number, case in enumerate(LOSSES)
    ]


@pytest.mark.parametrize(("grant", "role", "way", "route"), as_params())
async def test_what_is_open_ends_within_three_seconds(
    filled: Filled, grant: Grant, role: Role, way: Way, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_responses, "PART_BYTES", 500)
    monkeypatch.setattr(access, "LOOK_S", 0.05)
    given = give(filled, grant, role)
    given.who.ends = lambda: given.lose(way)
    await (is_closed if route.startswith("WS ") else breaks_off)(filled, route, given.who)
    await filled.house.site.close()


def test_a_link_to_a_clip_of_two_cameras_needs_both(filled: Filled, tmp_path: Path) -> None:
    house, maker = filled.house, filled.house.accounts.put_person("Eve", Role.MEMBER)
    now_ms = house.clock.now_ms()
    segment = house.recorder.index.segment(SegmentId(filled.segment))
    assert segment
    clip = SharedClip("side-by-side", (YARD, PORCH))
    _, token = house.site.shares.make(maker, YARD, segment.span, now_ms + DAY_MS, clip=clip)
    assert house.site.shares.find(token)
    house.accounts.change_person(maker, Role.MEMBER, [YARD])
    assert house.site.shares.find(token) is None
