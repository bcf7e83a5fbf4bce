"""Against another tawny's own door, served by its own server."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.api.errors import RequestRefused
from tawny.api.inbox import MOST_AT_ONCE, Inbox
from tawny.config.settings import Settings
from tawny.delivery.destination import DestinationConnection, DestinationContext, FileCarrier, check_destination
from tawny.delivery.destinations.tawny import TawnyDestination
from tawny.engine.tls import make_server_context
from tawny.model.errors import (
    DeliveryError,
    StrangeTarget,
    TargetBusy,
    TargetFull,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
)
from tawny.model.times import SystemClock
from tawny.service.address.address_service import AddressMeans, AddressService
from tawny.service.changeable_settings import ChangeableSettings
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import LARGE, DestinationCase, DestinationContract, content
from tawny.testing.http_service import StandIn, served
from tests.api.fakes import House
from tests.delivery.carried import delivery
from tests.delivery.destinations.servers import TawnyServer, tawny_server
from tests.support.certificates import write_pair
from tests.support.inbox import begun, upload_of

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


def test_a_token_that_may_only_add_files_is_found_by_the_test_and_takes_each_content_once(
    elsewhere: Elsewhere,
) -> None:
    made, secret = elsewhere.house.passes.make("Only adds", brings=QUOTA, keeps_ms=1)
    steps = check_destination(lambda: elsewhere.connect(secret), "friend")
    assert [(one.wrong, one.write_only) for one in steps] == [("", False), ("", False), ("", True)]
    connection = elsewhere.connect(secret)
    for data in (b"a picture", b"a better one", b"a picture", b"a better one"):
        connection.put("a.jpg", content(data), "", lambda _: None)
    with pytest.raises(TargetRefused, match="may only add files"):
        list(connection.files())
    connection.close()
    there = elsewhere.folder / made.id / "mine"
    assert {one.name: one.read_bytes() for one in there.glob("a*")} == {
        "a.jpg": b"a picture",
        "a~2.jpg": b"a better one",
    }


def test_an_upload_whose_line_died_is_ended_and_continued(elsewhere: Elsewhere) -> None:
    """No end of it arrives: for the other side it still goes on."""
    inbox, whole = elsewhere.house.site.inbox, content(LARGE)
    dead = begun(inbox, elsewhere.pass_id, upload_of(whole.sha256, whole.size_bytes, "mine/clip.mp4"), QUOTA)
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
    earlier = begun(inbox, elsewhere.pass_id, upload_of(whole.sha256, whole.size_bytes, "mine/clip.mp4"), QUOTA)
    arriving, begun_bytes = [LARGE[:5_000_000]], inbox.begun_bytes

    def then_more(holder: str, sha256: str, name: str) -> int:
        known = begun_bytes(holder, sha256, name)
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
    held = [begun(inbox, elsewhere.pass_id, upload_of(f"{n:064x}", 10), QUOTA) for n in range(MOST_AT_ONCE)]
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


def test_a_server_whose_json_is_too_deep_is_no_tawny() -> None:
    with served(StandIn(lambda _: (200, b"[" * 100_000))) as deep:
        url, kind = deep.base.replace("http://", "tawny+http://:secret@") + "/mine", TawnyDestination()
        with pytest.raises(DeliveryError, match="isn't a tawny"):
            kind.connect(DestinationContext("friend", url, kind.settings(url, {}), FakeClock()))


def test_what_another_tawny_says_when_it_is_unavailable_is_passed_on(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RequestRefused(503, "no_certificate", "tawny has no certificate for https now.")

    connection = elsewhere.connect()
    monkeypatch.setattr(elsewhere.house.site.inbox, "begin", refuse)
    with pytest.raises(TargetUnreachable, match=r"isn't responding \(tawny has no certificate for https now\)"):
        connection.put("clip.mp4", content(), "", lambda _: None)
    connection.close()


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


@dataclass
class AtHomeOnly:
    """Another tawny with https by its own authority; `address` is the one that DHCP gave it."""

    server: TawnyServer
    service: AddressService
    addresses: set[str]

    def fingerprint(self, of_authority: bool) -> str:
        authority = self.service.authority()
        facts = authority.facts() if of_authority and authority else self.service.in_force.facts
        return facts.fingerprint if facts else ""

    def connect(self, fingerprint: str, host: str = "localhost") -> None:
        url, kind = f"tawny://:{self.server.secret}@{host}:{self.server.port}/mine", TawnyDestination()
        options = kind.settings(url, {"fingerprint": fingerprint})
        kind.connect(DestinationContext("friend", url, options, FakeClock())).close()

    def change_address(self) -> None:
        self.addresses.add("192.168.7.8")
        self.service.refresh()


@pytest.fixture
def at_home_only(tmp_path: Path) -> Iterator[AtHomeOnly]:
    file, addresses, held = tmp_path / "tawny.toml", {"192.168.7.7"}, [Settings()]
    file.write_text("")
    changeable = ChangeableSettings(lambda: held[0], lambda new, _: held.__setitem__(0, new), file)
    means = AddressMeans(lambda: frozenset({"pi.local"}), None, lambda: frozenset(addresses))
    service = AddressService(changeable, means, SystemClock())
    service.use_own("pi.local")
    with tawny_server(tmp_path, QUOTA, tls=lambda: service.in_force.context()) as server:
        server.house.site.secure = service
        yield AtHomeOnly(server, service, addresses)


def test_the_authority_of_another_tawny_stays_trusted_when_its_address_changes(at_home_only: AtHomeOnly) -> None:
    pinned = at_home_only.fingerprint(of_authority=True)
    at_home_only.connect(pinned)
    at_home_only.change_address()
    at_home_only.connect(pinned)


def test_the_fingerprint_of_the_certificate_itself_is_accepted_while_it_is_in_use(at_home_only: AtHomeOnly) -> None:
    pinned = at_home_only.fingerprint(of_authority=False)
    at_home_only.connect(pinned)
    at_home_only.change_address()
    with pytest.raises(StrangeTarget) as strange:
        at_home_only.connect(pinned)
    assert at_home_only.fingerprint(of_authority=True).replace(":", "").lower() in str(strange.value)


def test_an_authority_is_trusted_for_the_names_of_its_certificate_only(at_home_only: AtHomeOnly) -> None:
    with pytest.raises(StrangeTarget, match="certificate isn't valid"):
        at_home_only.connect(at_home_only.fingerprint(of_authority=True), "127.0.0.1")


def test_another_server_can_show_the_authority_but_not_its_certificate(
    at_home_only: AtHomeOnly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = at_home_only.fingerprint(of_authority=True)
    other = make_server_context()
    other.load_cert_chain(*write_pair(tmp_path / "other"))
    monkeypatch.setattr(at_home_only.service.in_force, "context", lambda: other)
    with pytest.raises(StrangeTarget, match="certificate isn't valid"):
        at_home_only.connect(pinned)


def test_a_page_instead_of_a_certificate_is_no_authority(tmp_path: Path) -> None:
    context = make_server_context()
    context.load_cert_chain(*write_pair(tmp_path / "stranger"))
    with served(StandIn(lambda _: (200, b"<!doctype html>"), tls=context)) as stranger:
        url, kind = f"tawny://:secret@127.0.0.1:{stranger.port}/mine", TawnyDestination()
        options = kind.settings(url, {"fingerprint": "ab" * 32})
        with pytest.raises(StrangeTarget) as strange:
            kind.connect(DestinationContext("friend", url, options, FakeClock()))
    assert "authority" not in str(strange.value)


def test_a_stranger_that_answers_byte_by_byte_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.delivery.destination.TIMEOUT_S", 0.5)
    context, sent = make_server_context(), list[int]()
    context.load_cert_chain(*write_pair(tmp_path / "stranger"))

    def drip(line: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(line, server_side=True) as secured:
            secured.recv(4096)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
            for _ in range(60):
                secured.sendall(b"x")
                sent.append(1)
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        serving = threading.Thread(target=lambda: drip(listening.accept()[0]))
        serving.start()
        url, kind = f"tawny://:secret@127.0.0.1:{port}/mine", TawnyDestination()
        options = kind.settings(url, {"fingerprint": "ab" * 32})
        with pytest.raises(StrangeTarget, match="different fingerprint"):
            kind.connect(DestinationContext("friend", url, options, FakeClock()))
        serving.join()
    assert len(sent) < 40
