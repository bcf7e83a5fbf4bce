"""Hostile files in the data folder: nothing breaks, nothing outside is touched, ours stay, and all is reported."""

import os
import shutil
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tawny.cli.main import main
from tawny.model.times import stamp
from tawny.storage.index.opening import INDEX_NAME, index_to_write, rebuild, rebuild_index
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import CheckReport, Finding, FindingKind
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.runner import Retention, RetentionRule
from tests.storage.bench import PORCH, Site

Harm = Callable[[Path], Path]
"""Puts something into the hour's folder; returns it."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    Site(folder).record(130)
    return folder


@pytest.fixture
def site(recorded: Path, tmp_path: Path) -> Site:
    shutil.copytree(recorded, tmp_path / "data")
    made = Site(tmp_path / "data")
    rebuild(made.volume, made.index, made.history)
    made.clock.advance(200)
    return made


@pytest.fixture
def hour(site: Site) -> Path:
    return site.folder / "porch" / "2026" / "11" / "20" / "05"


def _name(hour: Path, minute: int = 30) -> Path:
    return hour / f"20261120T05{minute}00.000Z-20261120T05{minute}59.000Z.main.mp4"


def _whole(hour: Path) -> bytes:
    return min(hour.glob("*.main.mp4")).read_bytes()


def _put(data: bytes) -> Harm:
    def harm(hour: Path) -> Path:
        _name(hour).write_bytes(data)
        return _name(hour)

    return harm


def _cut_in_the_middle(hour: Path) -> Path:
    path = min(hour.glob("*.main.mp4"))
    path.write_bytes(_whole(hour)[: path.stat().st_size // 2])
    return path


def _cut_in_its_header(hour: Path) -> Path:
    _name(hour).write_bytes(_whole(hour)[:300])
    return _name(hour)


def _of_another_time(hour: Path) -> Path:
    _name(hour).write_bytes(_whole(hour))
    return _name(hour)


def _zeros_at_its_end(hour: Path) -> Path:
    path = min(hour.glob("*.main.mp4"))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2].ljust(len(data), b"\0"))
    return path


def _noise_inside(hour: Path) -> Path:
    path = min(hour.glob("*.main.mp4"))
    data = bytearray(path.read_bytes())
    data[2000:2400] = os.urandom(400)
    path.write_bytes(data)
    return path


def _link(to: str) -> Harm:
    def harm(hour: Path) -> Path:
        _name(hour).symlink_to(to)
        return _name(hour)

    return harm


def _linked_folder(hour: Path) -> Path:
    (hour.parent / "06").symlink_to("/etc")
    return hour.parent / "06"


def _linked_camera(hour: Path) -> Path:
    camera = hour.parents[4] / "yard"
    camera.symlink_to("/")
    return camera


def _pipe(hour: Path) -> Path:
    os.mkfifo(_name(hour))
    return _name(hour)


def _socket(hour: Path) -> Path:
    path = hour / "socket"
    os.mknod(path, stat.S_IFSOCK | 0o600)  # bind() allows a path of 107 bytes only
    return path


def _folder_in_place_of_a_file(hour: Path) -> Path:
    _name(hour).mkdir()
    return _name(hour)


def _foreign(name: str) -> Harm:
    def harm(hour: Path) -> Path:
        (hour / name).write_bytes(b"not ours")
        return hour / name

    return harm


HUGE_BOX = struct.pack(">I4s", 24, b"ftyp") + b"iso6" + bytes(12) + struct.pack(">I4sQ", 1, b"moov", 1 << 62)
ENDLESS_BOX = struct.pack(">I4s", 24, b"ftyp") + b"iso6" + bytes(12) + struct.pack(">I4s", 0xFFFFFFFF, b"moov")
DEEP = (
    struct.pack(">I4s", 16, b"ftyp")
    + b"iso6" * 2
    + b"".join(struct.pack(">I4s", 8 * (4000 - at), b"moov") for at in range(4000))
)

HARMS: dict[str, tuple[Harm, FindingKind]] = {
    "cut in the middle": (_cut_in_the_middle, FindingKind.TORN),
    "cut in its header": (_cut_in_its_header, FindingKind.DAMAGED),
    "nothing in it": (_put(b""), FindingKind.EMPTY),
    "only zeros": (_put(bytes(50_000)), FindingKind.ZEROS),
    "zeros at its end": (_zeros_at_its_end, FindingKind.TORN),
    "noise inside": (_noise_inside, FindingKind.TORN),
    "noise": (_put(bytes(range(256)) * 200), FindingKind.DAMAGED),
    "a box of 4 EB": (_put(HUGE_BOX), FindingKind.DAMAGED),
    "a box of 4 GB": (_put(ENDLESS_BOX), FindingKind.DAMAGED),
    "boxes in boxes": (_put(DEEP), FindingKind.DAMAGED),
    "of another time": (_of_another_time, FindingKind.WRONG_NAME),
    "a link": (_link("/etc/passwd"), FindingKind.LINK),
    "a link to nothing": (_link("nowhere"), FindingKind.LINK),
    "a link to itself": (_link("20261120T053000.000Z-20261120T053059.000Z.main.mp4"), FindingKind.LINK),
    "a linked folder": (_linked_folder, FindingKind.LINK),
    "a linked camera": (_linked_camera, FindingKind.LINK),
    "a pipe": (_pipe, FindingKind.FOREIGN),
    "a socket": (_socket, FindingKind.FOREIGN),
    "a folder named like a file": (_folder_in_place_of_a_file, FindingKind.FOREIGN),
    "a foreign file": (_foreign("notes.txt"), FindingKind.FOREIGN),
    "a name with a line break": (_foreign("a\nb\x1b[31m.mp4"), FindingKind.FOREIGN),
    "a name that is no text": (_foreign("\udcff\udcfe.mp4"), FindingKind.FOREIGN),
    "a name as long as can be": (_foreign("x" * 255), FindingKind.FOREIGN),
    "a time that is none": (_foreign("20261399T990000.000Z-20261399T990001.000Z.main.mp4"), FindingKind.FOREIGN),
    "an end before its start": (_foreign("20261120T053100.000Z-20261120T053000.000Z.main.mp4"), FindingKind.FOREIGN),
}


@pytest.fixture
def looked(site: Site) -> Callable[[], CheckReport]:
    return lambda: check_volume(
        site.volume,
        site.index,
        site.clock,
        CheckScope(deep=True, with_wall=True, beside_recorder=False),
        ledger=site.ledger,
    )


@pytest.mark.parametrize("name", HARMS)
def test_each_is_reported_and_breaks_nothing(
    site: Site, hour: Path, looked: Callable[[], CheckReport], name: str
) -> None:
    harm, what = HARMS[name]
    listed = list(site.index.all_segments())
    path = str(harm(hour).relative_to(site.folder))
    found = looked().findings
    assert (what, path) in {(one.what, one.path) for one in found}
    site.recover()
    _rebuilt(site)
    retention = Retention(
        site.volume, site.index, site.ledger, site.clock, RetentionContract(RetentionRule(max_s=1.0, free_share=0.0))
    )
    retention.run()
    assert list(site.index.all_segments()) == []
    assert Path("/etc/passwd").exists()
    assert len(listed) == 3


def _rebuilt(site: Site) -> None:
    rebuild_index(site.volume, site.history)
    index = index_to_write(site.volume, site.history)
    index.close()


@pytest.mark.parametrize("name", ["a name with a line break", "a name that is no text", "a box of 4 EB", "a pipe"])
def test_the_command_tells_it_in_words_that_any_terminal_takes(
    site: Site, hour: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    harm, _ = HARMS[name]
    rebuild_index(site.volume, site.history)
    path = harm(hour)
    code = main(["check", "--deep", "--data", str(site.folder)])
    result = capfd.readouterr()
    assert code == 1, result.err
    assert "Traceback" not in result.err
    assert path.name not in result.out or path.name.isprintable()
    assert all(one.isprintable() or one == "\n" for one in result.out)


def test_a_file_for_every_millisecond(site: Site, hour: Path, looked: Callable[[], CheckReport]) -> None:
    whole, begin_ms = _whole(hour), site.clock.now_ms() + 600_000
    for ms in range(1000):
        at_ms = begin_ms + ms
        (hour / f"{stamp(at_ms)}-{stamp(at_ms + 1)}.main.mp4").write_bytes(whole[:1500])
    found = looked().findings
    assert sum(one.what is not FindingKind.UNEXPLAINED for one in found) == 1000
    site.recover()
    assert len(list(site.index.all_segments())) == 3


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (
            "history/2026-11-20.jsonl",
            b"\xff\xfe\0 not JSON\n" * 100 + b'{"at_ms": "x"}\n[]\n7\n' + b"[" * 100_000 + b"\n",
        ),
        ("history/2026-11-20.jsonl", b'{"at_ms":1e999,"what":"gap","gap":{}}\n{"at_ms":1,"what":"gap","gap":null}\n'),
        ("history/folders.json", b"[" * 100_000),
        ("history/folders.json", b'["../../etc", "/etc", "porch", 7, null, "porch/2026/11/20/05/x"]'),
        ("lock", b"\xff" * 256),
        ("lock", b'{"pid": "x", "boot": 7, "at_ms": 1e400}'.ljust(256)),
        ("porch/2026/11/20/scores", b"\xff" * 1_000_000),
    ],
)
def test_our_own_files_full_of_nonsense(site: Site, name: str, data: bytes) -> None:
    before = list(site.index.all_segments())
    (site.folder / name).parent.mkdir(parents=True, exist_ok=True)
    (site.folder / name).write_bytes(data)
    site.forget_index()
    site.recover()
    _rebuilt(site)
    with closing(index_to_write(site.volume, site.history)) as index:
        assert sorted(one.path for one in index.all_segments()) == sorted(one.path for one in before)


def test_findings_are_found_again_after_a_repair_only_where_nobody_may_delete(
    site: Site, hour: Path, looked: Callable[[], CheckReport]
) -> None:
    for harm, _ in HARMS.values():
        if not _taken(hour, harm):
            continue
    first, second = looked(), looked()
    left: Iterator[Finding] = (one for one in second.findings if one.what in (FindingKind.FOREIGN, FindingKind.LINK))
    assert sum(1 for _ in left) == sum(one.what in (FindingKind.FOREIGN, FindingKind.LINK) for one in first.findings)


def _taken(hour: Path, harm: Harm) -> bool:
    try:
        harm(hour)
    except (OSError, ValueError):
        return False
    return True


def test_the_index_may_be_a_folder(site: Site) -> None:
    (site.folder / INDEX_NAME).mkdir()
    with closing(index_to_write(site.volume, site.history)) as index:
        assert len(list(index.all_segments())) == 3
    assert PORCH in site.volume.cameras()
