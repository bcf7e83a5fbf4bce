"""WebDAV destination: Nextcloud, ownCloud, a NAS. `davs://user:password@host/path`, or `dav://` without TLS.

WebDAV cannot resume: an interrupted file is sent again. One that arrived whole, while the answer was lost, is not.
"""

import hashlib
import re
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from tawny.delivery.delivery import PORTION_BYTES, DeliveryContent, portions
from tawny.delivery.destination import (
    Body,
    DestinationAddress,
    DestinationConnection,
    DestinationContext,
    HttpClient,
    RemoteFile,
    named_as_whole,
    only,
    parse,
)
from tawny.model.errors import DeliveryError, TargetLied, TargetMissing

PORTS = {"davs": 443, "dav": 80}
PART = ".tmp"
"""Ending of a file until it is complete. Nextcloud and ownCloud refuse `.part`."""
_FORMER_PART = ".part"
ANSWER_S = 120.0
"""Time, s, for a server to scan a whole file for viruses or move it to its storage."""
MOST_LIST_BYTES = 32_000_000
_ASK = (
    b'<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><d:prop>'
    b"<d:resourcetype/><d:getcontentlength/><d:getlastmodified/></d:prop></d:propfind>"
)
_DAV = "{DAV:}"


class WebDav:
    """A WebDAV server, for example Nextcloud.

    - `fingerprint` (""): SHA-256 fingerprint of a self-signed certificate.
    """

    schemes: ClassVar[tuple[str, ...]] = ("davs", "dav")

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        parse(url, PORTS)
        only(table, ("fingerprint",))
        return {"fingerprint": str(table.get("fingerprint", "")).replace(":", "").lower()}

    def public(self, url: str) -> str:
        return parse(url, PORTS).public

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        address = parse(opening.url, PORTS)
        made = _OpenDav(address, str(opening.options["fingerprint"]), f"{opening.name} ({address.public})")
        try:
            made.look()
        except DeliveryError:
            made.close()
            raise
        return made


class _OpenDav:
    is_sure: ClassVar[bool] = False

    def __init__(self, address: DestinationAddress, fingerprint: str, public: str) -> None:
        self._address, self._public = address, public
        self._root = "/" + quote(address.folder.strip("/"))
        login = "Basic " + b64encode(f"{address.user}:{address.password}".encode()).decode()
        self._line = HttpClient(
            address.host,
            address.port,
            tls=address.scheme == "davs",
            fingerprint=fingerprint,
            headers={"Authorization": login},
            public=public,
        )
        self._made: set[str] = set()

    def look(self) -> None:
        """Check that the folder exists and the login is accepted."""
        status, _ = self._ask("PROPFIND", "", _ASK, {"Depth": "0"})
        if status == 404:
            raise TargetMissing(self._public, "the folder doesn't exist")
        self._line.expect(status, 207)

    def find(self, name: str) -> RemoteFile | None:
        status, body = self._ask("PROPFIND", name, _ASK, {"Depth": "0"})
        if status == 404:
            return None
        self._line.expect(status, 207)
        return next((there for there, is_folder in self._read_list(body) if not is_folder), None)

    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        self._make_folders(name)
        part, is_noted = name + PART, bool(progress) and progress == content.sha256
        there = self.find(part) if is_noted else None
        if there is None or there.size_bytes != content.size_bytes:
            # What is left of other content must be gone before this one is noted.
            may_note = is_noted or self._ask("DELETE", part)[0] in (200, 204, 404)
            if not may_note:
                note("")
            self._send(part, content, _noting(content, note) if may_note else portions(content))
            there = self.find(part)
            if there is None or there.size_bytes != content.size_bytes:
                held_bytes = there.size_bytes if there else 0
                raise TargetLied(self._public, f"{name} has {held_bytes} bytes there, expected {content.size_bytes}")
        moved = {"Destination": self._url(name), "Overwrite": "T"}
        status, _ = self._ask("MOVE", part, None, moved, ANSWER_S)
        self._line.expect(status, 201, 204)

    def _send(self, name: str, content: DeliveryContent, body: Iterator[bytes]) -> None:
        headers = {"Content-Type": content.media_type, "Content-Length": str(content.size_bytes)}
        status, _ = self._ask("PUT", name, body, headers, ANSWER_S)
        self._line.expect(status, 200, 201, 204)

    def sha256(self, name: str) -> str | None:
        return None

    def read(self, name: str) -> Iterator[bytes]:
        with self._line.worded():
            answer = self._line.sent("GET", self._path(name), None, {})
            self._line.expect(answer.status, 200)
            while portion := answer.read(PORTION_BYTES):
                yield portion

    def remove(self, name: str) -> None:
        for each in (name + PART, name):
            status, _ = self._ask("DELETE", each)
            if status == 401:  # Apache also says so to a login that may do other things
                self.look()
                status = 403
            self._line.expect(status, 200, 204, 404)
        for folder in list(PurePosixPath(name).parents)[:-1]:
            if next(self._entries(str(folder)), None) is not None:
                return
            self._ask("DELETE", f"{folder}/")
            self._made.clear()

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        entries = list(self._entries(prefix.strip("/")))
        files = [there for there, is_folder in entries if not is_folder and not there.name.endswith(_FORMER_PART)]
        yield from named_as_whole(files, PART)
        for there, is_folder in entries:
            if is_folder:
                yield from self.files(there.name)

    def link(self, name: str, lasts_s: float) -> str:
        return ""

    def close(self) -> None:
        self._line.close()

    def _entries(self, folder: str) -> Iterator[tuple[RemoteFile, bool]]:
        status, body = self._ask("PROPFIND", f"{folder}/" if folder else "", _ASK, {"Depth": "1"})
        if status == 404:
            return
        self._line.expect(status, 207)
        yield from (each for each in self._read_list(body) if each[0].name.strip("/") != folder)

    def _make_folders(self, name: str) -> None:
        for folder in reversed(list(PurePosixPath(name).parents)[:-1]):
            if str(folder) not in self._made:
                status, _ = self._ask("MKCOL", f"{folder}/")
                self._line.expect(status, 201, 405, 301)  # 405: it exists
                self._made.add(str(folder))

    def _read_list(self, body: bytes) -> Iterator[tuple[RemoteFile, bool]]:
        """Yield each entry, named relative to our folder, and whether it is a folder."""
        if b"<!" in body:  # reject entities and document types; WebDAV responses contain none
            raise DeliveryError(self._public, "its file list can't be read")
        try:
            tree = ET.fromstring(body)
        except ET.ParseError as error:
            raise DeliveryError(self._public, "its file list can't be read") from error
        for each in tree.iter(f"{_DAV}response"):
            path = unquote(re.sub(r"^https?://[^/]*", "", each.findtext(f"{_DAV}href") or ""))
            name = path.removeprefix(unquote(self._root).rstrip("/")).strip("/")
            modified_ms = _ms(each.findtext(f".//{_DAV}getlastmodified") or "")
            size_bytes = int(each.findtext(f".//{_DAV}getcontentlength") or 0)
            yield RemoteFile(name, size_bytes, modified_ms), each.find(f".//{_DAV}collection") is not None

    def _url(self, name: str) -> str:
        scheme = "https" if self._address.scheme == "davs" else "http"
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        return f"{scheme}://{host}:{self._address.port}{self._path(name)}"

    def _path(self, name: str) -> str:
        if any(part == ".." for part in name.split("/")):
            raise DeliveryError(self._public, f"{name!r} is no name of a file in it")
        return f"{self._root.rstrip('/')}/{quote(name)}"

    def _ask(
        self,
        method: str,
        name: str,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        answer_s: float | None = None,
    ) -> tuple[int, bytes]:
        """Return status and body of the response. answer_s: the longest wait for it, s; None: as for each read."""
        with self._line.worded():
            answer = self._line.sent(method, self._path(name), body, headers or {}, answer_s)
            return answer.status, answer.read(MOST_LIST_BYTES)


def _noting(content: DeliveryContent, note: Callable[[str], None]) -> Iterator[bytes]:
    """Yield the content, then note its hash: all of it is sent, even if the answer is lost."""
    digest = hashlib.sha256()
    for portion in portions(content):
        digest.update(portion)
        yield portion
    note(digest.hexdigest())


def _ms(text: str) -> int:
    """Parse `Fri, 20 Nov 2026 05:58:12 GMT` to ms UTC; 0 if invalid."""
    try:
        return round(parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, TypeError):
        return 0
