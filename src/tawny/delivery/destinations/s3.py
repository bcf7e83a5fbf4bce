"""S3 destination: Amazon, Backblaze B2, MinIO, Garage, Wasabi, Cloudflare R2 and compatible servers.

`s3://KEY:SECRET@bucket/folder?endpoint=https://s3.example.org&region=eu-central-1`. A write-only key is sufficient;
with `write_only` set, no call is made that `s3:PutObject` does not cover. Without a key, AWS's own ways are tried:
environment variables, the files in `~/.aws`, and the role of a container or of the computer.
"""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import botocore.exceptions
from botocore.config import Config

from tawny.config.secure import is_web_address
from tawny.delivery.delivery import PORTION_BYTES, DeliveryContent
from tawny.delivery.destination import DestinationConnection, DestinationContext, RemoteFile, only
from tawny.model.errors import (
    ArchiveAway,
    DeliveryError,
    TargetFull,
    TargetLied,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
)
from tawny.model.times import Clock
from tawny.model.validation import value_text
from tawny.storage.archive.range_reader import ObjectPart

PART_BYTES = 8 * 1024 * 1024
"""S3 requires at least 5 MiB; each part is held in memory while it is sent."""
TIMEOUT_S = 15.0
ARCHIVE_TIMEOUT_S = 5.0
_AWAY_S = 5.0
"""How long, in s, calls of an archive fail at once after it could not be reached."""
_AWAY_WORDS = {
    "EndpointConnectionError": "no connection",
    "ConnectTimeoutError": "it doesn't answer",
    "ReadTimeoutError": "it doesn't answer",
    "ConnectionClosedError": "the connection was closed",
}
MOST_LINK_S = 7 * 86_400
NO_KEY = (
    "there is no access key: not in the address, not in AWS's variables or files, and this computer has no role of AWS"
)
_LOGIN = {
    "AuthorizationHeaderMalformed", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "RequestTimeTooSkewed",
    "SignatureDoesNotMatch", "401",
}  # fmt: skip
_DENIED = {"AccessDenied", "AllAccessDisabled", "Forbidden", "403"}
"""Error codes for a key that isn't allowed this: maybe for one file only."""
_FULL = {
    "InsufficientStorage", "QuotaExceeded", "ServiceQuotaExceededException", "XMinioAdminBucketQuotaExceeded",
    "XMinioStorageFull", "507",
}  # fmt: skip
_BUSY = (429, 500, 502, 503, 504)
_GONE = ("NoSuchUpload", "404", "AccessDenied", "403")
"""Error codes for a missing multipart upload, also with a write-only key."""
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class _Place:
    bucket: str
    folder: str
    key: str
    secret: str
    endpoint: str | None
    region: str | None


class S3:
    """Amazon S3 and compatible storage.

    - `path_style` (true if the address has an `endpoint`): put the bucket in the path, not in the host name.
    - `storage_class` (not set): S3 storage class.
    """

    schemes: ClassVar[tuple[str, ...]] = ("s3",)

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        place = _parse(url)
        only(table, ("path_style", "storage_class"))
        path_style = table.get("path_style", place.endpoint is not None)
        if not isinstance(path_style, bool):
            raise ValueError(f"path_style: found {value_text(path_style)}; allowed: true or false")
        return {"path_style": path_style, "storage_class": str(table.get("storage_class", ""))}

    def public(self, url: str) -> str:
        place = _parse(url)
        host = urlsplit(place.endpoint).hostname if place.endpoint else "Amazon"
        return f"{place.bucket} at {host}"

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        place, public = _parse(opening.url), f"{opening.name} ({self.public(opening.url)})"
        with _of_client(public):
            client = _make_client(place, TIMEOUT_S, path_style=bool(opening.options["path_style"]))
        return _OpenBucket(client, place, str(opening.options["storage_class"]), public, write_only=opening.write_only)


def _make_client(place: _Place, timeout_s: float, *, path_style: bool) -> Any:
    # a session of its own: the shared one would keep credentials that were read before
    return boto3.session.Session().client(
        "s3",
        endpoint_url=place.endpoint,
        region_name=place.region or "us-east-1",
        aws_access_key_id=place.key or None,
        aws_secret_access_key=place.secret or None,
        config=Config(
            connect_timeout=timeout_s,
            read_timeout=2 * timeout_s,
            retries={"total_max_attempts": 1},  # the callers retry and report
            s3={"addressing_style": "path" if path_style else "auto"},
            request_checksum_calculation="when_required",  # many servers do not support newer checksums
            response_checksum_validation="when_required",
            signature_version="s3v4",
        ),
    )


@contextmanager
def _of_client(public: str) -> Iterator[None]:
    """Convert errors of AWS's variables and files, and of missing credentials, to DeliveryError."""
    try:
        yield
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
        raise TargetRefused(public, NO_KEY) from error
    except (
        botocore.exceptions.ConfigParseError,
        botocore.exceptions.ProfileNotFound,
        botocore.exceptions.InvalidConfigError,
    ) as error:
        raise TargetRefused(public, f"AWS's settings of this user can't be used: {error}") from error


class _OpenBucket:
    is_sure: ClassVar[bool] = True

    def __init__(self, client: Any, place: _Place, storage_class: str, public: str, *, write_only: bool) -> None:
        self.client, self._bucket, self._public, self._write_only = client, place.bucket, public, write_only
        self._folder = f"{place.folder}/" if place.folder else ""
        self._more = {"StorageClass": storage_class} if storage_class else {}

    def find(self, name: str) -> RemoteFile | None:
        with self.worded():
            try:
                found = self.client.head_object(Bucket=self._bucket, Key=self.key(name))
            except botocore.exceptions.ClientError as error:
                if _is_missing(error):
                    return None
                raise
        return RemoteFile(name, found["ContentLength"], round(found["LastModified"].timestamp() * 1000))

    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        with self.worded():
            self._abort_other(name, content, progress)
            if content.size_bytes <= PART_BYTES:
                self._put_at_once(name, content)
            else:
                self._put_in_parts(name, content, progress, note)

    def _put_at_once(self, name: str, content: DeliveryContent) -> None:
        data = content.read(0, content.size_bytes)
        taken = self.client.put_object(
            Bucket=self._bucket,
            Key=self.key(name),
            Body=data,
            ContentType=content.media_type,
            ContentMD5=_md5(data),
            Metadata={"sha256": content.sha256},
            **self._more,
        )
        self._compare(taken, data, name)

    def _put_in_parts(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        target = {"Bucket": self._bucket, "Key": self.key(name)}
        upload, parts = self._begun(target, content, progress)
        if not upload:
            begun = self.client.create_multipart_upload(
                **target, ContentType=content.media_type, Metadata={"sha256": content.sha256}, **self._more
            )
            upload = begun["UploadId"]

        def note_parts() -> None:
            tags = {"tags": [parts[number] for number in sorted(parts)]} if self._write_only else {}
            note(json.dumps({"upload": upload, "sha256": content.sha256, "good": len(parts)} | tags))

        note_parts()
        for number, offset in enumerate(range(0, content.size_bytes, PART_BYTES), 1):
            if number in parts:
                continue
            data = self._part(content, offset)
            with self._starting_again(note):
                sent = self.client.upload_part(
                    **target, UploadId=upload, PartNumber=number, Body=data, ContentMD5=_md5(data)
                )
            self._compare(sent, data, name)
            parts[number] = sent["ETag"]
            note_parts()
        listed = [{"PartNumber": number, "ETag": parts[number]} for number in sorted(parts)]
        with self._starting_again(note):
            self.client.complete_multipart_upload(**target, UploadId=upload, MultipartUpload={"Parts": listed})

    @contextmanager
    def _starting_again(self, note: Callable[[str], None]) -> Iterator[None]:
        """Forget the upload if the server no longer knows it, so that the next attempt starts again."""
        try:
            yield
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchUpload":
                note("")
            raise

    def _compare(self, taken: Mapping[str, Any], data: bytes, name: str) -> None:
        """Compare the returned ETag with the MD5, unless the object is encrypted with a customer key."""
        tag = str(taken.get("ETag", "")).strip('"')
        is_md5 = re.fullmatch(r"[0-9a-f]{32}", tag) and taken.get("ServerSideEncryption", "AES256") == "AES256"
        if (
            is_md5
            and "SSECustomerAlgorithm" not in taken
            and tag != hashlib.md5(data, usedforsecurity=False).hexdigest()
        ):
            raise TargetLied(self._public, f"{name} is damaged there")

    def _part(self, content: DeliveryContent, offset: int) -> bytes:
        """Return a part, read in portions so that the rate limit applies."""
        end = min(offset + PART_BYTES, content.size_bytes)
        return b"".join(content.read(at, min(PORTION_BYTES, end - at)) for at in range(offset, end, PORTION_BYTES))

    def _begun(self, target: Mapping[str, str], content: DeliveryContent, progress: str) -> tuple[str, dict[int, str]]:
        """Return the upload of an earlier attempt with the same content, and its verified parts."""
        known = _noted(progress)
        upload = known.get("upload", "")
        if not upload or known.get("sha256") != content.sha256:
            return "", {}
        if self._write_only:
            return (upload, dict(enumerate(known["tags"], 1))) if "tags" in known else ("", {})
        try:
            pages = self.client.get_paginator("list_parts").paginate(**target, UploadId=upload)
            listed = {part["PartNumber"]: part["ETag"] for page in pages for part in page.get("Parts", ())}
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return "", {}  # start again
            raise
        return upload, {number: tag for number, tag in listed.items() if number <= known.get("good", 0)}

    def _abort_other(self, name: str, content: DeliveryContent, progress: str) -> None:
        """Abort the upload of an earlier attempt with other content: the server would keep its parts for ever."""
        known = _noted(progress)
        if known.get("upload") and not self._write_only and known.get("sha256") != content.sha256:
            self._abort(self.key(name), known["upload"])

    def _abort(self, key: str, upload: str) -> None:
        try:
            self.client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise

    def sha256(self, name: str) -> str | None:
        """Return None: every part was verified by its MD5 on upload. The hash is stored as metadata."""
        return None

    def read(self, name: str) -> Iterator[bytes]:
        with self.worded():
            body = self.client.get_object(Bucket=self._bucket, Key=self.key(name))["Body"]
            with body:
                yield from body.iter_chunks(PORTION_BYTES)

    def remove(self, name: str) -> None:
        with self.worded():
            self.client.delete_object(Bucket=self._bucket, Key=self.key(name))

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        below = self._folder + (prefix.strip("/") + "/" if prefix.strip("/") else "")
        with self.worded():
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=below):
                for found in page.get("Contents", ()):
                    modified_ms = round(found["LastModified"].timestamp() * 1000)
                    yield RemoteFile(found["Key"].removeprefix(self._folder), found["Size"], modified_ms)

    def unfinished(self) -> Iterator[tuple[RemoteFile, str]]:
        with self.worded():
            asked = {"Bucket": self._bucket, "Prefix": self._folder}
            for page in self.client.get_paginator("list_multipart_uploads").paginate(**asked):
                for found in page.get("Uploads", ()):
                    begun_ms = round(found["Initiated"].timestamp() * 1000)
                    yield RemoteFile(found["Key"].removeprefix(self._folder), 0, begun_ms), found["UploadId"]

    def abort(self, name: str, upload: str) -> None:
        with self.worded():
            self._abort(self.key(name), upload)

    def link(self, name: str, lasts_s: float) -> str:
        target = {"Bucket": self._bucket, "Key": self.key(name)}
        with self.worded():
            return str(self.client.generate_presigned_url("get_object", target, min(int(lasts_s), MOST_LINK_S)))

    def close(self) -> None:
        self.client.close()

    def key(self, name: str) -> str:
        return self._folder + name

    @contextmanager
    def worded(self) -> Iterator[None]:
        """Convert boto errors to DeliveryError."""
        try:
            yield
        except botocore.exceptions.ClientError as error:
            raise self._of_server(error) from error
        except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
            raise TargetRefused(self._public, NO_KEY) from error
        except botocore.exceptions.ParamValidationError as error:  # its text repeats the address
            raise TargetMissing(self._public, "the bucket's name or another part of the address isn't valid") from error
        except botocore.exceptions.BotoCoreError as error:
            raise TargetUnreachable(self._public, type(error).__name__) from error

    def _of_server(self, error: botocore.exceptions.ClientError) -> DeliveryError:
        code = str(error.response["Error"].get("Code", ""))
        text = str(error.response["Error"].get("Message", "")) or code
        if code in _LOGIN or code in _DENIED:
            return TargetRefused(self._public, f"{code}: {text}", is_sign_in=code in _LOGIN)
        if code in _FULL:
            return TargetFull(self._public, text)
        if code == "NoSuchBucket":
            return TargetMissing(self._public, f"bucket {self._bucket} doesn't exist")
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _BUSY:
            return TargetUnreachable(self._public, text)
        return DeliveryError(self._public, f"{code}: {text}")


def _noted(progress: str) -> dict[str, Any]:
    """Return what an earlier attempt noted; empty if there is none, or of another type of destination."""
    try:
        found = json.loads(progress)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_missing(error: botocore.exceptions.ClientError) -> bool:
    return error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound")


class S3Archive:
    """A bucket as an archive of recordings: `storage.archive.range_reader.ObjectBucket`. Thread-safe.

    While it can't be reached, calls fail at once for some seconds: playing and retention don't wait for it again.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        """Raises ValueError for an invalid address, ArchiveAway if AWS's settings of this user can't be used."""
        self._place, self._clock = _parse(url), clock
        self.name = archive_name(url)
        self._away_s = -_AWAY_S
        self._away = ""
        self._progress: dict[str, str] = {}
        with self._turned(), _of_client(self.name):
            path_style = self._place.endpoint is not None
            self._client = _make_client(self._place, ARCHIVE_TIMEOUT_S, path_style=path_style)
        self._bucket = _OpenBucket(self._client, self._place, "", self.name, write_only=False)

    def read(self, key: str, offset: int, size_bytes: int) -> ObjectPart | None:
        where = {"Bucket": self._place.bucket, "Key": self._bucket.key(key)}
        with self._turned(), self._bucket.worded():
            try:
                found = self._client.get_object(**where, Range=f"bytes={offset}-{offset + size_bytes - 1}")
                with found["Body"] as body:
                    data = body.read()
            except botocore.exceptions.ClientError as error:
                if _is_missing(error):
                    return None
                if error.response["Error"]["Code"] in ("416", "InvalidRange"):
                    return ObjectPart(b"", 0, "")
                raise
        total = str(found.get("ContentRange", "")).rpartition("/")[2]
        return ObjectPart(data, int(total) if total.isdigit() else len(data), str(found.get("ETag", "")))

    def put(self, key: str, source: BinaryIO, size_bytes: int, sha256: str) -> None:
        def note(progress: str) -> None:
            self._progress[key] = progress

        with self._turned():
            self._bucket.put(key, _OpenContent(source, size_bytes, sha256), self._progress.get(key, ""), note)
        self._progress.pop(key, None)

    def holds(self, key: str, size_bytes: int, sha256: str) -> bool:
        with self._turned(), self._bucket.worded():
            try:
                found = self._client.head_object(Bucket=self._place.bucket, Key=self._bucket.key(key))
            except botocore.exceptions.ClientError as error:
                if _is_missing(error):
                    return False
                raise
        stated = found.get("Metadata", {}).get("sha256", "")
        return bool(found["ContentLength"] == size_bytes and (not sha256 or stated == sha256))

    def remove(self, key: str) -> None:
        with self._turned():
            self._bucket.remove(key)

    def sizes(self) -> Iterator[tuple[str, int]]:
        with self._turned():
            for found in self._bucket.files():
                yield found.name, found.size_bytes

    @contextmanager
    def _turned(self) -> Iterator[None]:
        """Convert DeliveryError to ArchiveAway. Fail at once shortly after the bucket could not be reached."""
        if self._clock.mono_s() < self._away_s + _AWAY_S:
            raise ArchiveAway(self.name, self._away)
        try:
            yield
        except TargetUnreachable as error:
            self._away_s, self._away = self._clock.mono_s(), _AWAY_WORDS.get(error.detail, error.detail.rstrip("."))
            raise ArchiveAway(self.name, self._away) from error
        except DeliveryError as error:
            raise ArchiveAway(self.name, error.detail.rstrip(".")) from error


def archive_name(url: str) -> str:
    """Return the address of an archive without credentials. Raises ValueError if it is invalid."""
    place = _parse(url)
    name = "/".join(one for one in (f"s3://{place.bucket}", place.folder) if one)
    return f"{name}?endpoint={place.endpoint}" if place.endpoint else name


@dataclass(frozen=True, slots=True)
class _OpenContent:
    """`DeliveryContent` of an open file."""

    source: BinaryIO
    size_bytes: int
    sha256: str
    media_type: str = "application/octet-stream"
    modified_ms: int = 0

    def read(self, offset: int, size_bytes: int) -> bytes:
        self.source.seek(offset)
        return self.source.read(size_bytes)


def _md5(data: bytes) -> str:
    return b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _parse(url: str) -> _Place:
    """Parse an address. Raises ValueError, which repeats no part of it.

    A secret may contain slashes, but `?`, and `@` before a slash, only as %3F and %40.
    """
    wanted = "url: an address, for example s3://KEY:SECRET@bucket/folder?endpoint=https://s3.example.org"
    where, _, asked = url.partition("?")
    scheme, _, rest = where.partition("://")
    login, at, _ = rest.partition("/")[0].rpartition("@")
    if not at:  # no login, or a secret with a slash
        login = rest.rpartition("@")[0]
    key, colon, secret = login.partition(":")
    if not at and (not colon or "/" in key):  # the `@` is in the folder
        login = key = secret = ""
    place = rest.removeprefix(login).removeprefix("@")
    bucket, _, folder = place.partition("/")
    try:
        query = parse_qs(asked, strict_parsing=bool(asked))
    except ValueError:
        raise ValueError(wanted) from None
    endpoint = query.pop("endpoint", [None])[0]
    region = query.pop("region", [None])[0]
    if scheme.lower() != "s3" or not bucket or query:
        raise ValueError(wanted)
    if not _BUCKET.fullmatch(bucket):
        raise ValueError("url: a bucket with letters, digits, `.`, `-` and `_`, as in s3://KEY:SECRET@bucket/folder")
    if endpoint is not None and not (is_web_address(endpoint) and "@" not in urlsplit(endpoint).netloc):
        raise ValueError("url: endpoint=https://HOST, or http:// on your own network")
    if region is not None and not _REGION.fullmatch(region):
        raise ValueError("url: a region such as region=eu-central-1")
    return _Place(bucket, unquote(folder).strip("/"), unquote(key), unquote(secret), endpoint, region)
