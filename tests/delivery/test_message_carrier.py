"""Messages with attachments that a service does not take, and addresses that are unusual but right."""

import http.client
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from tawny.delivery import notifier
from tawny.delivery.delivery import Delivery, DeliveryKind, in_memory
from tawny.delivery.message_carrier import MOST_DEFERRED, MessageCarrier
from tawny.delivery.notifier import (
    Attachment,
    HttpApi,
    HttpResponse,
    Message,
    MessageDeferred,
    MessageRefused,
    NotifierContext,
    NotifierTraits,
    refusal,
)
from tawny.delivery.notifiers.ntfy import Ntfy
from tawny.model.errors import DeliveryError, TargetBusy, TargetFull, TargetUnreachable
from tawny.protocols import http_connection
from tawny.protocols.http_connection import PORTION_BYTES
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.notifier import JPEG, SENT
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served

TRAITS = NotifierTraits("text and pictures", edits=True, picture=True, largest_bytes=1000)
PICTURE = in_memory(JPEG.data, JPEG.media_type, 0)


class Service:
    """Takes messages without attachments; `refuses`: its error for the others, for_all: for all."""

    def __init__(self, refuses: DeliveryError, *, for_all: bool = False) -> None:
        self.refuses, self.for_all = refuses, for_all
        self.taken: list[tuple[str, str, bool]] = []

    def send(self, message: Message, attached: Attachment | None) -> str:
        return self.edit("", message, attached)

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        self.taken.append((receipt, message.id, attached is not None))
        if attached is not None or self.for_all:
            raise self.refuses
        return "7"

    def close(self) -> None:
        """No resources to release."""


def carry(service: Service, message: Message = SENT, edits: str = "", kind: str = "event") -> str:
    delivery = Delivery("phone", message.id, DeliveryKind.MESSAGE, {"kind": kind, "edits": edits}, 0, 0)
    return MessageCarrier(service, TRAITS, lambda _: message).carry(delivery, PICTURE, lambda _: None)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_message_whose_attachment_is_refused_is_sent_without(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """It was tried for ever and never arrived."""
    service = Service(refusal("phone (ntfy)", HttpResponse(status, b'{"error": "no attachments"}'), ("error",)))
    with caplog.at_level(logging.WARNING):
        assert carry(service) == "7"
    assert service.taken == [("", SENT.id, True), ("", SENT.id, False)]
    assert f"{status}: no attachments. Its attachment is left out (image/jpeg, " in caplog.text


def test_a_mail_that_is_too_large_is_sent_without_its_attachment() -> None:
    service = Service(TargetFull("mail", "it responded with 552"))
    assert carry(service) == "7"


def test_an_edit_whose_attachment_is_refused_leaves_what_was_sent() -> None:
    """Some services would take the image away that they show."""
    service = Service(MessageRefused("phone", "too large"))
    assert carry(service, edits="5", kind="clip") == "5"
    assert service.taken == [("5", SENT.id, True)]


def test_an_update_of_a_visit_whose_image_is_refused_has_its_text() -> None:
    """Nobody learned that someone who was in the yard had reached the front door."""
    service = Service(MessageRefused("phone", "too large"))
    assert carry(service, edits="5") == "7"
    assert service.taken == [("5", SENT.id, True), ("5", SENT.id, False)]


def test_a_test_says_that_the_attachment_is_refused() -> None:
    service = Service(MessageRefused("phone", "too large"))
    with pytest.raises(MessageRefused):
        carry(service, replace(SENT, kind="test"))
    assert len(service.taken) == 1


def test_an_answer_without_an_id_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing said why updates became messages of their own."""
    service = Mock(send=lambda *_: "")
    with caplog.at_level(logging.INFO):
        assert carry(service) == ""
    assert f"{SENT.id}: the service's answer has no ID" in caplog.text


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_other_failures_keep_the_attachment_for_the_next_try(status: int) -> None:
    service = Service(refusal("phone", HttpResponse(status, b"")))
    with pytest.raises(type(service.refuses)):
        carry(service)
    assert len(service.taken) == 1


def attempts(service: Service, most: int) -> Iterator[DeliveryError]:
    """Yield the error of each attempt, as long as it fails, with what the outbox keeps of one for the next."""
    kept = [""]
    for _ in range(most):
        one = Delivery("mail", SENT.id, DeliveryKind.MESSAGE, {"kind": "event"}, 0, 0, progress=kept[-1])
        try:
            MessageCarrier(service, TRAITS, lambda _: SENT).carry(one, PICTURE, kept.append)
        except DeliveryError as error:
            yield error
        else:
            return


def test_a_mail_that_is_deferred_each_time_with_its_image_is_sent_without_it() -> None:
    """A mail server whose scanner fails with images never took it."""
    service = Service(MessageDeferred("mail", "it responded with 451"))
    assert len([*attempts(service, 100)]) == MOST_DEFERRED
    assert service.taken[-2:] == [("", SENT.id, True), ("", SENT.id, False)]


def test_the_progress_of_an_earlier_version_is_read() -> None:
    """Its mails waited for ever."""
    progress = '3 {"had": ["anna@example.org"], "since_ms": 1}'
    one, noted = (
        Delivery("mail", SENT.id, DeliveryKind.MESSAGE, {"kind": "event"}, 0, 0, progress=progress),
        list[str](),
    )
    service = Service(MessageDeferred("mail", "it responded with 451"))
    with pytest.raises(MessageDeferred):
        MessageCarrier(service, TRAITS, lambda _: SENT).carry(one, PICTURE, noted.append)
    assert noted == ["4"]


def test_an_image_waits_for_a_service_that_is_busy() -> None:
    """After half an hour of such answers, one more of a service that took texts again cost the image."""
    service = Service(TargetBusy("phone", "it responded with 502"))
    assert len([*attempts(service, 100)]) == 100
    assert all(has_image for _, _, has_image in service.taken)


@pytest.mark.parametrize("error", [MessageRefused("mail", "550"), TargetBusy("mail", "503")])
def test_a_service_that_takes_nothing_ends_no_message(error: DeliveryError) -> None:
    """Beyond a day's limit of mails, rings and the ends of problems were dropped after three hours."""
    errors = [*attempts(Service(error, for_all=True), 100)]
    assert {type(one) for one in errors} == {type(error)}
    assert len(errors) == 100


@pytest.fixture
def hasty() -> Iterator[int]:
    """The port of a server that refuses by the headers alone and closes the connection, as those in Go do."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with suppress(OSError):
                line, _ = door.accept()
                with line:
                    line.recv(2000)
                    line.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 21\r\n\r\n" + b"x" * 21)

        thread = threading.Thread(target=serve)
        thread.start()
        yield door.getsockname()[1]
        thread.join(10)


def test_an_answer_that_comes_before_the_whole_body_is_read(hasty: int) -> None:
    """The broken connection counted as no answer, so that the message held up all others."""
    answer = HttpApi(f"http://127.0.0.1:{hasty}", "phone").ask("PUT", "/topic", bytes(20_000_000))
    assert answer.status == 413


def test_a_redirect_says_where_to_without_secrets() -> None:
    to = "https://anna:word@ntfy.example.org:8443/hook/secret?token=secret"
    with (
        served(StandIn(lambda _: (301, {}), headers={"Location": to})) as service,
        pytest.raises(DeliveryError, match=r"it redirects to https://ntfy\.example\.org:8443, so use that address"),
    ):
        HttpApi(service.base, "phone").well("POST", "/", b"{}")


def test_an_answer_that_never_ends_is_taken_as_far_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte every 5 s held up all other messages; each of them was in time."""
    monkeypatch.setattr(notifier, "UPLOAD_S", 0.2)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            line, _ = door.accept()
            with line, suppress(OSError):
                line.recv(2000)
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(1000):
                    line.sendall(b"x")
                    if ended.wait(0.02):
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        answer = HttpApi(f"http://127.0.0.1:{door.getsockname()[1]}", "phone").ask("POST", "/", b"{}")
        ended.set()
        thread.join(10)
    assert (answer.is_well, answer.is_cut) == (True, True)
    assert len(answer.data) < 1000


@pytest.mark.parametrize("headers", [{"Content-Length": "999"}, {"Transfer-Encoding": "chunked", "Content-Length": ""}])
def test_an_answer_that_breaks_off_has_its_status(headers: dict[str, str]) -> None:
    with served(StandIn(lambda _: (200, b"9\r\nx"), headers=headers)) as service:
        answer = HttpApi(service.base, "phone").ask("POST", "/", b"{}")
    assert (answer.is_well, answer.is_cut) == (True, True)


def test_a_whole_answer_is_not_cut() -> None:
    with served(StandIn()) as service:
        assert not HttpApi(service.base, "phone").ask("POST", "/", b"{}").is_cut


def test_a_connection_that_breaks_without_an_answer_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            line, _ = door.accept()
            line.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(TargetUnreachable, match="the connection was closed"):
            HttpApi(f"http://127.0.0.1:{door.getsockname()[1]}", "phone").ask("PUT", "/topic", bytes(20_000_000))
        thread.join(10)


def test_a_large_body_is_sent_in_portions_each_with_the_time_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole had 15 s: on a line of 30 kB/s no clip of more than 450 kB ever left, and all alerts waited."""
    sizes: list[int] = []
    sendall = socket.socket.sendall

    def noted(self: socket.socket, data: bytes) -> None:
        sizes.append(len(data))
        sendall(self, data)

    with served(StandIn()) as service:
        monkeypatch.setattr(socket.socket, "sendall", noted)
        HttpApi(service.base, "phone").well("PUT", "/topic", bytes(100_000))
        monkeypatch.undo()
        assert (service.last.headers["content-length"], len(service.last.body)) == ("100000", 100_000)
    assert max(sizes) <= PORTION_BYTES


def test_an_attachment_that_the_line_is_too_slow_for_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "UPLOAD_S", -1.0)
    with served(StandIn()) as service:
        url = f"ntfy+http://127.0.0.1:{service.port}/door"
        sender = Ntfy().open(NotifierContext("phone", url, {}, FakeClock()))
        traits = replace(TRAITS, largest_bytes=1_000_000)
        picture = in_memory(bytes(200_000), JPEG.media_type, 0)
        delivery = Delivery("phone", "event/e1", DeliveryKind.MESSAGE, {}, 0, 0)
        MessageCarrier(sender, traits, lambda _: SENT).carry(delivery, picture, lambda _: None)
        titles = [one.query["title"] for one in service.asked if one.headers["content-length"] != "200000"]
        assert titles == [SENT.title]


def test_the_response_to_a_large_body_is_awaited_for_the_rest_of_its_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 15 s a line of 4 kB/s didn't even send what the system held of a picture: it was tried for ever."""
    waits_s: list[Any] = []
    getresponse = http.client.HTTPConnection.getresponse

    def noted(self: http.client.HTTPConnection) -> http.client.HTTPResponse:
        waits_s.append(self.sock.gettimeout())
        return getresponse(self)

    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", noted)
    with served(StandIn()) as service:
        for size in (1000, 100_000):
            HttpApi(service.base, "phone", 15.0).well("PUT", "/topic", bytes(size))
    assert (waits_s[0], 30 < waits_s[1] <= 60) == (15.0, True)


def test_a_large_body_without_a_response_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "UPLOAD_S", 0.1)
    ended = threading.Event()

    def answer_late(_: ReceivedRequest) -> Reply:
        ended.wait(10)
        return 200, {}

    with served(StandIn(answer_late)) as service:
        with pytest.raises(TargetUnreachable, match="too slow"):
            HttpApi(service.base, "phone", 0.1).ask("PUT", "/topic", bytes(100_000))
        ended.set()


def test_a_portion_that_a_line_does_not_take_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "UPLOAD_S", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as door,
        pytest.raises(TargetUnreachable, match="too slow"),
    ):
        HttpApi(f"http://127.0.0.1:{door.getsockname()[1]}", "phone", 0.1).ask("PUT", "/topic", bytes(20_000_000))


@pytest.mark.parametrize(
    ("status", "asked", "wait_s"),
    [(429, "30", 30.0), (429, "Sun, 06 Nov 1994 08:49:37 +99999999999999", 0.0), (200, "30", 0.0)],
)
def test_only_a_valid_wait_of_a_service_that_took_nothing_counts(status: int, asked: str, wait_s: float) -> None:
    """An absurd date with a message that was accepted failed its delivery, so it was sent again."""
    with served(StandIn(lambda _: (status, {}), headers={"Retry-After": asked})) as service:
        assert HttpApi(service.base, "phone").ask("GET", "/").wait_s == wait_s


@pytest.mark.parametrize(
    ("base", "place"),
    [
        ("http://[fd00::abcd]/x", ("fd00::abcd", 80)),
        ("https://[::1]/x", ("::1", 443)),
        ("http://[::1]:8080", ("::1", 8080)),
        ("http://ntfy.example.org", ("ntfy.example.org", 80)),
    ],
)
def test_an_address_without_a_port_has_that_of_its_scheme(
    base: str, place: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of an IPv6 address was taken for the port."""
    asked: list[tuple[str, int]] = []

    def connect(where: tuple[str, int], *_: object, **__: object) -> socket.socket:
        asked.append(where)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(TargetUnreachable, match="Connection refused"):
        HttpApi(base, "phone").ask("GET", "/topic")
    assert asked == [place]


def test_a_host_that_no_request_can_name_is_unreachable() -> None:
    """The error came as one of tawny itself."""
    with pytest.raises(TargetUnreachable, match="InvalidURL"):
        HttpApi("http://a b/topic", "phone").ask("GET", "")
