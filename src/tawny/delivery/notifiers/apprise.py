"""Apprise notifier: about a hundred services through the library Apprise, `apprise:` plus an Apprise address.

Follow-ups are separate messages and there are no buttons; tawny's own notifiers are preferable.
"""

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tawny.delivery.notifier import (
    Attachment,
    HttpResponse,
    Message,
    NotifierConnection,
    NotifierContext,
    NotifierTraits,
    Urgency,
    filled,
    refusal,
    too_slow,
)
from tawny.model.errors import TargetBusy, TargetUnreachable
from tawny.model.times import SystemClock
from tawny.protocols.http_connection import UPLOAD_S

EXAMPLE = "apprise:signal://host/from/to, using Apprise's address format"
_HERE = frozenset({"", "file", "syslog", "dbus", "gnome", "windows", "macosx"})
"""Services on the local computer, which no user would see."""
_SAID = logging.getLogger("apprise")
_SAID.propagate = False  # log messages may contain secrets
_SAID.addHandler(logging.NullHandler())


class Apprise:
    """No additional settings. Options of the service are part of its address."""

    schemes: ClassVar[tuple[str, ...]] = ("apprise",)

    def traits(self, url: str) -> NotifierTraits:
        takes = bool(getattr(_made(url), "attachment_support", False))
        shows = "text and the snapshot" if takes else "text"
        return NotifierTraits(f"Depends on the service: {shows}.", picture=takes, gif=takes, largest_bytes=8_000_000)

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        if _made(url) is None:
            raise ValueError(f"url: an address such as {EXAMPLE}")
        return filled(table, {})

    def public(self, url: str) -> str:
        made = _made(url)
        return f"{made.service_name if made is not None else 'a service'} by Apprise"

    def open(self, channel: NotifierContext) -> NotifierConnection:
        return _Sender(channel.url, f"{channel.name} ({self.public(channel.url)})")


class _Sender:
    def __init__(self, url: str, public: str) -> None:
        self._url, self._public = url, public

    def send(self, message: Message, attached: Attachment | None) -> str:
        made = _made(self._url)
        assert made is not None  # the settings were validated
        link = message.clip_link or message.link
        body = "\n".join(part for part in (message.text or message.title, link, message.history) if part)
        from apprise import Apprise as Service
        from apprise import NotifyFormat, NotifyType

        if attached is not None:  # it waits 4 s for a response by itself
            made.socket_read_timeout = max(made.socket_read_timeout, UPLOAD_S)
        service = Service()
        service.add(made)
        clock = SystemClock()
        begun_s = clock.mono_s()
        kind = NotifyType.WARNING if message.urgency is Urgency.HIGH else NotifyType.INFO
        with _logged_lines() as log_lines:
            # the service itself would take it for text of its own format, mostly HTML
            went = service.notify(body, message.title, kind, NotifyFormat.TEXT, attach=_files(attached))
        if not went:
            error = self._refusal("".join(log_lines))
            took_s = clock.mono_s() - begun_s
            is_silent = isinstance(error, TargetUnreachable) and not isinstance(error, TargetBusy)
            # its limit to connect is also that of sending what the system doesn't hold
            if attached is not None and is_silent and took_s >= made.socket_connect_timeout:
                raise too_slow(self._public, len(attached.data), took_s)
            raise error
        return ""

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        return self.send(message, attached)

    def close(self) -> None:
        """No resources to release."""

    def _refusal(self, output: str) -> Exception:
        """Return the error. Only the status code is taken from the log; the rest may contain secrets."""
        found = re.search(r"error=(\d{3})", output)
        if found is None:
            return TargetUnreachable(self._public, "no response, or an unreadable one")
        return refusal(self._public, HttpResponse(int(found[1]), b""))


def _made(url: str) -> Any:
    """Return the service of an address; None if unknown. Raises ValueError if the library is missing."""
    address = url.removeprefix("apprise:")
    try:
        if urlsplit(address).scheme in _HERE:
            return None
        import apprise  # local: large and rarely needed
    except ValueError:
        return None
    except ImportError:
        raise ValueError("url: requires Apprise: pip install 'tawny[apprise]'") from None
    return apprise.Apprise.instantiate(address, suppress_exceptions=True)


def _files(attached: Attachment | None) -> Any:
    if attached is None:
        return None
    from apprise import AppriseAttachment
    from apprise.attachment import memory

    in_memory: Any = memory.AttachMemory
    files = AppriseAttachment()
    files.add(in_memory(attached.data, name=attached.name, mimetype=attached.media_type))
    return files


@contextmanager
def _logged_lines() -> Iterator[list[str]]:
    """Yield the list that receives Apprise's log messages of this thread."""
    log_lines: list[str] = []
    here = threading.get_ident()

    class LogCollector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here:
                log_lines.append(record.getMessage())

    collector = LogCollector()
    _SAID.addHandler(collector)
    try:
        yield log_lines
    finally:
        _SAID.removeHandler(collector)
