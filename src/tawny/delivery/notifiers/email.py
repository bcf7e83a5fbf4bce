"""Email notifier: one mail per message, with the snapshot inline.

`smtps://user:password@mail.example.org` (implicit TLS, port 465) or `smtp://…` (STARTTLS, port 587, before the password
is sent); `smtp+plain://` without TLS, for a local mail server.
"""

import logging
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from html import escape
from typing import Any, ClassVar
from unicodedata import normalize

from tawny.delivery.delivery import NoRecipient, PartlySent
from tawny.delivery.notifier import (
    Attachment,
    Message,
    MessageDeferred,
    MessageRefused,
    NotifierAddress,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    filled,
    parse,
    too_slow,
)
from tawny.model.errors import DeliveryError, TargetBusy, TargetFull, TargetRefused, TargetUnreachable
from tawny.protocols.http_connection import PORTION_BYTES, UploadTooSlow, failure_reason, send_timed

log = logging.getLogger(__name__)

EXAMPLE = "smtps://user:password@mail.example.org"
PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
TIMEOUT_S = 30.0


class NoStartTls(TargetUnreachable):
    """Nothing was sent, no password either."""

    says = "{where} doesn't offer encryption by STARTTLS."
    advice = "Use smtps:// in the address, or smtp+plain:// for a mail server at home that has no encryption."


class Email:
    """Sends email.

    - `to`: recipients, separated by commas. Required.
    - `sender` (the user name, if it is an email address): the From address.
    """

    schemes: ClassVar[tuple[str, ...]] = tuple(PORTS)

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits(
            "Works everywhere. The snapshot is attached; GIFs play in most mail apps.",
            picture=True,
            gif=True,
            buttons="links",
            carries_history=True,
            largest_bytes=10_000_000,
        )

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        address = parse(url, EXAMPLE)
        found = filled(table, {"to": "", "sender": address.user if "@" in address.user else ""})
        for key in ("to", "sender"):
            if not found[key] or not all(_is_address(one) for one in found[key].split(",")):
                raise ValueError(
                    f"{key}: allowed: an address such as anna@example.org; of a domain with ß: its xn-- form"
                )
        return found

    def public(self, url: str) -> str:
        return f"the mail server {parse(url, EXAMPLE).host}"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        return _Sender(parse(channel.url, EXAMPLE), channel, f"{channel.name} ({self.public(channel.url)})")


class _Server(smtplib.SMTP):
    """Sends a large mail in portions."""

    _is_large_sent = False

    def send(self, s: Any) -> None:
        if not isinstance(s, bytes) or len(s) <= PORTION_BYTES or self.sock is None:
            super().send(s)
            return
        try:
            send_timed(self.sock, s)
        except OSError:
            self.close()  # QUIT would be a line of the mail
            raise
        self._is_large_sent = True

    def data(self, msg: Any) -> Any:
        try:
            return super().data(msg)
        except smtplib.SMTPServerDisconnected as error:
            if self._is_large_sent and isinstance(error.__context__, TimeoutError):
                raise UploadTooSlow from None
            raise


class _TlsServer(smtplib.SMTP_SSL, _Server):
    """The same with TLS from the start."""


class _Sender:
    def __init__(self, address: NotifierAddress, channel: NotifierContext, public: str) -> None:
        self._address, self._public, self._clock = address, public, channel.clock
        self._to = [_with_plain_host(one) for one in str(channel.options["to"]).split(",")]
        self._from = _with_plain_host(str(channel.options["sender"]))

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Send a mail. A repeated message has the same Message-ID, so many servers deliver it once.

        If the server takes it for some recipients, those that it refuses for now, as for greylisting, are left: raises
        PartlySent. The others are left out. A test raises their error.
        """
        to = [one for one in self._to if not message.only or parseaddr(one)[1] in message.only]
        if not to:
            gone = ", ".join(message.only)
            raise NoRecipient(self._public, f"{gone} isn't in the settings any more")
        refused, left_out = self._transfer(message, attached, to)
        errors = {one: _refused(self._public, code, f"to {one}") for one, code in refused.items()}
        is_test = message.kind == "test"
        left = [one for one, error in errors.items() if isinstance(error, TargetBusy) and not is_test]
        for found in (*left_out, *(error for one, error in errors.items() if one not in left)):
            log.warning("a recipient did not get a notification: %s", found.message)
            if is_test:
                raise found
        if left:
            raise PartlySent(self._public, "; ".join(errors[one].detail for one in left), left, self._id(message))
        return self._id(message)

    def _transfer(
        self, message: Message, attached: Attachment | None, to: Sequence[str]
    ) -> tuple[dict[str, int], list[DeliveryError]]:
        """Send it. Return refused recipients, by address with the server's code, and errors of those it can't have.

        Raises DeliveryError if it took it for none.
        """
        try:
            with self._server() as server:
                to, left_out = self._recipients(server, to)
                refused = server.send_message(self._letter(message, attached, to))
        except smtplib.SMTPAuthenticationError as error:
            raise TargetRefused(self._public, f"it responded with {error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            only = ", ".join(message.only)
            raise _refused(self._public, codes[0], f"to {only}" if only else "to this address") from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            is_letter = isinstance(error, smtplib.SMTPDataError) or error.smtp_code == 452  # to its size, as of Postfix
            raise _refused(self._public, error.smtp_code, is_letter=is_letter) from None
        except smtplib.SMTPResponseException as error:
            failed = _refused(self._public, error.smtp_code)
            is_away = isinstance(failed, TargetBusy)  # before it knew of any letter
            raise TargetUnreachable(self._public, failed.detail) if is_away else failed from None
        except ssl.SSLCertVerificationError as error:
            raise TargetUnreachable(self._public, f"its certificate isn't valid: {error.verify_message}") from None
        except UploadTooSlow:
            raise too_slow(self._public, 0 if attached is None else len(attached.data)) from None
        except (OSError, smtplib.SMTPException) as error:
            raise TargetUnreachable(self._public, failure_reason(error)) from None
        return {one: code for one, (code, _) in refused.items()}, left_out

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        return self.send(message, attached)

    def close(self) -> None:
        """Do nothing; each message uses its own connection."""

    def _server(self) -> smtplib.SMTP:
        host, scheme = self._address.host, self._address.scheme
        port = self._address.port or PORTS[scheme]
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if scheme == "smtps":
            server = _TlsServer(host, port, timeout=TIMEOUT_S, context=context)
        else:
            server = _Server(host, port, timeout=TIMEOUT_S)
        try:
            if scheme == "smtp":
                server.ehlo_or_helo_if_needed()
                if not server.has_extn("starttls"):
                    raise NoStartTls(self._public)
                server.starttls(context=context)
            if self._address.user:
                self._sign_in(server)
        except (OSError, smtplib.SMTPException, DeliveryError):
            server.close()
            raise
        return server

    def _recipients(self, server: smtplib.SMTP, to: Sequence[str]) -> tuple[Sequence[str], list[DeliveryError]]:
        """Return those whose address the server can take, and errors of the others. Raises DeliveryError: none, or not
        the sender.
        """
        server.ehlo_or_helo_if_needed()
        if server.has_extn("smtputf8"):
            return to, []
        unfit = [one for one in (self._from, *to) if not parseaddr(one)[1].isascii()]
        errors = [
            DeliveryError(self._public, f"it only takes addresses of ASCII letters, not {parseaddr(one)[1]}")
            for one in unfit
        ]
        to = [one for one in to if one not in unfit]
        if self._from in unfit or not to:
            raise errors[0]
        return to, errors

    def _sign_in(self, server: smtplib.SMTP) -> None:
        """Sign in; in UTF-8 by ourselves, because `smtplib` takes ASCII alone. Raises TargetRefused and its errors."""
        user, password = self._address.user, self._address.password
        server.ehlo_or_helo_if_needed()
        if not server.esmtp_features.get("auth", "").strip():  # some offer an empty list
            if self._address.scheme == "smtp+plain":  # many offer it with TLS alone
                raise TargetRefused(self._public, "it offers none: use smtp:// or smtps://, or leave out the user")
            raise TargetRefused(self._public, "it offers none, so leave out the user")
        if f"{user}{password}".isascii():
            server.login(user, password)
            return
        if "PLAIN" not in server.esmtp_features.get("auth", "").split():
            raise TargetRefused(self._public, "it only takes user names and passwords of ASCII letters")
        secret = b64encode(f"\0{user}\0{password}".encode()).decode()
        code, answer = server.docmd("AUTH", f"PLAIN {secret}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, answer)

    def _id(self, message: Message) -> str:
        key = sha256(message.id.encode()).hexdigest()[:32]
        return f"<{key}@{parseaddr(self._from)[1].rpartition('@')[2]}>"

    def _letter(self, message: Message, attached: Attachment | None, to: Sequence[str]) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"], letter["From"], letter["To"] = message.words, self._from, ", ".join(to)
        letter["Date"] = format_datetime(datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC))
        letter["Message-ID"] = self._id(message)
        letter["Auto-Submitted"] = "auto-generated"
        plain = [f"{message.title}\n{message.text}", *(f"{label}: {url}" for label, url in message.links)]
        if message.history:
            plain.append(f"-- \n{message.history}")
        letter.set_content("\n\n".join(plain) + "\n")
        picture = '<p><img src="cid:picture" alt="" style="max-width:100%"></p>' if attached else ""
        below = " · ".join(f'<a href="{escape(url)}">{escape(label)}</a>' for label, url in message.links)
        html = f"<p><b>{escape(message.title)}</b><br>{escape(message.text)}</p>{picture}<p>{below}</p>"
        if message.history:
            html += f'<p style="color:#888;font-size:11px">{escape(message.history)}</p>'
        letter.add_alternative(html, subtype="html")
        if attached is not None:
            kind, _, subtype = attached.media_type.partition("/")
            html_part = list(letter.iter_parts())[-1]
            assert isinstance(html_part, EmailMessage)
            html_part.add_related(attached.data, kind, subtype, cid="<picture>", filename=attached.name)
        return letter


def _refused(public: str, code: int, where: str = "", *, is_letter: bool = False) -> DeliveryError:
    """Return the error for an answer after the sign-in. is_letter: to the whole mail."""
    reason = f"it responded with {code} {where}".strip()
    if code == 552:
        return TargetFull(public, reason)
    if code in (530, 535):
        return TargetRefused(public, reason)
    if code < 500:
        return MessageDeferred(public, reason) if is_letter else TargetBusy(public, reason)
    return MessageRefused(public, reason) if is_letter else DeliveryError(public, reason)


def _is_address(text: str) -> bool:
    name, at, host = parseaddr(text.strip())[1].rpartition("@")
    try:
        plain = host.encode("idna")
        # ß becomes ss, which is another domain now
        is_same = host.isascii() or plain.decode("idna").lower() == normalize("NFKC", host).lower()
    except UnicodeError:
        return False
    return bool(name and at and host) and is_same and not any(ord(one) < 32 for one in text)


def _with_plain_host(text: str) -> str:
    """Return an address with its host as mail servers know it: `a@xn--mller-kva.example` for `a@müller.example`."""
    host = parseaddr(text.strip())[1].rpartition("@")[2]
    return text.strip() if host.isascii() else text.strip().replace(f"@{host}", f"@{host.encode('idna').decode()}")
