"""The documentation is true: names exist, the reference is fresh, one word a thing."""

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "tawny"
TOUR = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
SECOND_WORDS = {
    "chunk": "fragment",
    "prebuffer": "pre_roll",
    "iframe": "keyframe",
    "i_frame": "keyframe",
    "snippet": "clip",
}


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`([a-z_0-9/]+\.py)(?::([A-Za-z_]+))?`", TOUR))))
def test_the_tour_leads_to_what_is_there(place: tuple[str, str]) -> None:
    path, name = place
    text = (SRC / path).read_text(encoding="utf-8")
    assert not name or re.search(rf"^(class|def) {name}\b", text, re.MULTILINE), f"{path} has no {name}"


def test_the_tour_shows_where_a_packet_reaches_the_disk() -> None:
    text = (SRC / "storage" / "disk" / "disk.py").read_text(encoding="utf-8")
    body = text[text.index("class _RealFile") :]
    assert "os.writev" in body
    assert "os.fdatasync" in body


def test_the_reference_is_as_the_code() -> None:
    reference = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
    for name, text in reference["pages"]().items():
        assert (reference["FOLDER"] / name).read_text(encoding="utf-8") == text, (
            f"run scripts/reference.py: {name} is stale"
        )


def names_in(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "name", None) or getattr(node, "id", None) or getattr(node, "arg", None)
            if isinstance(name, str):
                yield f"{path.relative_to(folder)}:{getattr(node, 'lineno', 0)}", name


@pytest.mark.parametrize(("word", "ours"), SECOND_WORDS.items())
def test_one_word_a_thing(word: str, ours: str) -> None:
    names = ((where, name) for where, name in names_in(SRC) if not (word == "chunk" and where.startswith("media/")))
    found = [f"{where} ({name})" for where, name in names if f"_{word}_" in f"_{name.lower()}_"]  # MP4 has chunks
    assert not found, f"docs/glossary.md says {ours!r}, not {word!r}: {found}"


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda path: str(path.relative_to(SRC)))
def test_a_module_is_one_idea(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 600, "more than 600 lines"
    assert ast.get_docstring(ast.parse(text)), "says nothing of itself"


def test_only_the_model_reads_a_clock() -> None:
    read = re.compile(r"\b(time\.(time|time_ns|monotonic|perf_counter|sleep)|datetime\.(now|utcnow|today))\b")
    allowed = {"model/clock.py", "testing/waiting.py", "testing/rtsp_player.py"}  # peers play in real time
    found = [
        str(path.relative_to(SRC))
        for path in SRC.rglob("*.py")
        if str(path.relative_to(SRC)) not in allowed and read.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_only_media_speaks_to_the_codec_library() -> None:
    imports = re.compile(r"^\s*(import av\b|from av\b)", re.MULTILINE)
    allowed = {"testing/clips.py"}  # test clips want encoder settings that the product never uses
    found = [
        str(path.relative_to(SRC))
        for path in SRC.rglob("*.py")
        if "media" not in path.parts and imports.search(path.read_text(encoding="utf-8"))
    ]
    assert set(found) <= allowed


def test_only_the_engine_catches_everything() -> None:
    catch = re.compile(r"except( Exception| BaseException)?( as \w+)?:")
    found = [
        str(path.relative_to(SRC))
        for path in SRC.rglob("*.py")
        if path.parent.name != "engine" and catch.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
