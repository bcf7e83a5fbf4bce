"""Whatever happens to a camera: each picture that it sent is kept as it was, or flagged, or its loss is explained.

What is kept and not flagged was sent exactly so. The sums over all faults are printed at the end (`-s` shows them).
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from tawny.model.errors import SourceError
from tawny.sources.rtsp.client import connection, tracks
from tawny.testing.clips import made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup, SentUnit
from tests.sources.reading import Read, open_camera, read_all, reason_of
from tests.sources.rtsp_client.every_fault import NEVER, PLAYING, WHOLE, Case, Never

AT_ONCE, STALL_S = 8, 2.0


@dataclass
class Sums:
    sent: int = 0
    same: int = 0
    different: int = 0
    flagged: int = 0
    touched: int = 0
    """Neither: a fault was on them, or on a neighbour."""
    after: int = 0
    """Sent, maybe, after we had left, or never to be decoded; how the connection ended tells why."""
    unexplained: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        mine, theirs = vars(self), vars(other)
        return Sums(**{name: mine[name] + theirs[name] for name in mine})

    def __str__(self) -> str:
        explained = self.touched + self.after
        return (
            f"{self.sent} pictures sent, {self.same} recorded identically, {self.flagged} flagged, {explained} not "
            f"recorded and explained, {self.unexplained} unexplained, {self.different} different and unflagged"
        )


@pytest.fixture(scope="module")
def total() -> Iterator[list[Sums]]:
    sums: list[Sums] = []
    yield sums
    print(f"\ntruth over {len(sums)} faults: {sum(sums, Sums())}")


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[tuple[Read, list[SentUnit]]]]]:
    """All that are asked for, several at a time: most of it is waiting for cameras."""
    asked = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = {str(case): case for spec in asked if spec and isinstance(case := spec.params.get("case"), Case)}
    with ThreadPoolExecutor(AT_ONCE) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracks, "KEYFRAME_S", 3.0)
        yield {name: pool.submit(_played, case) for name, case in wanted.items()}


def _played(case: Case) -> tuple[Read, list[SentUnit]]:
    """What was read, and which pictures were sent."""
    setup = CameraSetup(speed=8, passes=2)
    for name, value in case.setup.items():
        assert hasattr(setup, name)
        setattr(setup, name, value)
    clip = case.clip
    if case.transport == "udp":  # little enough that the system keeps it for us when this machine is busy
        setup.speed, clip = 4, replace(clip, detail=12)
    with RtspCamera(made_clip(clip), setup) as camera:
        if case.from_the_beginning:
            case.act(camera)
        opened = open_camera(camera, transport=case.transport, client="own", stall=STALL_S)
        read = read_all(opened, most_s=120.0, until=_beginning(camera, case))
    return read, [unit for unit in camera.playing[0].sent if unit.is_video]  # now that it has told of every unit


@pytest.mark.parametrize("case", PLAYING, ids=str)
def test_every_picture_is_kept_flagged_or_explained(
    case: Case, outcomes: Mapping[str, Future[tuple[Read, list[SentUnit]]]], total: list[Sums]
) -> None:
    read, sent = outcomes[str(case)].result()
    sums = _compare(read, [(unit.data, unit.is_damaged) for unit in sent])
    total.append(sums)
    assert sums.different == 0
    assert sums.unexplained == 0
    assert isinstance(read.error, SourceError)
    assert reason_of(read.error) in ((case.ends,) if isinstance(case.ends, str) else case.ends)
    if case.keeps_all:
        assert sums.same == sums.sent


def _beginning(camera: RtspCamera, case: Case) -> Callable[[Read], bool]:
    """The fault begins when so many pictures have come."""
    begun = case.from_the_beginning

    def begin(read: Read) -> bool:
        nonlocal begun
        if not begun and len(read.data()) >= WHOLE:
            begun = True
            case.act(camera)
        return False

    return begin


@pytest.mark.parametrize("case", NEVER, ids=str)
def test_a_camera_that_never_plays_is_told_why(case: Never, total: list[Sums], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OPEN_S", 2.0)
    transport = "udp" if case.name.startswith("udp") else "tcp"
    with RtspCamera(made_clip(PLAYING[0].clip), CameraSetup(udp_refused=True)) as camera:
        address = camera.address
        case.act(camera)
        with pytest.raises(SourceError) as refused:
            open_camera(camera, address, transport=transport, client="own")
        assert all(not viewer.sent for viewer in camera.viewers)
    assert reason_of(refused.value) == case.ends
    total.append(Sums())


def test_a_camera_that_comes_back_is_read_again_from_its_first_picture_on(total: list[Sums]) -> None:
    with RtspCamera(made_clip(PLAYING[0].clip), CameraSetup(speed=8, passes=1)) as camera:
        first = read_all(open_camera(camera, client="own"), until=lambda read: len(read.packets) > 5)
        camera.down()
        with pytest.raises(SourceError):
            open_camera(camera, client="own")
        camera.up()
        again = read_all(open_camera(camera, client="own"))
        sent = [unit.data for unit in camera.playing[1].sent]
    assert again.data() == sent
    assert first.data() == sent[: len(first.data())]
    total.append(Sums(sent=len(sent), same=len(sent)))


def _compare(read: Read, sent: list[tuple[bytes, bool]]) -> Sums:
    """sent: data, and whether a fault was on it. The same picture may be in it again, a pass later."""
    sums, fate = Sums(sent=len(sent)), [""] * len(sent)
    at = 0
    for packet in read.packets:
        if not packet.is_video:
            continue
        found = next((n for n in range(at, len(sent)) if sent[n][0] == packet.data), None)
        if found is None:
            sums.different += not packet.is_damaged
            continue
        fate[found] = "flagged" if packet.is_damaged else "same"
        at = found + 1
    sums.same, sums.flagged = fate.count("same"), fate.count("flagged")
    is_broken_off = not read.error or reason_of(read.error) != "closed"  # by us, or what was on its way is lost
    for n, word in enumerate(fate):
        if word:
            continue
        if any(touched for _, touched in sent[max(0, n - 1) : n + 2]):
            sums.touched += 1
        elif is_broken_off and not any(fate[n:]):
            sums.after += 1
        else:
            sums.unexplained += 1
    return sums
