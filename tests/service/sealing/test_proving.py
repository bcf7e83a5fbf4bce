"""Evidence out of the running recorder, of what it recorded before: a folder that holds."""

from pathlib import Path

import pytest

from tawny.model.errors import NotDone
from tawny.model.times import Span
from tawny.sealed.evidence import verify
from tawny.sealed.statements import genesis_of
from tawny.testing.clips import ClipSpec, clip_file
from tests.app.rig import DOOR, one_camera, rig


def test_a_recorder_proves_what_it_recorded_in_an_earlier_life(tmp_path: Path) -> None:
    source, proof = one_camera(str(clip_file(ClipSpec(seconds=4)))), tmp_path / "proof"
    with rig(source, tmp_path / "data") as bench:
        bench.wait_for_seconds(2.0, DOOR)
    with rig(source, tmp_path / "data") as bench:
        first = bench.running.index.segments(DOOR, None, Span(0, 1 << 45))[0]
        parts: list[float] = []
        bench.running.prove(DOOR, first.span, proof, parts.append)
        with pytest.raises(NotDone, match="There is no signed recording from door"):
            bench.running.prove(DOOR, Span(1, 2), tmp_path / "nothing", parts.append)
    genesis = genesis_of((proof / "chain-days.jsonl").read_bytes())
    verdict = verify(lambda name: (proof / name).read_bytes() if (proof / name).is_file() else None, genesis)
    assert verdict.problems == []
    assert verdict.manifest["camera"] == "door"
    assert parts
    assert not (tmp_path / "nothing").exists()
