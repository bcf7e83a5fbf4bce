"""Against moto's S3 server, which checks what Amazon checks but the signature."""

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tawny.delivery.delivery import DeliveryKind
from tawny.delivery.destination import DestinationConnection, DestinationContext, FileCarrier, check_destination
from tawny.delivery.destinations.s3 import PART_BYTES, S3, _OpenBucket, _parse, archive_name
from tawny.model.errors import TargetLied, TargetMissing, TargetRefused, TargetUnreachable
from tawny.service.delivery.uploads import UnfinishedUploads
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import LARGE, Cut, CutContent, DestinationCase, DestinationContract, content
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tests.delivery.carried import delivery
from tests.delivery.destinations.servers import WRITER, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(server: str, request: pytest.FixtureRequest) -> Any:
    """An empty one."""
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    made = boto3.resource("s3", endpoint_url=server, config=Config(s3={"addressing_style": "path"}), **keys).Bucket(
        "cam"
    )
    if made.creation_date is None:
        made.create()
    made.objects.delete()
    for upload in made.multipart_uploads.all():
        upload.abort()
    return made


def connect(
    server: str, bucket: str = "cam", folder: str = "tawny", key: str = "key", *, write_only: bool = False
) -> DestinationConnection:
    url = f"s3://{key}:secret%2F@{bucket}/{folder}?endpoint={server}"
    return S3().connect(DestinationContext("cloud", url, S3().settings(url, {}), FakeClock(), write_only))


def stored(bucket: Any, name: str) -> bytes | None:
    found = [one for one in bucket.objects.filter(Prefix=f"tawny/{name}") if one.key == f"tawny/{name}"]
    return bytes(found[0].get()["Body"].read()) if found else None


class TestS3(DestinationContract):
    @pytest.fixture
    def target(self, server: str, bucket: Any) -> DestinationCase:
        return DestinationCase(lambda: connect(server), lambda name: stored(bucket, name), links=True)


def test_a_link_is_all_that_is_needed_to_fetch_it(server: str, bucket: Any) -> None:
    connection = connect(server)
    connection.put("a.jpg", content(), "", lambda _: None)
    with urllib.request.urlopen(connection.link("a.jpg", 3600)) as answer:
        assert answer.read() == b"a picture"
    connection.close()


def test_what_it_is_and_its_checksum_are_written_beside_it(server: str, bucket: Any) -> None:
    connection = connect(server)
    connection.put("a.jpg", content(), "", lambda _: None)
    connection.put("clip.mp4", content(LARGE), "", lambda _: None)
    connection.close()
    for name, data in (("a.jpg", b"a picture"), ("clip.mp4", LARGE)):
        found = bucket.Object(f"tawny/{name}")
        assert (found.content_type, found.metadata["sha256"]) == ("image/jpeg", content(data).sha256)
    assert len(LARGE) > PART_BYTES


def calls_of(connection: Any) -> set[str]:
    """Return the calls that this connection makes from now on."""
    asked: set[str] = set()
    connection.client.meta.events.register("before-call.s3", lambda model, **_: asked.add(model.name))
    return asked


@pytest.mark.shows("DY16")
@pytest.mark.parametrize("before", ["nothing", "the same content", "other content"])
@pytest.mark.parametrize("size_bytes", [9, 2 * PART_BYTES + 1])
def test_write_only_makes_no_call_but_writing_ones(server: str, bucket: Any, size_bytes: int, before: str) -> None:
    """Also after an interrupted upload, of the same content or of other content."""
    data, notes = b"x" * size_bytes, list[str]()
    if before != "nothing":
        cut = connect(server, key=WRITER, write_only=True)
        with suppress(Cut):
            other = data if before == "the same content" else b"y" * size_bytes
            cut.put("a.bin", CutContent(other, PART_BYTES + 1), "", notes.append)
        cut.close()
    connection = connect(server, key=WRITER, write_only=True)
    asked = calls_of(connection)
    carrier = FileCarrier(connection, "cloud", write_only=True)
    progress = notes[-1] if notes else ""
    carrier.carry(delivery("a.bin", progress=progress), content(data), notes.append)
    connection.close()
    assert asked
    assert asked <= {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}
    assert stored(bucket, "a.bin") == data


def test_write_only_goes_on_with_the_parts_it_noted(server: str, bucket: Any) -> None:
    notes, whole = list[str](), CutContent(b"x" * (2 * PART_BYTES + 1), 0)
    connection = connect(server, key=WRITER, write_only=True)
    with pytest.raises(Cut):
        connection.put("a.bin", CutContent(whole.data, PART_BYTES + 1), "", notes.append)
    connection.put("a.bin", whole, notes[-1], notes.append)
    connection.close()
    assert stored(bucket, "a.bin") == whole.data
    assert whole.first_read == PART_BYTES


def test_write_only_refuses_to_remove_without_a_call(server: str, bucket: Any) -> None:
    connection = connect(server, key=WRITER, write_only=True)
    asked = calls_of(connection)
    with pytest.raises(TargetRefused):
        FileCarrier(connection, "cloud", write_only=True).carry(
            delivery("a.bin", DeliveryKind.REMOVAL), content(b""), lambda _: None
        )
    connection.close()
    assert asked == set()


@pytest.mark.parametrize("progress", ["3f" * 32, "[1]", "7"])
def test_what_another_kind_of_destination_noted_starts_anew(server: str, bucket: Any, progress: str) -> None:
    """The address of a destination may change while files wait for it."""
    connection = connect(server)
    connection.put("a.bin", content(b"x" * (PART_BYTES + 1)), progress, lambda _: None)
    connection.close()
    assert stored(bucket, "a.bin") == b"x" * (PART_BYTES + 1)


@pytest.mark.shows("DY16")
@pytest.mark.parametrize(
    ("key", "set_before", "steps"),
    [
        ("key", False, ["Connected", "Uploaded a test file", "Downloaded it again", "Deleted it"]),
        (WRITER, False, ["Connected", "Uploaded a test file", "tawny may only write files"]),
        (WRITER, True, ["Connected", "Uploaded a test file"]),
    ],
)
def test_the_connection_test_finds_a_key_that_may_only_write(
    server: str, bucket: Any, key: str, set_before: bool, steps: list[str]
) -> None:
    result = check_destination(lambda: connect(server, key=key, write_only=set_before), "cloud", write_only=set_before)
    assert [(one.what.partition(";")[0], one.wrong) for one in result] == [(what, "") for what in steps]
    assert result[-1].write_only == (key == WRITER and not set_before)


@pytest.mark.parametrize("size_bytes", [1000, PART_BYTES + 1])
def test_a_server_that_says_it_took_something_else_is_not_believed(
    server: str, bucket: Any, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    connection = connect(server)
    assert isinstance(connection, _OpenBucket)
    client = connection.client
    for method in ("put_object", "upload_part"):
        monkeypatch.setattr(client, method, lambda **_: {"ETag": f'"{"0" * 32}"'})
    with pytest.raises(TargetLied):
        connection.put("a.mp4", content(b"x" * size_bytes), "", lambda _: None)
    connection.close()


def test_an_upload_that_was_of_something_else_and_is_gone_keeps_nothing_up(server: str, bucket: Any) -> None:
    connection, data, notes = connect(server), b"x" * (PART_BYTES + 1), list[str]()
    before = json.dumps({"upload": "is-not-there", "sha256": "0" * 64, "good": 1})
    connection.put("a.mp4", content(data), before, notes.append)
    connection.close()
    assert stored(bucket, "a.mp4") == data
    assert [json.loads(one)["good"] for one in notes] == [0, 1, 2]


def cut_off(server: str) -> str:
    """Begin to upload `clip.mp4`. Return what was noted of it."""
    noted, connection = [""], connect(server)
    with suppress(Cut):
        connection.put("clip.mp4", CutContent(LARGE, PART_BYTES + 1), "", noted.append)
    connection.close()
    return noted[-1]


@pytest.mark.parametrize("data", [b"shorter", LARGE[::-1]], ids=["short", "long"])
def test_an_upload_that_is_replaced_leaves_no_parts(server: str, bucket: Any, data: bytes) -> None:
    progress, connection = cut_off(server), connect(server)
    connection.put("clip.mp4", content(data), progress, lambda _: None)
    assert [one.key for one in bucket.multipart_uploads.all()] == []
    connection.close()


def test_unfinished_uploads_are_listed_and_aborted(server: str, bucket: Any) -> None:
    upload, connection = json.loads(cut_off(server))["upload"], connect(server)
    assert isinstance(connection, UnfinishedUploads)
    [(there, found)] = connection.unfinished()
    assert (there.name, found) == ("clip.mp4", upload)
    connection.abort(there.name, found)
    assert list(connection.unfinished()) == []
    connection.close()


def test_a_bucket_that_is_not_there_is_told(server: str, bucket: Any) -> None:
    connection = connect(server, bucket="nowhere")
    with pytest.raises(TargetMissing, match="bucket nowhere doesn't exist"):
        connection.put("a.jpg", content(), "", lambda _: None)
    connection.close()


def test_nobody_there_is_told_without_the_secret() -> None:
    connection = connect("http://127.0.0.1:9")
    with pytest.raises(TargetUnreachable) as away:
        connection.put("a.jpg", content(), "", lambda _: None)
    connection.close()
    assert "secret" not in str(away.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://", "an address"),
        ("s3://key:secret@/folder", "an address"),
        ("s3://bucket?endpoint=ftp://x", "https://HOST"),
        ("s3://bucket?region=eu&colour=red", "an address"),
    ],
)
def test_settings_that_cannot_be_are_told(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        S3().settings(url, {})


RAW = "wJal/rXUtnFE#MI/K7MD+ENG@bPx/RfiCY"
"""A secret as its service shows it, with letters that have a meaning in addresses."""


def test_a_secret_may_be_written_as_it_is() -> None:
    url = f"s3://AKIA:{RAW}@cam/house?endpoint=https://s3.example.org"
    place = _parse(url)
    assert (place.key, place.secret, place.bucket, place.folder) == ("AKIA", RAW, "cam", "house")
    assert S3().public(url) == "cam at s3.example.org"
    assert archive_name(url) == "s3://cam/house?endpoint=https://s3.example.org"


@pytest.mark.parametrize("login", ["", "AKIA:secret@"])
@pytest.mark.parametrize("folder", ["me@home", "a:b@home", "anna@example.org/tawny"])
def test_an_at_sign_in_a_folder_begins_no_bucket(login: str, folder: str) -> None:
    place = _parse(f"s3://{login}cam/{folder}")
    assert (place.key, place.bucket, place.folder) == (login.partition(":")[0], "cam", folder)


@pytest.mark.parametrize(
    "url",
    [
        f"s3://AKIA:{RAW.replace('@', '')}",
        f"s3://AKIA:{RAW.replace('@', '')}/cam/house",
        f"s3://AKIA:wJal?{RAW}@cam/house",
        f"s3://AKIA:{RAW}@cam /house",
        f"s3://AKIA:{RAW}@cam!/house",
        "s3://cam?endpoint=https://AKIA:wJal@s3.example.org",
        f"s3://cam?endpoint=https://[{RAW}",
        f"s3://cam?region={RAW}",
    ],
)
def test_a_refused_address_is_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^url: ") as refused:
        S3().settings(url, {})
    assert not [part for part in re.split(r"\W", RAW) if part in str(refused.value)]


def test_a_name_that_cannot_be_is_told_as_one_of_the_settings() -> None:
    connection = connect("http://127.0.0.1:9", folder="")
    with pytest.raises(TargetMissing, match="isn't valid"):
        connection.put("", content(), "", lambda _: None)
    connection.close()


def test_where_it_goes_is_told_without_the_key(tmp_path: Path) -> None:
    assert S3().public("s3://key:secret@cam/x?endpoint=https://s3.example.org") == "cam at s3.example.org"


ROLE = {
    "Code": "Success",
    "AccessKeyId": "ROLEKEY",
    "SecretAccessKey": "rolesecret",
    "Token": "roletoken",
    "Expiration": "2090-01-01T00:00:00Z",
}


def metadata(asked: ReceivedRequest) -> Reply:
    """An instance of Amazon's, version 2: a token, then the name of its role, then the role's keys."""
    if asked.method == "PUT":
        return 200, b"session"
    return (200, b"cam-role") if asked.path.endswith("/security-credentials/") else (200, ROLE)


def without_aws(patch: pytest.MonkeyPatch, home: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def key_used(store: StandIn) -> str:
    """The access key that signed what an address without one has put."""
    url = f"s3://cam/tawny?endpoint={store.base}"
    opened = S3().connect(DestinationContext("cloud", url, S3().settings(url, {}), FakeClock()))
    opened.put("a.mp4", content(b"video"), "", lambda progress: None)
    opened.close()
    return store.last.headers["authorization"].partition("Credential=")[2].partition("/")[0]


@pytest.mark.parametrize("way", ["variables", "profile", "container", "instance"])
def test_without_a_key_awss_own_ways_are_tried(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_aws(monkeypatch, tmp_path)
    with served(StandIn(lambda asked: (200, b""))) as store, served(StandIn(metadata)) as aws:
        match way:
            case "variables":
                monkeypatch.setenv("AWS_ACCESS_KEY_ID", "VARIABLEKEY")
                monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            case "profile":
                (tmp_path / ".aws").mkdir()
                (tmp_path / ".aws" / "credentials").write_text(
                    "[cam]\naws_access_key_id = PROFILEKEY\naws_secret_access_key = secret\n"
                )
                monkeypatch.setenv("AWS_PROFILE", "cam")
            case "container":
                monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.base}/role")
            case "instance":
                monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
                monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{aws.base}/")
        wanted = {"variables": "VARIABLEKEY", "profile": "PROFILEKEY"}.get(way, "ROLEKEY")
        assert key_used(store) == wanted


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "there is no access key"),
        ({"AWS_PROFILE": "absent"}, "AWS's settings of this user can't be used"),
        ({"AWS_ACCESS_KEY_ID": "half"}, "there is no access key"),
    ],
)
def test_no_key_at_all_is_told(
    variables: dict[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_aws(monkeypatch, tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with served(StandIn()) as store, pytest.raises(TargetRefused, match=says):
        key_used(store)


def test_a_link_without_a_key_is_refused_as_an_upload_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_aws(monkeypatch, tmp_path)
    opened = S3().connect(DestinationContext("cloud", "s3://cam", S3().settings("s3://cam", {}), FakeClock()))
    with pytest.raises(TargetRefused, match="there is no access key"):
        opened.link("a.mp4", 3600)
    opened.close()
