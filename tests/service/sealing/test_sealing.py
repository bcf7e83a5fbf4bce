"""A whole recorder with a sealed and a plain camera: what is on its disk, and what it is without a key."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.config.loader import parse_settings
from tawny.model.errors import FileSealed
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.segments import Segment
from tawny.playback.segment_player import play
from tawny.sealed.file_reader import FileEnding, open_sealed
from tawny.sealed.key_wrapping import Identity, short_name
from tawny.sealed.records import BLOB, FRAGMENTS, INIT
from tawny.sealed.statements import DAYS
from tawny.service.delivery.event_forms import EventForms
from tawny.service.sealing.policy import policy_of
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.signed_files import FOLDER
from tawny.storage.history.signed_history import SignedHistory
from tests.app.rig import DOOR, EVER, Rig, rig, settings
from tests.storage.test_signed_history import proved

OWNER, RECOVERY = Identity.new(), Identity.new()
YARD = CameraId("yard")
TEXT = f"""
[encryption]
recipients = ["{OWNER.recipient}"]
recovery = "{RECOVERY.recipient}"
[cameras.door]
source = "demo:front"
detection.detector = "off"
encrypt = true
[cameras.yard]
source = "demo:front"
detection.detector = "off"
"""
JPEG = b"\xff\xd8 a picture of somebody \xff\xd9"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Segment], list[Segment]]]:
    """Some seconds of both, and a picture of an event of each; the recorder has ended."""
    folder = tmp_path_factory.mktemp("data")
    with rig(settings(TEXT), folder) as made:
        for camera in (DOOR, YARD):
            made.wait_for_seconds(3, camera)
            made.running.parts.storage.sealing.event_files.write_picture(event(made, camera), JPEG)
    with rig(settings(TEXT), folder) as made:
        yield folder, closed(made, DOOR), closed(made, YARD)


def closed(made: Rig, camera: CameraId) -> list[Segment]:
    return made.running.index.segments(camera, StreamName.MAIN, EVER)


def event(made: Rig, camera: CameraId) -> Event:
    return Event(EventId("e1"), camera, "motion", made.clock.now_ms(), None, 50)


def test_the_owner_gets_all_of_it(recorded: tuple[Path, list[Segment], list[Segment]]) -> None:
    folder, sealed, _ = recorded
    volume = Volume.at(folder)
    for segment in sealed:
        file = read_sealed(volume.disk, segment.path, deep=True)
        assert file.ends is FileEnding.SIGNED
        for identity in (OWNER, RECOVERY):
            types = [record.type for record, _ in open_sealed(file, [identity]).contents()]
            assert types[1] == INIT
            assert len(FRAGMENTS & set(types)) >= 1


def test_no_picture_name_or_key_of_it_is_anywhere_on_the_disk(
    recorded: tuple[Path, list[Segment], list[Segment]],
) -> None:
    folder, sealed, plain = recorded
    secret = [content[8:200] for content in frames(folder, sealed)]
    assert secret
    secret += [JPEG, OWNER.text.encode(), RECOVERY.text.encode(), OWNER.text.lower().encode(), b"a picture of somebody"]
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {path for path in files if any(one in path.read_bytes() for one in secret)}
    assert "e1.jpg" in {path.name for path in found}, "the search finds the picture of the plain camera"
    assert {path.relative_to(folder).parts[0] for path in found} == {YARD}
    assert all(b"moof" in (folder / one.path).read_bytes() for one in plain)
    assert not any(b"moof" in (folder / one.path).read_bytes() for one in sealed)


def frames(folder: Path, sealed: list[Segment]) -> Iterator[bytes]:
    for segment in sealed:
        for record, content in open_sealed(read_sealed(Volume.at(folder).disk, segment.path), [OWNER]).contents():
            if record.type in FRAGMENTS:
                yield content[content.index(b"mdat") :]


def test_the_recorder_cannot_open_it_and_says_so(tmp_path: Path) -> None:
    with rig(settings(TEXT), tmp_path) as made:
        made.wait_for_seconds(2)
        (going,) = made.running.open_segments(DOOR)
        with pytest.raises(FileSealed, match="itself can't open"):
            play(made.running, going, going.start_ms)
        made.running.parts.storage.sealing.event_files.write_picture(event(made, DOOR), JPEG)
        assert made.running.event_picture(event(made, DOOR)) is None
        path = next(tmp_path.rglob("e1.tws"))
        file = read_sealed(Volume.at(tmp_path).disk, str(path.relative_to(tmp_path)), deep=True)
        assert {record.type: content for record, content in open_sealed(file, [OWNER]).contents()}[BLOB] == JPEG
        assert isinstance(EventForms(made.running, None, made.running.event_picture), EventForms)  # type: ignore[arg-type]


def test_what_was_recorded_is_stated(recorded: tuple[Path, list[Segment], list[Segment]]) -> None:
    folder, sealed, _ = recorded
    volume = Volume.at(folder)
    genesis = json.loads((folder / FOLDER / DAYS).read_text().splitlines()[0])["genesis"]
    stated = list(proved(volume.disk, genesis).values())
    items = [item for _, listed in stated for item in listed]
    digests = {item[5] for item in items if item[0] == "file"}  # type: ignore[index]
    assert {read_sealed(volume.disk, one.path).digest.hex() for one in sealed} <= digests
    recipients = sorted(short_name(one.recipient) for one in (OWNER, RECOVERY))
    assert list(stated[-1][0].recipients) == recipients
    assert SignedHistory.is_there(volume.disk)


def test_nothing_is_sealed_to_nobody() -> None:
    for without in ("recipients", "recovery"):
        text = "\n".join(line for line in TEXT.splitlines() if not line.startswith(without))
        made, problems = parse_settings(text, {})
        assert made is None
        assert "tawny encryption setup" in str(problems[0])
    made, problems = parse_settings(TEXT.replace(OWNER.recipient, OWNER.recipient[:-1] + "!"), {})
    assert made is None
    assert "age public key" in str(problems[0])
    made, problems = parse_settings(TEXT + '[storage]\nmode = "memory"\n', {})
    assert made is None


def test_who_may_open_what() -> None:
    viewer = Identity.new().recipient
    more = f'encrypt = true\nrecipients = ["{viewer}"]\nretention.keyframes_after = "7 days"'
    chosen = settings(TEXT.replace("encrypt = true", more))
    policy = policy_of(chosen, DOOR)
    assert policy is not None
    assert policy.recipients == (OWNER.recipient, RECOVERY.recipient, viewer)
    assert policy.splits
    assert policy_of(chosen, YARD) is None
    everything = settings(TEXT.replace("encrypt = true", "") + "[storage]\nencrypt = true\n")
    assert policy_of(everything, YARD) is not None
