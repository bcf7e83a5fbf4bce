"""The owner is notified of many refused sign-ins: once an hour at most, in words that an attacker can't choose."""

import pytest

from tawny.api.auth.accounts import Accounts
from tawny.api.auth.accounts_file import AccountsFile
from tawny.api.auth.audit_counts import (
    ACCESS_REFUSED,
    LINK_OPENED,
    MANY,
    MESSAGE_IMAGE_OPENED,
    SIGN_IN_FAILED,
    SecurityWatch,
)
from tawny.model.messages import Alarm, ProblemKind
from tawny.service.health.alarms import AlarmMonitor
from tawny.testing.clock import FakeClock

STEP_S = 30


class Owner:
    """Gets the notifications of a recorder of which only this watch is known."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.accounts = Accounts(AccountsFile(":memory:"), self.clock)
        self.proxies: list[str] = []
        self.forgotten = 0
        self.watch = SecurityWatch(self.accounts.counts, lambda: self.proxies, self.forget, self.clock)
        self.told: list[Alarm] = []
        self.alarms = AlarmMonitor(self.watch, self.clock, self.told.append)

    def forget(self) -> None:
        self.forgotten += 1

    def hour(self, per_step: int, name: str = "Anna", *, is_known: bool = True) -> None:
        for step in range(3600 // STEP_S):
            for number in range(per_step):
                self.accounts.counts.count(SIGN_IN_FAILED, name, f"203.0.{step}.{number % 250}", is_known=is_known)
            self.clock.advance(STEP_S)
            self.alarms.step()


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_old_links_are_forgotten_at_each_look(owner: Owner) -> None:
    owner.hour(0)
    assert owner.forgotten == 3600 // STEP_S


def test_a_few_mistakes_are_no_news(owner: Owner) -> None:
    for _ in range(MANY - 1):
        owner.accounts.counts.count(SIGN_IN_FAILED, "Anna", "192.168.1.7", is_known=True)
    for _ in range(MANY):
        owner.accounts.counts.count(LINK_OPENED, "guest", "192.168.1.7")
        owner.accounts.counts.count(MESSAGE_IMAGE_OPENED, "visitor", "192.168.1.7")
    owner.hour(0)
    assert owner.told == []


def test_an_attack_is_told_once_and_its_end(owner: Owner) -> None:
    for _ in range(3):
        owner.hour(161)
    (begun,) = owner.told
    assert begun.what is ProblemKind.SIGN_INS
    assert begun.detail == "322 refused sign-ins in the last hour, most of them as Anna, from 322 addresses."
    (now,) = owner.alarms.now
    assert now.detail == (
        f"{161 * 119} refused sign-ins in the last hour, most of them as Anna, from 1000 addresses or more."
    )
    for _ in range(2):
        owner.hour(0)
    assert [one.until_ms is None for one in owner.told] == [True, False]


def test_bursts_are_told_once_an_hour_at_most(owner: Owner) -> None:
    for _ in range(8):
        for step in range(3600 // STEP_S):
            if step in (0, 60):
                for _ in range(MANY):
                    owner.accounts.counts.count(SIGN_IN_FAILED, "Anna", "203.0.113.5", is_known=True)
            owner.clock.advance(STEP_S)
            owner.alarms.step()
    assert len([one for one in owner.told if one.until_ms is None]) <= 8


def test_the_attackers_words_reach_no_notification(owner: Owner) -> None:
    owner.hour(2, "Open http://evil.example now", is_known=False)
    assert "evil" not in str(owner.told)
    assert "with unknown names" in owner.told[0].detail
    other = Owner()
    for _ in range(MANY):
        other.accounts.counts.count(ACCESS_REFUSED, "evil", "203.0.113.5")
    other.hour(0)
    assert other.told[0].detail == (
        f"{MANY} refused sign-ins in the last hour, most of them with an access token that isn't valid, "
        "from one address."
    )


def test_an_unknown_proxy_is_a_problem_that_says_what_to_do(owner: Owner) -> None:
    owner.proxies = ["127.0.0.1"]
    (found,) = owner.watch()
    assert (found.what, found.detail) == (
        ProblemKind.PROXY,
        "A proxy at 127.0.0.1 forwards requests, but isn't in `web.proxies`.",
    )
    assert 'add `proxies = ["127.0.0.1"]` under [web]' in found.do


def test_the_counts_are_written_meanwhile(owner: Owner) -> None:
    owner.accounts.counts.count(SIGN_IN_FAILED, "Anna", "203.0.113.5")
    assert list(owner.watch()) == []
    with owner.accounts.file.reading() as db:
        assert db.execute("SELECT person, detail FROM audit").fetchall() == [("Anna", "1 time")]
