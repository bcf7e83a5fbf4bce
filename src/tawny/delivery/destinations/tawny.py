"""tawny destination: another tawny recorder, `tawny://:SECRET@host/folder`, with an access token for uploads.

The token is created there (`tawny tokens create NAME --upload-quota "50 GB"`) and permits nothing else. `tawny+http://`
is without TLS, for local networks. Interrupted uploads are resumed, and the receiver verifies content.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from tawny.delivery.delivery import PORTION_BYTES, DeliveryContent, portions
from tawny.delivery.destination import (
    Body,
    DestinationAddress,
    DestinationConnection,
    DestinationContext,
    HttpClient,
    RemoteFile,
    only,
    parse,
)
from tawny.model.errors import (
    DeliveryError,
    TargetBusy,
    TargetFull,
    TargetLied,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
)

PORTS = {"tawny": 443, "tawny+http": 80}
MOST_ANSWER_BYTES = 64_000_000
PUT_TRIES = 3
"""A receiver may have stored more of what a lost connection brought since it was asked; it says 409 then."""
_WAY = "/api/v1/inbox"


class TawnyDestination:
    """Another tawny, with an access token that allows uploads.

    - `fingerprint` (""): SHA-256 fingerprint of its own authority, as its page `/ca` shows, or of its certificate.
    """

    schemes: ClassVar[tuple[str, ...]] = ("tawny", "tawny+http")

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        if not parse(url, PORTS).password:
            raise ValueError("url: an access token that allows uploads: tawny://:SECRET@host/folder")
        only(table, ("fingerprint",))
        return {"fingerprint": str(table.get("fingerprint", "")).replace(":", "").lower()}

    def public(self, url: str) -> str:
        return f"tawny at {parse(url, PORTS).host}"

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        address = parse(opening.url, PORTS)
        public = f"{opening.name} ({self.public(opening.url)})"
        made = _Open(address, str(opening.options["fingerprint"]), public)
        try:
            made.state("tawny", "")
        except DeliveryError:
            made.close()
            raise
        return made


class _TawnyClient(HttpClient):
    authority, secure_scheme = "/ca/tawny.crt", "tawny"


class _Open:
    is_sure: ClassVar[bool] = True

    def __init__(self, address: DestinationAddress, fingerprint: str, public: str) -> None:
        self._public = public
        self._folder = f"{address.folder.strip('/')}/" if address.folder.strip("/") else ""
        self._line = _TawnyClient(
            address.host,
            address.port,
            tls=address.scheme == "tawny",
            fingerprint=fingerprint,
            headers={"Authorization": f"Bearer {address.password}"},
            public=public,
        )

    def state(self, name: str, sha256: str) -> dict[str, Any]:
        """Return the state of this name, and how much of the content `sha256` was received."""
        return self._asked("GET", "/state", {"name": self._folder + name, "sha256": sha256})

    def find(self, name: str) -> RemoteFile | None:
        found = self.state(name, "")
        return None if found["size"] is None else RemoteFile(name, int(found["size"]), int(found["modified_ms"]))

    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        """Upload a file. The receiver stores the progress, so `note` is not used."""
        sha256 = content.sha256
        query: dict[str, str | int] = {
            "name": self._folder + name,
            "sha256": sha256,
            "size": content.size_bytes,
            "modified_ms": content.modified_ms,
        }
        for tries_left in reversed(range(PUT_TRIES)):
            known = self.state(name, sha256)
            if known["sha256"] == sha256:
                return
            begun = min(int(known["begun"]), content.size_bytes)
            status, reply = self._answered("PUT", "/file", {**query, "offset": begun}, _Sent(content, begun))
            if reply.get("code") != "elsewhere" or not tries_left:
                break
            self._line.close()  # what it has not read of the body
        self._expect_done(status, reply)
        if reply["size"] != content.size_bytes:
            raise TargetLied(self._public, f"{name} has {reply['size']} bytes there, expected {content.size_bytes}")
        if self.state(name, sha256)["sha256"] != sha256:
            raise TargetLied(self._public, f"{name} is damaged there")

    def sha256(self, name: str) -> str | None:
        digest = self.state(name, "")["sha256"]
        return None if digest is None else str(digest)

    def read(self, name: str) -> Iterator[bytes]:
        with self._line.worded():
            answer = self._line.sent("GET", _path("/file", {"name": self._folder + name}), None, {})
            if answer.status == 404:
                raise TargetMissing(self._public, f"{name} doesn't exist there")
            self._line.expect(answer.status, 200)
            while portion := answer.read(PORTION_BYTES):
                yield portion

    def remove(self, name: str) -> None:
        self._asked("DELETE", "/file", {"name": self._folder + name})

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        found = self._asked("GET", "/files", {"prefix": self._folder + prefix.strip("/")})
        for each in found["items"]:
            yield RemoteFile(str(each["name"]).removeprefix(self._folder), int(each["size"]), int(each["modified_ms"]))

    def link(self, name: str, lasts_s: float) -> str:
        return ""

    def close(self) -> None:
        self._line.close()

    def _asked(self, method: str, way: str, query: Mapping[str, str | int]) -> dict[str, Any]:
        status, found = self._answered(method, way, query)
        self._expect_done(status, found)
        return found

    def _answered(
        self, method: str, way: str, query: Mapping[str, str | int], body: "_Sent | None" = None
    ) -> tuple[int, dict[str, Any]]:
        headers = {} if body is None else {"Content-Length": str(body.size_bytes)}
        sent: Body = None if body is None else iter(body)
        with self._line.worded():
            answer = self._line.sent(method, _path(way, query), sent, headers)
            return answer.status, _json(answer.read(MOST_ANSWER_BYTES))

    def _expect_done(self, status: int, found: Mapping[str, Any]) -> None:
        if status != 200:
            self._refuse(status, found)
        if not found:
            raise DeliveryError(self._public, "the server isn't a tawny")

    def _refuse(self, status: int, found: Mapping[str, Any]) -> None:
        reason, wait_s = str(found.get("message", "")), found.get("wait_s")
        if found.get("code") == "only_adds":
            raise TargetRefused(self._public, "the access token may only add files, so `write_only = true` is needed")
        if status in (401, 403):
            raise TargetRefused(self._public, "the access token doesn't allow uploads, or was revoked", is_sign_in=True)
        if status == 404:
            raise TargetMissing(self._public, reason or "the server isn't a tawny that accepts uploads")
        if status == 507:
            raise TargetFull(self._public, reason or "no space left")
        if status in (409, 429) and reason:
            raise TargetBusy(self._public, reason, wait_s if isinstance(wait_s, (int, float)) else 0.0)
        if status == 503 and reason:
            raise TargetUnreachable(self._public, reason.rstrip("."))
        self._line.expect(status, 200)


class _Sent:
    """The rest of a content, as an iterable with a size."""

    def __init__(self, content: DeliveryContent, offset: int) -> None:
        self._content, self._offset = content, offset
        self.size_bytes = content.size_bytes - offset

    def __iter__(self) -> Iterator[bytes]:
        return portions(self._content, self._offset)


def _path(way: str, query: Mapping[str, str | int]) -> str:
    return f"{_WAY}{way}?{urlencode(query, quote_via=quote)}"


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
