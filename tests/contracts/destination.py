"""What every destination must do. A kind's tests make a `Target` with a real server behind it and inherit this."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tawny.delivery.delivery import DeliveryKind
from tawny.delivery.destination import DestinationConnection, FileCarrier
from tawny.model.errors import TawnyError
from tests.delivery.carried import Bytes, delivery

LARGE = bytes(range(256)) * 4096 * 12
"""12 MB: more than one part anywhere."""


@dataclass
class Target:
    """connect: to a place that is empty. get: what its server itself has under a name; None when nothing."""

    connect: Callable[[], DestinationConnection]
    get: Callable[[str], bytes | None]
    resumes: bool = True
    links: bool = False
    notes: list[str] = field(default_factory=list)


def content(data: bytes = b"a picture") -> Bytes:
    return Bytes(data, sha256=hashlib.sha256(data).hexdigest())


class Cut(Exception):
    """The line was cut."""


class CutContent(Bytes):
    """Fails once it was read up to a place."""

    def __init__(self, data: bytes, at: int) -> None:
        super().__init__(data, sha256=hashlib.sha256(data).hexdigest())
        self.at, self.first_read = at, -1

    def read(self, offset: int, size_bytes: int) -> bytes:
        self.first_read = offset if self.first_read < 0 else self.first_read
        if self.at and offset + size_bytes > self.at:
            raise Cut
        return super().read(offset, size_bytes)


class DestinationContract:
    """Inherited; the `target` fixture is the subclass's."""

    def test_what_is_put_is_there(self, target: Target) -> None:
        connection = target.connect()
        connection.put("2026/11/20/a.jpg", content(), "", target.notes.append)
        assert target.get("2026/11/20/a.jpg") == b"a picture"
        found = connection.find("2026/11/20/a.jpg")
        connection.close()
        assert found
        assert (found.name, found.size_bytes) == ("2026/11/20/a.jpg", 9)

    def test_a_large_file_arrives_whole(self, target: Target) -> None:
        connection = target.connect()
        connection.put("clip.mp4", content(LARGE), "", target.notes.append)
        assert target.get("clip.mp4") == LARGE
        assert b"".join(connection.read("clip.mp4")) == LARGE
        connection.close()

    def test_an_empty_file_is_a_file(self, target: Target) -> None:
        connection = target.connect()
        connection.put("empty", content(b""), "", target.notes.append)
        found = connection.find("empty")
        connection.close()
        assert found
        assert found.size_bytes == 0

    @pytest.mark.parametrize("name", ["Ä ö.mp4", "a b/c&d=e+f.jpg", "100%.jpg", 'it\'s "quoted".mp4', "-rf.jpg"])
    def test_any_name_is_a_name(self, target: Target, name: str) -> None:
        connection = target.connect()
        connection.put(name, content(), "", target.notes.append)
        listed = [there.name for there in connection.files()]
        connection.close()
        assert (target.get(name), listed) == (b"a picture", [name])

    def test_a_second_one_replaces_the_first(self, target: Target) -> None:
        connection = target.connect()
        connection.put("a.mp4", content(b"short"), "", target.notes.append)
        connection.put("a.mp4", content(b"longer than that"), "", target.notes.append)
        connection.close()
        assert target.get("a.mp4") == b"longer than that"

    def test_what_is_cut_off_is_not_there_and_goes_on_where_it_was(self, target: Target) -> None:
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

    def test_what_was_begun_with_other_content_begins_anew(self, target: Target) -> None:
        connection = target.connect()
        with pytest.raises((Cut, TawnyError)):
            connection.put("clip.mp4", CutContent(LARGE, 11_000_000), "", target.notes.append)
        connection.close()
        again, other = target.connect(), b"x" * 11_500_000
        again.put("clip.mp4", content(other), target.notes[-1] if target.notes else "", target.notes.append)
        again.close()
        assert target.get("clip.mp4") == other

    def test_what_is_removed_is_gone_and_may_be_removed_again(self, target: Target) -> None:
        connection = target.connect()
        connection.put("a/b.jpg", content(), "", target.notes.append)
        connection.remove("a/b.jpg")
        connection.remove("a/b.jpg")
        found = connection.find("a/b.jpg")
        connection.close()
        assert (found, target.get("a/b.jpg")) == (None, None)

    def test_files_are_listed_by_folder(self, target: Target) -> None:
        connection = target.connect()
        for name in ("porch/1.mp4", "porch/20/2.mp4", "yard/3.mp4"):
            connection.put(name, content(), "", target.notes.append)
        listed = [sorted(there.name for there in connection.files(prefix)) for prefix in ("", "porch", "none")]
        connection.close()
        assert listed == [
            ["porch/1.mp4", "porch/20/2.mp4", "yard/3.mp4"],
            ["porch/1.mp4", "porch/20/2.mp4"],
            [],
        ]

    def test_a_checksum_is_right_where_there_is_one(self, target: Target) -> None:
        connection = target.connect()
        connection.put("a.jpg", content(), "", target.notes.append)
        said = connection.sha256("a.jpg")
        connection.close()
        assert said in (None, content().sha256)

    def test_who_carries_twice_does_no_harm(self, target: Target) -> None:
        carrier = FileCarrier(target.connect(), "offsite")
        for _ in range(2):
            assert carrier.carry(delivery("a.jpg"), content(), target.notes.append) == "a.jpg"
        carrier.carry(delivery("a.jpg", DeliveryKind.REMOVAL), content(b""), target.notes.append)
        carrier.close()
        assert target.get("a.jpg") is None

    def test_a_link_is_an_address_where_there_are_links(self, target: Target) -> None:
        connection = target.connect()
        connection.put("a.jpg", content(), "", target.notes.append)
        link = connection.link("a.jpg", 3600)
        connection.close()
        assert link.startswith("http") == target.links
