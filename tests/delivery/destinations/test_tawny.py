"""Against another tawny's own door, served by its own server."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.api.errors import RequestRefused
from tawny.api.inbox import MOST_AT_ONCE, Inbox
from tawny.delivery.destination import DestinationConnection, DestinationContext, FileCarrier, check_destination
from tawny.delivery.destinations.tawny import TawnyDestination
from tawny.model.errors import DeliveryError, TargetBusy, TargetFull, TargetMissing, TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import LARGE, DestinationCase, DestinationContract, content
from tests.api.fakes import House
from tests.delivery.carried import delivery
from tests.delivery.destinations.servers import TawnyServer, tawny_server

QUOTA = 100_000_000


@dataclass
class Elsewhere:
    """The other tawny."""

    server: TawnyServer

    @property
    def house(self) -> House:
        return self.server.house

    @property
    def folder(self) -> Path:
        return self.server.folder

    @property
    def pass_id(self) -> str:
        return self.server.pass_id

    def connect(self, secret: str = "", folder: str = "mine") -> DestinationConnection:
        url = f"tawny+http://:{secret or self.server.secret}@127.0.0.1:{self.server.port}/{folder}"
        return TawnyDestination().connect(
            DestinationContext("friend", url, TawnyDestination().settings(url, {}), FakeClock())
        )

    def get(self, name: str) -> bytes | None:
        path = self.folder / self.pass_id / "mine" / name
        return path.read_bytes() if path.exists() else None


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    with tawny_server(tmp_path, QUOTA) as server:
        yield Elsewhere(server)


class TestTawny(DestinationContract):
    @pytest.fixture
    def target(self, elsewhere: Elsewhere) -> DestinationCase:
        return DestinationCase(elsewhere.connect, elsewhere.get)


def test_trying_it_out_writes_reads_back_and_removes(elsewhere: Elsewhere) -> None:
    steps = check_destination(elsewhere.connect, "friend")
    assert [step.wrong for step in steps] == ["", "", "", ""]
    assert list((elsewhere.folder / elsewhere.pass_id).rglob("*.bin")) == []


def test_a_pass_that_was_taken_back_or_only_sees_brings_nothing(elsewhere: Elsewhere) -> None:
    _, sees = elsewhere.house.passes.make("TV")
    for secret in (sees, "wrong-secret"):
        with pytest.raises(TargetRefused) as refused:
            elsewhere.connect(secret)
        assert secret not in str(refused.value)
    connection = elsewhere.connect()
    elsewhere.house.passes.take_back(elsewhere.pass_id)
    with pytest.raises(TargetRefused):
        connection.put("a.jpg", content(), "", lambda _: None)
    connection.close()


def test_an_upload_whose_line_died_is_ended_and_continued(elsewhere: Elsewhere) -> None:
    """No end of it arrives: for the other side it still goes on."""
    inbox, whole = elsewhere.house.site.inbox, content(LARGE)
    dead = inbox.begin(elsewhere.pass_id, whole.sha256, 0, whole.size_bytes, QUOTA)
    dead.write(LARGE[:5_000_000])
    connection = elsewhere.connect()
    connection.put("clip.mp4", whole, "", lambda _: None)
    connection.close()
    with pytest.raises(RequestRefused):
        dead.write(LARGE[5_000_000:])
    dead.close()
    assert elsewhere.get("clip.mp4") == LARGE
    assert inbox.used_bytes(elsewhere.pass_id) == len(LARGE)


def test_what_arrives_while_it_asks_is_not_written_twice(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line broke, and the other side is still storing what came before that."""
    inbox, whole = elsewhere.house.site.inbox, content(LARGE)
    earlier = inbox.begin(elsewhere.pass_id, whole.sha256, 0, whole.size_bytes, QUOTA)
    arriving, begun_bytes = [LARGE[:5_000_000]], inbox.begun_bytes

    def then_more(holder: str, sha256: str) -> int:
        known = begun_bytes(holder, sha256)
        while arriving:
            earlier.write(arriving.pop())
        return known

    monkeypatch.setattr(inbox, "begun_bytes", then_more)
    connection = elsewhere.connect()
    connection.put("clip.mp4", whole, "", lambda _: None)
    connection.close()
    assert elsewhere.get("clip.mp4") == LARGE


def test_one_that_has_too_many_uploads_is_busy(elsewhere: Elsewhere) -> None:
    inbox = elsewhere.house.site.inbox
    held = [inbox.begin(elsewhere.pass_id, f"{n:064x}", 0, 10, QUOTA) for n in range(MOST_AT_ONCE)]
    connection = elsewhere.connect()
    with pytest.raises(TargetBusy, match="Too many uploads at once") as refused:
        connection.put("clip.mp4", content(), "", lambda _: None)
    assert refused.value.wait_s == 5
    connection.close()
    for upload in held:
        upload.close()


def test_a_file_that_is_busy_is_sent_once(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = list[int]()

    def begin(*_: object) -> None:
        begun.append(1)
        raise RequestRefused(409, "busy", "This file is being uploaded right now.")

    monkeypatch.setattr(elsewhere.house.site.inbox, "begin", begin)
    connection = elsewhere.connect()
    with pytest.raises(TargetBusy, match="is being uploaded right now"):
        connection.put("clip.mp4", content(), "", lambda _: None)
    connection.close()
    assert len(begun) == 1


def test_what_is_over_the_quota_is_refused_and_room_that_is_made_counts(elsewhere: Elsewhere) -> None:
    _, secret = elsewhere.house.passes.make("Small", brings=13_000_000)
    carrier = FileCarrier(elsewhere.connect(secret), "friend")
    carrier.carry(delivery("a.mp4"), content(LARGE), lambda _: None)
    with pytest.raises(TargetFull, match="has reached its storage limit"):
        carrier.carry(delivery("b.mp4"), content(LARGE[:-1]), lambda _: None)
    connection = elsewhere.connect(secret)
    connection.remove("a.mp4")
    carrier.carry(delivery("b.mp4"), content(LARGE[:-1]), lambda _: None)
    assert [there.name for there in connection.files()] == ["b.mp4"]
    connection.close()
    carrier.close()


def test_what_one_pass_brings_no_other_sees(elsewhere: Elsewhere) -> None:
    mine, (_, other) = elsewhere.connect(), elsewhere.house.passes.make("Another", brings=QUOTA)
    mine.put("a.jpg", content(), "", lambda _: None)
    theirs = elsewhere.connect(other)
    assert (theirs.find("a.jpg"), list(theirs.files())) == (None, [])
    mine.close()
    theirs.close()


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", ".begun/x", "a//b", "a\x00b", "a/" * 20 + "b"])
def test_no_name_leads_out_of_its_folder(elsewhere: Elsewhere, name: str) -> None:
    connection = elsewhere.connect(folder="")
    with pytest.raises(DeliveryError):
        connection.put(name, content(), "", lambda _: None)
    connection.close()
    found = [path for path in elsewhere.folder.rglob("*") if path.is_file()]
    assert found == []


def test_what_arrives_damaged_is_not_there(elsewhere: Elsewhere) -> None:
    connection, wrong = elsewhere.connect(), content()
    wrong.sha256 = "0" * 64
    with pytest.raises(DeliveryError):
        connection.put("a.jpg", wrong, "", lambda _: None)
    connection.close()
    assert elsewhere.get("a.jpg") is None


def test_one_that_keeps_nothing_on_a_disk_says_so(elsewhere: Elsewhere) -> None:
    elsewhere.house.site.inbox = Inbox(None)
    with pytest.raises(TargetMissing, match="doesn't store anything on disk"):
        elsewhere.connect()


def test_nobody_there_is_told_without_the_secret() -> None:
    url = "tawny+http://:pLantedS3cret@127.0.0.1:9/x"
    with pytest.raises(TargetUnreachable) as refused:
        TawnyDestination().connect(DestinationContext("friend", url, TawnyDestination().settings(url, {}), FakeClock()))
    assert "pLantedS3cret" not in f"{refused.value} {TawnyDestination().public(url)}"


@pytest.mark.parametrize("url", ["tawny://host/folder", "tawny://", "tawny://me@host"])
def test_settings_that_cannot_be_are_told(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        TawnyDestination().settings(url, {})
