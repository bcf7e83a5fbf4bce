"""Channels that belong to a user: what is sent, and what their buttons do, by the rights that the user has now."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tawny.api.auth.accounts import Account, Accounts, Role
from tawny.api.auth.accounts_file import AccountsFile
from tawny.app.web_interface import DeliveryUsers
from tawny.model.errors import NotDone
from tawny.model.messages import Alarm, ProblemKind
from tawny.service.delivery.notifications import NO_USER
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import StandIn, served
from tests.playback.archives import PORCH
from tests.service.delivery.test_messaging import Bench, bot, pressing

Lose = Callable[[Accounts, Account], object]
LOSE: dict[str, Lose] = {
    "removed": lambda accounts, ben: accounts.remove_person(ben),
    "camera": lambda accounts, ben: accounts.change_person(ben, Role.VIEWER, []),
    "ended": lambda accounts, ben: accounts.change_person(ben, Role.GUEST, [PORCH], 1),
}


class Flat(Bench):
    """Ben's Telegram, at a recorder with accounts."""

    def __init__(self, root: Path, service: StandIn, role: Role = Role.VIEWER, **about: object) -> None:
        self.accounts = Accounts(AccountsFile(":memory:"), FakeClock())
        self.ben = self.accounts.put_person("Ben", role)
        self.ben = self.accounts.change_person(self.ben, role, [PORCH])
        self.users = DeliveryUsers(self.accounts)
        super().__init__(root, service, user="Ben", **about)

    def begin(self) -> None:
        super().begin()
        self.notifications.take_over(self.settings)

    def tokens(self, event: str) -> dict[str, str]:
        keys = self.sent("/sendPhoto")[0].form["reply_markup"].decode()
        return {part[0]: part for part in keys.split('"') if part[1:].startswith(f".{event}.")}


@pytest.fixture
def service() -> Iterator[StandIn]:
    with served(StandIn(bot)) as made:
        yield made


@pytest.fixture
def flat(tmp_path: Path, service: StandIn) -> Iterator[Flat]:
    made = Flat(tmp_path, service)
    yield made
    made.outbox.close()


@pytest.mark.parametrize("lose", LOSE.values(), ids=LOSE)
def test_a_digest_that_waited_is_not_sent_to_a_user_who_lost_the_camera(
    tmp_path: Path, service: StandIn, lose: Lose
) -> None:
    flat = Flat(tmp_path, service, quiet_hours="00:00-23:59")
    for _ in range(2):
        flat.happens()
        flat.clock.advance(1)
    lose(flat.accounts, flat.ben)
    flat.clock.advance(64_770)  # 23:59:30
    flat.work()
    assert (flat.sent(), flat.outbox.waiting("phone").count) == ([], 0)
    flat.outbox.close()


@pytest.mark.parametrize("lose", LOSE.values(), ids=LOSE)
def test_no_clip_follows_to_a_user_who_lost_the_camera(flat: Flat, lose: Lose) -> None:
    event = flat.happens()
    flat.work()
    flat.recorder.record(event.start_ms - 5_000, seconds=20)
    lose(flat.accounts, flat.ben)
    flat.tell(event.ended(event.start_ms + 3_000))
    flat.clock.advance(20)
    flat.work()
    assert [one.path.rpartition("/")[2] for one in flat.service.asked] == ["sendPhoto"]
    assert "can't see this camera" in flat.outbox.ended("phone")[0].why or lose is not LOSE["camera"]


@pytest.mark.parametrize(("lose", "sent"), [("removed", 0), ("ended", 0), ("camera", 1)])
def test_problems_of_the_recorder_are_not_told_to_who_has_no_access(flat: Flat, lose: str, sent: int) -> None:
    LOSE[lose](flat.accounts, flat.ben)
    for camera in (None, PORCH):
        flat.notifications.scheduler.on_message(Alarm(ProblemKind.CAMERA, camera, flat.clock.now_ms(), "No answer."))
    flat.notifications.scheduler.step()
    for _ in range(2):
        flat.work()
    assert len(flat.sent()) == sent


def test_a_guest_whose_access_ended_gets_no_notifications(flat: Flat) -> None:
    flat.accounts.change_person(flat.ben, Role.GUEST, [PORCH], 1)
    flat.happens()
    flat.work()
    assert flat.sent() == []
    flat.accounts.change_person(flat.ben, Role.GUEST, [PORCH], flat.clock.now_ms() + 86_400_000)
    flat.clock.advance(60)
    flat.happens()
    flat.work()
    assert len(flat.sent()) == 1


def test_another_user_of_the_same_name_does_not_get_the_channel_until_an_owner_says_so(flat: Flat) -> None:
    flat.accounts.remove_person(flat.ben)
    flat.accounts.put_person("Ben", Role.MEMBER)
    flat.killed()
    flat.happens()
    flat.work()
    assert flat.sent() == []
    phone = flat.settings.notifiers["phone"]
    for user in ("", "Ben"):
        notifiers = {"phone": phone.model_copy(update={"user": user})}
        flat.settings = flat.settings.model_copy(update={"notifiers": notifiers})
        flat.killed()
    flat.clock.advance(60)
    flat.happens()
    flat.work()
    assert len(flat.sent()) == 1


def test_a_channel_whose_user_has_no_access_says_so(flat: Flat) -> None:
    assert (flat.notifications.all()[0].trouble, flat.notifications.test("phone")[0].wrong) == ("", "")
    flat.accounts.remove_person(flat.ben)
    flat.accounts.put_person("Ben", Role.MEMBER)
    assert flat.notifications.all()[0].trouble == NO_USER
    assert flat.notifications.test("phone")[0].wrong == NO_USER


def test_after_all_accounts_were_lost_users_are_found_by_their_names_again(flat: Flat) -> None:
    flat.accounts.remove_person(flat.ben)
    flat.notifications.forget_users()
    flat.accounts.put_person("Ben", Role.MEMBER)
    flat.happens()
    flat.work()
    assert len(flat.sent()) == 1
    assert flat.notifications.all()[0].trouble == ""


def test_problems_are_told_to_a_channel_whose_user_has_no_account_yet(flat: Flat) -> None:
    flat.accounts.remove_person(flat.ben)
    flat.notifications.forget_users()
    flat.notifications.scheduler.on_message(Alarm(ProblemKind.DISK, None, flat.clock.now_ms(), "It is full."))
    flat.notifications.scheduler.step()
    flat.work()
    assert len(flat.sent()) == 1


@pytest.mark.parametrize(("role", "buttons"), [(Role.VIEWER, "m"), (Role.MEMBER, "mfk"), (Role.OWNER, "mfk")])
def test_the_buttons_are_those_whose_action_the_user_may_do(
    tmp_path: Path, service: StandIn, role: Role, buttons: str
) -> None:
    flat = Flat(tmp_path, service, role)
    event = flat.happens()
    flat.work()
    assert "".join(flat.tokens(event.id)) == buttons
    flat.outbox.close()


@pytest.mark.parametrize("lose", [*LOSE.values(), lambda accounts, ben: accounts.put_person("Ben", Role.VIEWER)])
def test_a_button_does_nothing_once_the_user_may_not_do_it(tmp_path: Path, service: StandIn, lose: Lose) -> None:
    flat = Flat(tmp_path, service, Role.MEMBER)
    event = flat.happens()
    flat.work()
    tokens = flat.tokens(event.id)
    lose(flat.accounts, flat.ben)
    for do in "fk":
        with pytest.raises(NotDone, match="expired"):
            flat.notifications.actions.look("phone", tokens[do])
        with pytest.raises(NotDone, match="expired"):
            flat.notifications.act("phone", tokens[do], "")
    assert flat.recorder.index.event(event.id) == event
    flat.outbox.close()


def test_a_button_of_a_channel_that_was_removed_does_nothing(flat: Flat) -> None:
    event = flat.happens()
    token = flat.notifications.actions.token("phone", "m", event.id)
    flat.notifications.take_over(flat.settings.model_copy(update={"notifiers": {}}))
    with pytest.raises(NotDone, match="expired"):
        flat.notifications.act("phone", token, "")


def test_the_audit_log_names_the_user_of_the_channel(tmp_path: Path, service: StandIn) -> None:
    flat = Flat(tmp_path, service, Role.MEMBER)
    event = flat.happens()
    flat.work()
    flat.notifications.act("phone", flat.tokens(event.id)["f"], "192.0.2.7")
    pressing(flat, flat.tokens(event.id)["k"])
    noted = [(one.person, one.action, one.detail, one.address) for one in flat.accounts.audit()]
    assert list(dict.fromkeys(noted)) == [
        ("Ben", "through a notification button", "phone: Kept. tawny won't delete it.", ""),
        ("Ben", "through a notification button", "phone: Marked as false alarm.", "192.0.2.7"),
    ]
    flat.outbox.close()
