"""A site with an archive in a bucket of moto's S3 server, which counts requests, and fails as it is told."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tawny.config.retention import TierSettings
from tawny.engine import Bus, InlineEngine
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.key_wrapping import Identity
from tawny.service.storage_setup import archive_of
from tawny.storage.archive.archive_disk import ArchiveDisk
from tawny.storage.disk.secondary_volumes import join_archive
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.retention.tiers import TierMover
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.stream.hub import Hub
from tawny.testing.packet_feed import PacketFeed
from tests.storage.bench import MAIN, PORCH, Site, keep_all

DAY_S = 86_400.0


@dataclass
class BucketServer:
    """requests: method and path of each request so far. refuses: answers every request with 403."""

    address: str = ""
    refuses: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    breaks: bool = False
    """Whether it answers every request with 503."""
    answers_after_s: float = 0.0
    """Round trip of the line."""

    def tier(self, prefix: str, secret: str = "secret", cache: str = "64 MB") -> TierSettings:
        url = f"s3://key:{secret}@cam/{prefix}?endpoint={self.address}"
        return TierSettings.model_validate({"url": url, "after": "1 day", "cache": cache})

    def bucket(self) -> Any:
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        style = Config(s3={"addressing_style": "path"})
        return boto3.resource("s3", endpoint_url=self.address, config=style, **keys).Bucket("cam")

    def object(self, key: str) -> Any:
        return self.bucket().Object(key)

    def keys(self, prefix: str) -> list[str]:
        return [one.key.removeprefix(f"{prefix}/") for one in self.bucket().objects.filter(Prefix=f"{prefix}/")]

    def answer(
        self, app: Callable[..., Iterable[bytes]], environ: dict[str, Any], start: Callable[..., Any]
    ) -> Iterable[bytes]:
        self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if self.answers_after_s:
            time.sleep(self.answers_after_s)
        if self.refuses or self.breaks:
            status, code = ("403 Forbidden", "InvalidAccessKeyId") if self.refuses else ("503 Slow Down", "SlowDown")
            result = f"<Error><Code>{code}</Code><Message>Not now.</Message></Error>".encode()
            start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(result)))])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [result]
        return app(environ, start)


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def bucket_server() -> Iterator[BucketServer]:
    made = BucketServer()
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server(
        "127.0.0.1", 0, lambda environ, start: made.answer(app, environ, start), threaded=True, request_handler=_Quiet
    )
    made.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.bucket().create()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class ArchivedSite:
    """A site whose recordings of more than a day go to the archive. It is a `RecordingArchive`, as a recorder is."""

    def __init__(self, folder: Path, server: BucketServer, prefix: str) -> None:
        self.site, self.server, self.prefix = Site(folder / "first"), server, prefix
        self.join()

    def join(self, **tier: Any) -> None:
        """Attach the archive to the site's volume, as a start does."""
        self.site.volume.others = ()
        chosen = archive_of(self.server.tier(self.prefix, **tier), self.site.clock)
        self.tier = join_archive(self.site.volume, chosen)
        site = self.site
        self.mover = TierMover(lambda: [site.volume], self.tier, site.index, site.clock, DAY_S, keep_all)

    @property
    def archive(self) -> ArchiveDisk:
        assert self.tier.archive is not None
        return self.tier.archive

    @property
    def index(self) -> Any:
        return self.site.index

    def keys(self) -> list[str]:
        """Keys of the recordings in the bucket."""
        found = self.server.keys(self.prefix)
        return [one for one in found if not one.startswith("history/") and not one.endswith(".outline")]

    def open_segments(self, camera: CameraId) -> tuple[Segment, ...]:
        return ()

    def segment_path(self, segment: Segment) -> Path:
        return self.site.volume.path(segment.path)

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        return ()

    def scores(self, camera: CameraId, within: Span) -> bytes:
        return b""

    def is_local(self, segment: Segment) -> bool:
        return (self.site.folder / segment.path).is_file()


def moved_sealed(archived: ArchivedSite, owner: Identity) -> Segment:
    """A recording of 20 s, encrypted for the owner alone and signed, that is in the bucket only."""
    site = archived.site
    signed = SignedHistory.opened(site.volume.disk, site.clock.now_ms())
    seals = EpochKeys(signed, site.clock, lambda _: CameraSealing((owner.recipient,)))
    engine = InlineEngine(site.clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
    recorder, hub = SegmentRecorder(site.volume, site.index, site.clock, Bus(), seals=seals), Hub()
    recorder.start(engine)
    recorder.add(PORCH, MAIN, hub)
    feed = PacketFeed(hub, site.clock, fps=1, gop=4)
    for _ in range(20):
        feed.picture()
        engine.run_for(1)
    recorder.end_all()
    engine.run_for(5)
    signed.state(site.clock.now_ms())
    (segment,) = site.index.all_segments()
    site.clock.advance(2 * DAY_S)
    assert archived.mover.move() == 1
    assert not archived.is_local(segment)
    return segment
