"""What every destination must do. Subclass the suite and give it a `DestinationCase` with a real server behind it."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.delivery.destination import DestinationConnection, FileCarrier
from tawny.model.errors import TawnyError

LARGE = bytes(range(256)) * 4096 * 12
"""12 MB: several parts in every protocol that uploads parts."""


@dataclass
class DestinationCase:
    """connect: opens a destination without files. get: the content that its server has under a name, or None.

    resumes: whether it continues an interrupted upload. links: whether it has public links. notes: progress so far.
    """

    connect: Callable[[], DestinationConnection]
    get: Callable[[str], bytes | None]
    resumes: bool = True
    links: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass
class MemoryContent:
    """Content of a delivery in memory."""

    data: bytes = b"a picture"
    media_type: str = "image/jpeg"
    sha256: str = ""
    modified_ms: int = 0

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read(self, offset: int, size_bytes: int) -> bytes:
        return self.data[offset : offset + size_bytes]

    def close(self) -> None:
        """No resources to release."""


def content(data: bytes = b"a picture") -> MemoryContent:
    """Return the content with its hash."""
    return MemoryContent(data, sha256=hashlib.sha256(data).hexdigest())


class Cut(Exception):
    """The connection was interrupted."""


class CutContent(MemoryContent):
    """Content that fails to read beyond `at`; 0: never."""

    def __init__(self, data: bytes, at: int) -> None:
        super().__init__(data, sha256=hashlib.sha256(data).hexdigest())
        self.at, self.first_read = at, -1

    def read(self, offset: int, size_bytes: int) -> bytes:
        self.first_read = offset if self.first_read < 0 else self.first_read
        if self.at and offset + size_bytes > self.at:
            raise Cut
        return super().read(offset, size_bytes)


class DestinationContract:
    """A subclass has the fixture `target`, a `DestinationCase`."""

    @pytest.fixture
    def connection(self, target: DestinationCase) -> Iterator[DestinationConnection]:
        opened = target.connect()
        yield opened
        opened.close()

    def test_what_is_put_is_there(self, target: DestinationCase, connection: DestinationConnection) -> None:
        connection.put("2026/11/20/a.jpg", content(), "", target.notes.append)
        assert target.get("2026/11/20/a.jpg") == b"a picture"
        found = connection.find("2026/11/20/a.jpg")
        assert found
        assert (found.name, found.size_bytes) == ("2026/11/20/a.jpg", 9)

    def test_a_large_file_arrives_whole(self, target: DestinationCase, connection: DestinationConnection) -> None:
        connection.put("clip.mp4", content(LARGE), "", target.notes.append)
        assert target.get("clip.mp4") == LARGE
        assert b"".join(connection.read("clip.mp4")) == LARGE

    def test_an_empty_file_is_a_file(self, target: DestinationCase, connection: DestinationConnection) -> None:
        connection.put("empty", content(b""), "", target.notes.append)
        found = connection.find("empty")
        assert found
        assert found.size_bytes == 0

    @pytest.mark.parametrize("name", ["Ä ö.mp4", "a b/c&d=e+f.jpg", "100%.jpg", 'it\'s "quoted".mp4', "-rf.jpg"])
    def test_any_name_is_a_name(self, target: DestinationCase, connection: DestinationConnection, name: str) -> None:
        connection.put(name, content(), "", target.notes.append)
        listed = [there.name for there in connection.files()]
        assert (target.get(name), listed) == (b"a picture", [name])

    def test_a_second_one_replaces_the_first(self, target: DestinationCase, connection: DestinationConnection) -> None:
        connection.put("a.mp4", content(b"short"), "", target.notes.append)
        connection.put("a.mp4", content(b"longer than that"), "", target.notes.append)
        assert target.get("a.mp4") == b"longer than that"

    def test_what_is_cut_off_is_not_there_and_goes_on_where_it_was(self, target: DestinationCase) -> None:
        connection = target.connect()
        with pytest.raises((Cut, TawnyError)):
            connection.put("clip.mp4", CutContent(LARGE, 11_000_000), "", target.notes.append)
        connection.close()
        assert target.get("clip.mp4") is None
        again, whole = target.connect(), CutContent(LARGE, 0)
        again.put("clip.mp4", whole, target.notes[-1] if target.notes else "", target.notes.append)
        listed = [there.name for there in again.files()]
        again.close()
        assert target.get("clip.mp4") == LARGE
        assert listed == ["clip.mp4"]
        assert (whole.first_read > 0) == target.resumes

    def test_what_was_begun_with_other_content_begins_anew(self, target: DestinationCase) -> None:
        connection = target.connect()
        with pytest.raises((Cut, TawnyError)):
            connection.put("clip.mp4", CutContent(LARGE, 11_000_000), "", target.notes.append)
        connection.close()
        again, other = target.connect(), b"x" * 11_500_000
        again.put("clip.mp4", content(other), target.notes[-1] if target.notes else "", target.notes.append)
        again.close()
        assert target.get("clip.mp4") == other

    def test_what_is_noted_is_never_continued_on_other_content(self, target: DestinationCase) -> None:
        """The second one is interrupted as soon as it is noted, so nothing of the first one may be left by then."""

        def note(progress: str) -> None:
            target.notes.append(progress)
            raise Cut

        for cut, noted in ((CutContent(LARGE, 11_000_000), target.notes.append), (content(LARGE[::-1]), note)):
            connection = target.connect()
            with suppress(Cut, TawnyError):
                connection.put("clip.mp4", cut, "", noted)
            connection.close()
        again = target.connect()
        again.put("clip.mp4", content(LARGE[::-1]), target.notes[-1] if target.notes else "", target.notes.append)
        again.close()
        assert target.get("clip.mp4") == LARGE[::-1]

    def test_what_is_removed_is_gone_and_may_be_removed_again(
        self, target: DestinationCase, connection: DestinationConnection
    ) -> None:
        connection.put("a/b.jpg", content(), "", target.notes.append)
        connection.remove("a/b.jpg")
        connection.remove("a/b.jpg")
        found = connection.find("a/b.jpg")
        assert (found, target.get("a/b.jpg")) == (None, None)

    def test_files_are_listed_by_folder(self, target: DestinationCase, connection: DestinationConnection) -> None:
        for name in ("porch/1.mp4", "porch/20/2.mp4", "yard/3.mp4"):
            connection.put(name, content(), "", target.notes.append)
        listed = [sorted(there.name for there in connection.files(prefix)) for prefix in ("", "porch", "none")]
        assert listed == [
            ["porch/1.mp4", "porch/20/2.mp4", "yard/3.mp4"],
            ["porch/1.mp4", "porch/20/2.mp4"],
            [],
        ]

    def test_a_checksum_is_right_where_there_is_one(
        self, target: DestinationCase, connection: DestinationConnection
    ) -> None:
        connection.put("a.jpg", content(), "", target.notes.append)
        answer = connection.sha256("a.jpg")
        assert answer in (None, content().sha256)

    def test_who_carries_twice_does_no_harm(self, target: DestinationCase) -> None:
        carrier = FileCarrier(target.connect(), "offsite")
        upload = Delivery("offsite", "a.jpg", DeliveryKind.PICTURE, {}, made_ms=1000, at_ms=1000)
        for _ in range(2):
            assert carrier.carry(upload, content(), target.notes.append) == "a.jpg"
        carrier.carry(replace(upload, what=DeliveryKind.REMOVAL), content(b""), target.notes.append)
        carrier.close()
        assert target.get("a.jpg") is None

    def test_a_link_is_an_address_where_there_are_links(
        self, target: DestinationCase, connection: DestinationConnection
    ) -> None:
        connection.put("a.jpg", content(), "", target.notes.append)
        link = connection.link("a.jpg", 3600)
        assert link.startswith("http") == target.links
