"""Email against a real SMTP server: whole letters, TLS before the password, and what its refusals mean."""

import asyncio
import email
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tawny.delivery.delivery import Delivery, DeliveryKind, NoRecipient, PartlySent, in_memory
from tawny.delivery.message_carrier import MessageCarrier
from tawny.delivery.notifier import MessageDeferred, MessageRefused, NotifierContext
from tawny.delivery.notifiers.email import Email
from tawny.model.errors import DeliveryError, TargetBusy, TargetRefused, TargetUnreachable
from tawny.protocols import http_connection
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.notifier import GIF, JPEG, SECRET, SENT
from tests.delivery.certificates import self_signed

pytestmark = pytest.mark.filterwarnings("ignore:The (asyncore|asynchat|smtpd) module:DeprecationWarning")
TABLE = {"to": "anna@example.org, ben@example.org", "sender": "tawny@example.org"}


@dataclass
class Post:
    """A mail server's letters. answer: what it says to a letter; refuses: whom it answers refusal.

    refuses_images: its answer is to letters with images alone. begin: what it says to a sender and the size.
    """

    answer: str = "250 OK"
    refuses: str = ""
    refusal: str = "550 no such user"
    refuses_images: bool = False
    begin: str = "250 OK"
    letters: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    port: int = 0

    async def sender(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        return self.begin

    async def address(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == self.refuses:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def take(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        letter = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(letter, EmailMessage)
        has_image = any(part.get_content_maintype() == "image" for part in letter.walk())
        answer = "250 OK" if self.refuses_images and not has_image else self.answer
        if answer.startswith("250"):
            self.letters.append(letter)
            self.to.append(envelope.rcpt_tos)
        return answer


@contextmanager
def running(post: Post, **about: Any) -> Iterator[Post]:
    """In a loop and a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    calls = {"handle_DATA": staticmethod(post.take), "handle_RCPT": staticmethod(post.address)}
    calls["handle_MAIL"] = staticmethod(post.sender)
    handler = type("Handler", (), calls)()  # as the server calls it

    async def begin() -> asyncio.Server:
        return await loop.create_server(lambda: SMTP(handler, loop=loop, **about), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(30)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.run_until_complete(_end_all(loop))
        loop.close()


async def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    left = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def sender(url: str, **more: str) -> Any:
    kind = Email()
    return kind.open(NotifierContext("mail", url, kind.settings(url, {**TABLE, **more}), FakeClock()))


@pytest.fixture
def post() -> Iterator[Post]:
    with running(Post()) as made:
        yield made


def plain(post: Post) -> Any:
    return sender(f"smtp+plain://127.0.0.1:{post.port}")


def test_a_letter_has_the_words_the_links_and_the_picture(post: Post) -> None:
    plain(post).send(SENT, JPEG)
    (letter,) = post.letters
    assert letter["Subject"] == "Person at the porch. Front door, 20:46. Grüße"
    assert post.to == [["anna@example.org", "ben@example.org"]]
    text, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert text
    assert html
    assert SENT.link in text.get_content()
    assert "cid:picture" in html.get_content()
    (picture,) = [part for part in letter.walk() if part.get_content_type() == "image/jpeg"]
    assert picture["Content-ID"] == "<picture>"
    assert picture.get_payload(decode=True) == JPEG.data


def test_a_picture_that_the_line_is_too_slow_for_is_refused_and_the_letter_goes_without(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = replace(JPEG, data=bytes(200_000))
    plain(post).send(SENT, large)
    monkeypatch.setattr(http_connection, "UPLOAD_S", -1.0)
    with pytest.raises(TargetUnreachable, match="too slow"):
        plain(post).send(SENT, large)
    plain(post).send(SENT, None)
    assert [any(part.get_content_type() == "image/jpeg" for part in one.walk()) for one in post.letters] == [
        True,
        False,
    ]


def test_a_large_letter_without_an_answer_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counted as a server that is away, so it was tried again with its picture for ever."""

    class LatePost(Post):
        async def take(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            await asyncio.Event().wait()
            return ""

    codes, getreply = [0], smtplib.SMTP.getreply

    def wait_shortly_for_the_last(self: Any) -> tuple[int, bytes]:
        if codes[-1] == 354:  # go on with the letter
            self.sock.settimeout(0.05)
        code, answer = getreply(self)
        codes.append(code)
        return code, answer

    monkeypatch.setattr(smtplib.SMTP, "getreply", wait_shortly_for_the_last)
    with running(LatePost()) as post, pytest.raises(TargetUnreachable, match="too slow"):
        plain(post).send(SENT, replace(JPEG, data=bytes(100_000)))


def test_a_letter_without_a_picture_is_one_too(post: Post) -> None:
    plain(post).send(SENT, None)
    assert [part.get_content_type() for part in post.letters[0].walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
    ]


def test_its_link_has_the_label_of_the_message(post: Post) -> None:
    plain(post).send(replace(SENT, link_label="Ansehen"), None)
    text, html = (post.letters[0].get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    assert f"Ansehen: {SENT.link}" in text.get_content()
    assert ">Ansehen</a>" in html.get_content()


def test_the_same_message_is_the_same_letter(post: Post) -> None:
    receipts = [plain(post).send(SENT, attached) for attached in (JPEG, GIF)]
    assert receipts[0] == receipts[1] == post.letters[1]["Message-ID"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("451 try again", MessageDeferred),
        ("550 no such user", MessageRefused),
        ("554 attachment type", MessageRefused),
        ("552 overquota", DeliveryError),
        ("535 who are you", TargetRefused),
    ],
)
def test_what_a_refusal_means(answer: str, error: type[DeliveryError]) -> None:
    with running(Post(answer)) as post, pytest.raises(error) as refused:
        plain(post).send(SENT, None)
    assert answer[4:] not in str(refused.value)


@pytest.mark.parametrize(("begin", "is_letters"), [("452 4.3.1 insufficient storage", True), ("451 busy", False)])
def test_a_size_that_a_server_has_no_room_for_is_said_of_the_letter(begin: str, *, is_letters: bool) -> None:
    """Its image was never left out, however often it was refused."""
    with running(Post(begin=begin)) as post, pytest.raises(TargetBusy) as refused:
        plain(post).send(SENT, JPEG)
    assert isinstance(refused.value, MessageDeferred) == is_letters


def test_a_server_that_greets_with_a_failure_has_not_answered_to_the_letter() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def greet() -> None:
            line, _ = door.accept()
            with line:
                line.sendall(b"421 too many connections\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(TargetUnreachable, match="421") as refused:
            sender(f"smtp+plain://127.0.0.1:{door.getsockname()[1]}").send(SENT, None)
        thread.join(10)
    assert not isinstance(refused.value, TargetBusy)


def test_nobody_there() -> None:
    with pytest.raises(TargetUnreachable):
        sender("smtp+plain://127.0.0.1:1").send(SENT, None)


def test_without_tls_no_password_is_sent(post: Post) -> None:
    with pytest.raises(TargetUnreachable, match=r"doesn't offer encryption by STARTTLS\. Use smtps://") as refused:
        sender(f"smtp://anna:{SECRET}@127.0.0.1:{post.port}").send(SENT, None)
    assert SECRET not in f"{refused.value!r}{refused.value}"
    assert post.letters == []


def test_a_server_that_takes_no_sign_in_is_not_out_of_reach(post: Post) -> None:
    with pytest.raises(TargetRefused, match="it offers none: use smtp:// or smtps://"):
        sender(f"smtp+plain://anna:{SECRET}@127.0.0.1:{post.port}").send(SENT, None)


def test_a_server_that_takes_no_sign_in_with_tls_is_not_sent_to_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cert = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert)
    trusting = ssl.create_default_context(cafile=cert)
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    about = {"tls_context": context, "auth_exclude_mechanism": ["PLAIN", "LOGIN"]}
    with running(Post(), **about) as post, pytest.raises(TargetRefused, match="it offers none, so leave out the user"):
        sender(f"smtp://anna:{SECRET}@127.0.0.1:{post.port}").send(SENT, None)


def test_a_server_without_tls_from_the_start_is_said(post: Post) -> None:
    with pytest.raises(TargetUnreachable, match=r"\(it doesn't speak TLS\)"):
        sender(f"smtps://127.0.0.1:{post.port}").send(SENT, None)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_a_wrong_password_is_said() -> None:
    def nobody(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    about = {"authenticator": nobody, "auth_required": True, "auth_require_tls": False}
    with running(Post(), **about) as post, pytest.raises(TargetRefused) as refused:
        sender(f"smtp+plain://anna:{SECRET}@127.0.0.1:{post.port}").send(SENT, None)
    assert SECRET not in f"{refused.value!r}{refused.value}"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_a_name_and_a_password_with_umlauts_are_sent_as_utf_8() -> None:
    def known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        is_known = (data.login, data.password) == ("jürgen".encode(), "pässwörd".encode())
        return AuthResult(success=is_known, handled=False)

    about = {"authenticator": known, "auth_required": True, "auth_require_tls": False}
    with running(Post(), **about) as post:
        sender(f"smtp+plain://j%C3%BCrgen:p%C3%A4ssw%C3%B6rd@127.0.0.1:{post.port}").send(SENT, None)
        with pytest.raises(TargetRefused):
            sender(f"smtp+plain://anna:p%C3%A4ss@127.0.0.1:{post.port}").send(SENT, None)
    assert len(post.letters) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_a_server_that_cannot_take_umlauts_is_told() -> None:
    about = {"auth_exclude_mechanism": ["PLAIN"], "authenticator": lambda *_: AuthResult(success=True)}
    with running(Post(), auth_require_tls=False, **about) as post, pytest.raises(TargetRefused, match="ASCII"):
        sender(f"smtp+plain://anna:p%C3%A4ss@127.0.0.1:{post.port}").send(SENT, None)
    assert post.letters == []


def test_a_refused_recipient_is_told_and_the_others_get_one_letter(caplog: pytest.LogCaptureFixture) -> None:
    with running(Post(refuses="ben@example.org")) as post:
        plain(post).send(SENT, None)
        assert "550 to ben@example.org" in caplog.text
        with pytest.raises(DeliveryError, match=r"550 to ben@example\.org"):
            plain(post).send(replace(SENT, kind="test"), None)
    assert post.to == [["anna@example.org"]] * 2


def attempt(post: Post, only: tuple[str, ...] = (), **more: str) -> str:
    url = f"smtp+plain://127.0.0.1:{post.port}"
    made = Email().open(NotifierContext("mail", url, Email().settings(url, {**TABLE, **more}), FakeClock()))
    return made.send(replace(SENT, only=only), None)


def test_who_is_refused_for_a_moment_is_left_and_gets_the_same_letter_later() -> None:
    """As with greylisting: the mail was gone for them, and only the log knew."""
    with running(Post(refuses="ben@example.org", refusal="450 try again")) as post:
        with pytest.raises(PartlySent, match=r"450 to ben@example\.org") as part:
            attempt(post)
        post.refuses = ""
        assert attempt(post, tuple(part.value.left)) == part.value.receipt
        assert post.to == [["anna@example.org"], ["ben@example.org"]]
        assert post.letters[0]["Message-ID"] == post.letters[1]["Message-ID"]


def test_who_is_refused_again_is_named() -> None:
    with (
        running(Post(refuses="ben@example.org", refusal="452 mailbox full")) as post,
        pytest.raises(TargetBusy, match=r"452 to ben@example\.org"),
    ):
        attempt(post, ("ben@example.org",))


def test_who_is_refused_for_good_is_in_the_log_also_if_others_are_left(caplog: pytest.LogCaptureFixture) -> None:
    with running(Post(refuses="ben@example.org", refusal="450 try again")) as post, pytest.raises(PartlySent):
        attempt(post, to=f"{TABLE['to']}, jörg@example.org")
    assert "did not get a notification" in caplog.text
    assert "not jörg@example.org" in caplog.text
    assert "ben@example.org" not in caplog.text


@pytest.mark.parametrize("ben", ["ben@example.org", "Ben <ben@example.org>"])
def test_who_was_left_is_known_with_another_name_too(ben: str) -> None:
    with running(Post()) as post:
        attempt(post, ("ben@example.org",), to=f"anna@example.org, {ben}")
        assert post.to == [["ben@example.org"]]


def test_a_recipient_that_was_removed_gets_no_letter_that_is_left() -> None:
    with running(Post()) as post, pytest.raises(NoRecipient, match=r"ben@example\.org isn't in the settings any more"):
        attempt(post, ("ben@example.org",), to="anna@example.org")
    assert post.letters == []


@pytest.mark.parametrize("answer", ["552 too large", "554 no images"])
def test_who_is_left_gets_the_letter_without_an_image_that_the_server_refuses(answer: str) -> None:
    """After six hours, it was taken for a refusal of the recipient."""
    with running(Post(answer)) as post:
        sender, kind = plain(post), Email().traits("")
        content = {"kind": "rest", "to": ["ben@example.org"], "of": {"name": SENT.id, "content": {"kind": "event"}}}
        one = Delivery("mail", "rest/x", DeliveryKind.CLIP, content, 0, 0)
        post.refuses_images = True
        MessageCarrier(sender, kind, lambda _: SENT).carry(one, in_memory(JPEG.data, "image/jpeg", 0), lambda _: None)
        assert post.to == [["ben@example.org"]]


def test_a_host_with_umlauts_is_sent_as_servers_know_it(post: Post) -> None:
    about = {"to": "Jörg <joerg@müller.example>, ben@example.org", "sender": "tawny@müller.example"}
    receipt = sender(f"smtp+plain://127.0.0.1:{post.port}", **about).send(SENT, None)
    assert post.to == [["joerg@xn--mller-kva.example", "ben@example.org"]]
    assert post.letters[0]["To"] == "Jörg <joerg@xn--mller-kva.example>, ben@example.org"
    assert receipt.endswith("@xn--mller-kva.example>")


def test_recipients_with_umlauts_are_left_out_where_the_server_cannot_take_them(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    one = sender(f"smtp+plain://127.0.0.1:{post.port}", to="jörg@example.org, Jörg <ben@example.org>")
    one.send(SENT, None)
    assert post.to == [["ben@example.org"]]
    assert post.letters[0]["To"] == "Jörg <ben@example.org>"
    assert "it only takes addresses of ASCII letters, not jörg@example.org" in caplog.text
    with pytest.raises(DeliveryError, match=r"not jörg@example\.org"):
        one.send(replace(SENT, kind="test"), None)


@pytest.mark.parametrize("change", [{"to": "jörg@example.org"}, {"sender": "tür@example.org"}])
def test_a_server_that_takes_none_of_the_addresses_is_not_out_of_reach(post: Post, change: dict[str, str]) -> None:
    with pytest.raises(DeliveryError, match="ASCII letters") as refused:
        sender(f"smtp+plain://127.0.0.1:{post.port}", **change).send(SENT, None)
    assert not isinstance(refused.value, TargetUnreachable)
    assert post.letters == []


def test_umlauts_are_kept_for_servers_that_take_them() -> None:
    with running(Post(), enable_SMTPUTF8=True) as post:
        sender(f"smtp+plain://127.0.0.1:{post.port}", to="jörg@müller.example").send(SENT, None)
    assert post.to == [["jörg@xn--mller-kva.example"]]


def test_umlauts_before_and_after_the_sign_leave_one_recipient_out(post: Post) -> None:
    sender(f"smtp+plain://127.0.0.1:{post.port}", to="jörg@müller.example, ben@example.org").send(SENT, None)
    assert post.to == [["ben@example.org"]]


def test_a_message_that_waited_has_the_date_of_its_letter(post: Post) -> None:
    clock = FakeClock()
    clock.advance(36_000)
    url = f"smtp+plain://127.0.0.1:{post.port}"
    Email().open(NotifierContext("mail", url, Email().settings(url, TABLE), clock)).send(SENT, None)
    assert round(post.letters[0]["Date"].datetime.timestamp()) == clock.now_ms() // 1000


def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    with running(Post(), tls_context=context) as post, pytest.raises(TargetUnreachable, match="certificate"):
        sender(f"smtp://anna:{SECRET}@127.0.0.1:{post.port}").send(SENT, None)


@pytest.mark.parametrize(
    "change",
    [{"to": ""}, {"to": "nobody"}, {"to": "a@ü..ä"}, {"to": "info@straße.example"}, {"sender": "x"}, {"colour": "red"}],
)
def test_settings_that_cannot_be_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        Email().settings("smtps://h", {**TABLE, **change})


@pytest.mark.parametrize(
    "to", ["a@xn--mller-kva.example", "info@xn--strae-oqa.example", "a@MÜLLER.EXAMPLE", "a@mu\u0308ller.example"]
)
def test_hosts_in_all_forms_are_taken(to: str) -> None:
    assert Email().settings("smtps://h", {**TABLE, "to": to})["to"] == to


def test_who_signs_in_by_address_sends_from_it() -> None:
    options = Email().settings("smtps://me%40example.org:x@h", {"to": "anna@example.org"})
    assert options["sender"] == "me@example.org"
