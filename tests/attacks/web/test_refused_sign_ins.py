"""Refused requests must not push the owner's entries out of the access log, nor let it grow."""

import asyncio
from pathlib import Path
from unittest.mock import Mock

import httpx
import pytest

from tawny.api.auth.accounts import AUDIT_ROWS, Accounts, AuditEntry, Caller, Role
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.audit_counts import MOST_ROWS_AN_HOUR
from tawny.api.live.stream_access import PassAuthenticator
from tawny.delivery.commands import CommandRefused
from tawny.live.rtsp_server.session import RtspServer, ServerContext
from tawny.model.times import Span
from tawny.testing.clock import FakeClock
from tests.api.fakes import OURS, House
from tests.playback.archives import PORCH

PER_SECOND, SECONDS = 161, 300
LONG = "\U0001f984" * 90
"""Four bytes each."""
HERE = Caller("192.168.1.7")


def browser_at(house: House, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=(address, 5000))
    return httpx.AsyncClient(transport=transport, base_url="http://tawny.test", headers=OURS)


async def refuse(browser: httpx.AsyncClient, name: str = "Anna") -> int:
    answer = await browser.post("/api/v1/sign-in", json={"name": name, "password": "wrong horse battery"})
    return answer.status_code


def rows_of(accounts: Accounts, action: str = "sign-in") -> list[AuditEntry]:
    return [row for row in accounts.audit(AUDIT_ROWS) if row.action.startswith(action)]


async def test_one_row_counts_an_hour_of_a_name_at_an_address(house: House) -> None:
    house.accounts.put_person("Anna", Role.OWNER, await house.site.passwords.hash("correct horse battery"))
    house.accounts.note("settings changed", "Anna", HERE)
    house.clock.advance(1)
    browser, got = browser_at(house, "203.0.113.5"), list[int]()
    for _ in range(3):
        got += await asyncio.gather(*(refuse(browser) for _ in range(PER_SECOND)))
        house.clock.advance(1)
    assert set(got) == {401, 429}
    found = [(row.action, row.person, row.address, row.detail) for row in rows_of(house.accounts)]
    tried = got.count(401)
    assert found == [
        ("sign-in delayed", "Anna", "203.0.113.5", f"{3 * PER_SECOND - tried} times"),
        ("sign-in failed", "Anna", "203.0.113.5", f"{tried} times"),
    ]
    assert house.accounts.audit(AUDIT_ROWS)[-1].action == "settings changed"


async def test_each_hour_has_a_row_of_its_own(house: House) -> None:
    browser = browser_at(house, "203.0.113.5")
    for _ in range(2):
        assert await refuse(browser) == 401
        house.clock.advance(3600)
    assert [row.detail for row in rows_of(house.accounts)] == ["1 time", "1 time"]


def test_five_minutes_of_refusals_leave_earlier_entries_in_place(tmp_path: Path) -> None:
    """161 refused sign-ins a second, each with a name and an address of its own, were 48,300 rows."""
    path, clock = tmp_path / "accounts.db", FakeClock()
    accounts = Accounts(AccountsFile(path), clock)
    for number in range(1000):
        accounts.note("clip", "Anna", HERE, f"earlier entry {number}")
    accounts.counts.count("sign-in failed", "Anna", "192.168.1.9", is_known=True)
    clock.advance(3600)
    for second in range(SECONDS):
        for number in range(PER_SECOND):
            at = second * PER_SECOND + number
            address = f"203.0.{at // 250 % 250}.{at % 250}"
            accounts.counts.count("sign-in failed", f"{at} {LONG}", address)
        clock.advance(1)
        accounts.counts.flush()
    rows = accounts.audit(10 * AUDIT_ROWS)
    assert sum(row.action == "clip" for row in rows) == 1000
    assert ("Anna", "1 time") in {(row.person, row.detail) for row in rows}
    counted = sum(int(row.detail.split()[0]) for row in rows if row.action == "sign-in failed")
    assert counted == PER_SECOND * SECONDS + 1
    assert len(rows) <= 1000 + 1 + MOST_ROWS_AN_HOUR + 1
    accounts.close()
    assert path.stat().st_size < 400_000


def test_a_month_of_refusals_takes_less_than_one_megabyte(tmp_path: Path) -> None:
    path, clock = tmp_path / "accounts.db", FakeClock()
    accounts = Accounts(AccountsFile(path), clock)
    accounts.note("clip", "Anna", HERE)
    for hour in range(24 * 31):
        for number in range(110):
            accounts.counts.count("sign-in failed", f"{number} {LONG}", f"203.0.{hour % 250}.{number}")
        accounts.counts.flush()
        clock.advance(3600)
    assert accounts.audit(AUDIT_ROWS)[-1].action == "clip"
    accounts.close()
    assert path.stat().st_size < 1_000_000


def test_counts_survive_a_restart(tmp_path: Path) -> None:
    path, clock = tmp_path / "accounts.db", FakeClock()
    for _ in range(2):
        accounts = Accounts(AccountsFile(path), clock)
        for _ in range(161):
            accounts.counts.count("sign-in failed", "Anna", "203.0.113.5")
        accounts.close()
    accounts = Accounts(AccountsFile(path), clock)
    assert [row.detail for row in accounts.audit()] == ["322 times"]
    accounts.close()


def test_addresses_of_one_ipv6_network_share_a_row(tmp_path: Path) -> None:
    accounts = Accounts(AccountsFile(":memory:"), FakeClock())
    for number in range(1, 1000):
        accounts.counts.count("sign-in failed", "Anna", f"2001:db8::{number:x}")
    assert [(row.address, row.detail) for row in rows_of(accounts)] == [("2001:db8::/64", "999 times")]
    accounts.close()


@pytest.mark.parametrize("secret", ["?pass=guess", ""])
async def test_refused_access_tokens_are_counted(house: House, secret: str) -> None:
    browser = browser_at(house, "203.0.113.5")
    headers = {} if secret else {"Authorization": "Bearer guess"}
    for _ in range(PER_SECOND):
        assert (await browser.get(f"/api/v1/cameras/porch/mjpeg{secret}", headers=headers)).status_code == 401
    rows = rows_of(house.accounts, "access token")
    assert [(row.address, row.detail) for row in rows] == [("203.0.113.5", "161 times")]


async def test_refused_programs_and_monitors_are_counted(house: House) -> None:
    refused = CommandRefused("signed_out", "No.", "")
    house.site.orders, house.site.metrics_token = Mock(sent=Mock(side_effect=refused)), "t"
    browser = browser_at(house, "203.0.113.5")
    for _ in range(PER_SECOND):
        wrong = {"Authorization": "Bearer guess"}
        assert (await browser.post("/api/v1/inputs/panel", json={}, headers=wrong)).status_code == 401
        assert (await browser.get("/metrics", headers=wrong)).status_code == 403
    assert (await browser.get("/metrics")).status_code == 403
    rows = sorted((row.person, row.detail) for row in rows_of(house.accounts, "access token"))
    assert rows == [("metrics", "161 times"), ("panel", "161 times")]


async def test_refused_rtsp_logins_are_counted(house: House) -> None:
    authenticator = PassAuthenticator(house.site)
    context = ServerContext(house.recorder.hub, authenticator, house.clock, house.site.viewers.one_more)
    server = RtspServer(context, "127.0.0.1", 0)
    await server.start()
    login = f'Authorization: Digest username="tv-1", realm="tawny", nonce="x", uri="*", response="{"0" * 32}"'
    for _ in range(12):
        reader, writer = await asyncio.open_connection(*server.address.split(":"))
        writer.write(f"DESCRIBE rtsp://x/porch RTSP/1.0\r\nCSeq: 1\r\n{login}\r\n\r\n".encode() * 3)
        assert (await reader.read()).count(b"401 Unauthorized") == 3
        writer.close()
    await server.stop()
    rows = rows_of(house.accounts, "access token")
    assert [(row.person, row.address, row.detail) for row in rows] == [("tv-1", "127.0.0.1", "36 times")]


async def test_opening_a_shared_link_again_and_again_takes_one_row(house: House) -> None:
    owner, now_ms = house.accounts.put_person("Anna", Role.OWNER), house.clock.now_ms()
    made, token = house.site.shares.make(owner, PORCH, Span(now_ms - 60_000, now_ms), now_ms + 86_400_000)
    browser = browser_at(house, "203.0.113.5")
    for _ in range(PER_SECOND):
        assert (await browser.post(f"/api/v1/shared/{token}", json={"code": ""})).status_code == 200
    rows = rows_of(house.accounts, "")
    assert [(row.action, row.detail) for row in rows] == [("shared link opened", f"{made.id}: 161 times")]
