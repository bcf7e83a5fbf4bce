"""The documentation is true: names exist, the reference is fresh, one word a thing."""

import ast
import re
import runpy
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from tawny.config.settings import Settings
from tawny.testing import contracts

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "tawny"
DOCS = ROOT / "docs"
TOUR = DOCS / "how-it-works" / "README.md"
WHERE = TOUR.parent / "where-is-what.md"
INTERNALS = "\n".join(page.read_text(encoding="utf-8") for page in sorted(TOUR.parent.glob("*.md")))
REASONS = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "decisions").glob("*.md")))
FRAGMENTS = ROOT / "changes"
OTHERS = [*ROOT.glob("*.md"), FRAGMENTS / "README.md", *(ROOT / "addons").rglob("*.md")]
PAGES = sorted([*DOCS.rglob("*.md"), *OTHERS])
DECISIONS = DOCS / "decisions" / "README.md"
"""It has a row for each."""
GENERATED = {"commands.md", "settings.md", "errors.md", "features.md", "reliability.md"}
LONG = GENERATED | {"benchmarks.md"}
MAX_PAGE_LINES, MAX_TOUR_LINES = 150, 60
AVOIDED = re.compile(
    r"\b(somebody|anew|whoever|(?:is|are) told|mend|key pictures?|private parts?|on watch)\b", re.IGNORECASE
)
"""Words that users don't use. The page of old names has to have some."""
PLACE = re.compile(r"`([\w./-]+/[\w./-]+\.(?:py|tsx?))(?::{1,2}([\w.]+))?`")
"""A file of the source, and what it defines."""
NAME = re.compile(r"`(\w+|[A-Z_]\w*\.\w+)`")
SOURCE_NAME = re.compile(r"`(_\w+|[A-Z]\w*\.\w+|[A-Z]+_[A-Z_]+)`")
"""A name that can only be one of the source: `_drop`, `Program.run`, `GAP_WORDS`."""
ROWS = re.findall(r"^\| (.+) \| (.+) \|$", WHERE.read_text(encoding="utf-8"), re.MULTILINE)[1:]
SECOND_WORDS = {
    "chunk": "fragment",
    "prebuffer": "pre_roll",
    "iframe": "keyframe",
    "i_frame": "keyframe",
    "snippet": "clip",
}


@cache
def definitions(path: Path) -> frozenset[str]:
    """Return the names that a module defines, such as `Program._stop`."""
    return frozenset(_defined(ast.parse(path.read_text(encoding="utf-8"))))


def _defined(node: ast.AST, within: str = "") -> Iterator[str]:
    for one in getattr(node, "body", ()):
        if isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{within}{one.name}"
            yield from _defined(one, f"{within}{one.name}.")
        elif isinstance(one, ast.Assign | ast.AnnAssign) and isinstance(node, ast.Module | ast.ClassDef):
            names = (part for part in ast.walk(one) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
            yield from (f"{within}{name.id}" for name in names)


def has_name(path: Path, name: str) -> bool:
    """Return whether a Python file defines a name, perhaps in a class; of other files, whether the name is in it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return bool(re.search(rf"\b{name}\b", text))
    if name.rpartition(".")[2] not in text:  # to parse it takes longer
        return False
    return f"self.{name} = " in text or any(f".{one}".endswith(f".{name}") for one in definitions(path))


def file_of(path: str) -> Path | None:
    """Return the file that a page names by its path."""
    folders = (SRC, ROOT, ROOT / "tests", ROOT / "ui" / "src")
    return next((folder / path for folder in folders if (folder / path).is_file()), None)


@pytest.mark.parametrize("place", sorted(set(PLACE.findall(INTERNALS + REASONS))))
def test_the_tour_and_the_decisions_lead_to_what_is_there(place: tuple[str, str]) -> None:
    path, name = place
    file = file_of(path)
    assert file, f"there is no {path}"
    is_there = name in definitions(file) if file.suffix == ".py" else has_name(file, name)
    assert not name or is_there, f"{path} has no {name}"


@pytest.mark.parametrize("code", [pytest.param(code, id=question) for question, code in ROWS])
def test_a_row_of_where_is_what_has_names_of_its_files(code: str) -> None:
    files = [file for path, _ in PLACE.findall(code) if (file := file_of(path))]
    assert [name for name in NAME.findall(code) if not any(has_name(file, name) for file in files)] == []


@pytest.mark.parametrize("name", sorted(set(SOURCE_NAME.findall(INTERNALS))))
def test_names_of_the_source_in_how_it_works_are_there(name: str) -> None:
    sources = (path for folder in (SRC, ROOT / "tests") for path in folder.rglob("*.py"))
    assert any(has_name(path, name) for path in sources), f"nothing defines {name}"


def test_the_page_about_plug_ins_says_how_each_contract_suite_is_used() -> None:
    page = (DOCS / "how-to" / "write-a-plug-in.md").read_text(encoding="utf-8")
    assert [name for name in contracts.__all__ if f"`{name}`" not in page] == []


def test_the_tour_shows_where_a_packet_reaches_the_disk() -> None:
    text = (SRC / "storage" / "disk" / "disk.py").read_text(encoding="utf-8")
    body = text[text.index("class _RealFile") :]
    assert "os.writev" in body
    assert "os.fdatasync" in body


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    """Return the targets of all links and images outside of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^    .*$", "", re.sub(r"`[^`]*`", "", text), flags=re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def target_of(page: Path, link: str) -> Path:
    return (page.parent / link.partition("#")[0]).resolve() if link.partition("#")[0] else page


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z+]+:", link):
            assert link.startswith("https://"), link
            continue
        target, anchor = target_of(page, link), link.partition("#")[2]
        assert target.is_file(), f"{named(page)}: {link} leads nowhere"
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{named(page)}: no heading {link}"


def test_every_page_can_be_reached_from_the_index() -> None:
    found, open_pages = set[Path](), [DOCS / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page in found:
            continue
        found.add(page)
        open_pages += [
            target_of(page, link) for link in links(page) if link.partition("#")[0].endswith(".md") and ":" not in link
        ]
    assert [named(page) for page in DOCS.rglob("*.md") if page not in found] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in LONG and page != DECISIONS], ids=named)
def test_a_page_is_short(page: Path) -> None:
    most = MAX_TOUR_LINES if page == TOUR else MAX_PAGE_LINES
    assert page.read_text(encoding="utf-8").count("\n") <= most


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in {*GENERATED, "renamed.md"}], ids=named)
def test_a_page_has_one_title_and_plain_words(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(r"# [^\n]+\n\n", text), "begins with a title"
    assert AVOIDED.findall(text) == []


def test_every_decision_is_in_the_index_with_its_date_and_status() -> None:
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    for page in sorted((DOCS / "decisions").glob("0*.md")):
        found = re.match(r"# (\d+)\. (.+)\n\nDate: (\d{4}-\d\d-\d\d) · Status: (.+)", page.read_text(encoding="utf-8"))
        assert found, f"{page.name}: `# NUMBER. TITLE`, then `Date: … · Status: …`"
        assert found[1] == str(int(page.name[:4]))
        assert f"| {found[1]} | [{found[2]}]({page.name}) | {found[3]} |" in index


def test_fragments_of_the_changelog_have_plain_words_and_no_links_within_the_repository() -> None:
    for page in sorted(FRAGMENTS.glob("*.*.md")):
        assert AVOIDED.findall(page.read_text(encoding="utf-8")) == [], page.name
        assert [link for link in links(page) if not link.startswith("https://")] == [], page.name  # the text moves


def test_fragments_of_the_changelog_are_well_formed(tmp_path: Path) -> None:
    changelog = runpy.run_path(str(ROOT / "scripts" / "changelog.py"))
    assert list(changelog["problems"](changelog["fragments"]())) == []
    (tmp_path / "a-thing.fixed.md").write_text("A thing was wrong.\n")
    (tmp_path / "Bad.md").write_text("Text.\n")
    (tmp_path / "two.added.md").write_text("One.\nTwo.\n")
    made = changelog["fragments"](tmp_path)
    assert [line.partition(":")[0] for line in changelog["problems"](made)] == ["Bad.md", "two.added.md"]
    text = changelog["merged"]("# Changes\n\n## 0.1.0\n\n### Fixed\n\n- Old.\n", [tmp_path / "a-thing.fixed.md"])
    assert text == "# Changes\n\n## 0.1.0\n\n### Fixed\n\n- Old.\n- A thing was wrong.\n"


def test_the_reference_is_as_the_code() -> None:
    reference = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
    for name, text in reference["pages"]().items():
        assert (reference["FOLDER"] / name).read_text(encoding="utf-8") == text, (
            f"run scripts/reference.py: {name} is stale"
        )


def _tables(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a type of settings and those of the tables in it."""
    yield kind
    waiting = [one.annotation for one in kind.model_fields.values()]
    while waiting:
        if isinstance(one := waiting.pop(), type) and issubclass(one, BaseModel):
            yield from _tables(one)
        waiting += get_args(one)


def test_the_reference_has_every_table_of_the_settings_with_defaults_as_in_the_file() -> None:
    listed = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
    assert {*_tables(Settings)} - {Settings, *(kind for _, kind in listed["TABLES"])} == set()
    shown = [default for _, kind in listed["TABLES"] for _, default, _ in listed["_fields"](kind)]
    for default in (one.strip("`") for one in shown if one.startswith("`")):
        tomllib.loads(f"x = {default}")


def test_every_feature_of_former_systems_is_shown_or_named_as_missing() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "features.py"))
    answer, tests = made["features"](), made["shown_by"]()
    assert sum(len(answer[system]) for system in made["NAMES"]) == 149
    assert list(made["problems"](answer, tests)) == []
    text = (made["FOLDER"] / made["PAGE"]).read_text(encoding="utf-8")
    assert text == made["page"](answer, tests), "run scripts/features.py: features.md is stale"
    assert list(made["problems"](answer, {**tests, "XY1": ["a"]})) == [
        "XY1 is no feature: see docs/coming-from/features.toml"
    ]
    without = {one: named for one, named in tests.items() if one != "RC1"}
    assert list(made["problems"](answer, without)) == ["no test shows RC1, and [not_yet] doesn't say what is missing"]


def test_tests_show_features_by_their_names_and_by_marks(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_rp6_rp7_both(): ...\n\n\n@pytest.mark.shows('SC1')\ndef test_other(): ...\n\n\ndef test_rpm(): ...\n"
    )
    shown = runpy.run_path(str(ROOT / "scripts" / "features.py"))["shown_by"](tmp_path)
    both, other = "test_it.py::test_rp6_rp7_both", "test_it.py::test_other"
    assert shown == {"RP6": [both], "RP7": [both], "SC1": [other]}


@cache
def names_in(folder: Path) -> tuple[tuple[str, str], ...]:
    return tuple(_names_in(folder))


def _names_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the name of what has one of SECOND_WORDS in it, in modules that have one anywhere."""
    unusual = re.compile(rf"(?:^|_|\b)(?:{'|'.join(SECOND_WORDS)})(?:_|\b)", re.IGNORECASE)
    for path in sorted(folder.rglob("*.py")):
        text, where = path.read_text(encoding="utf-8"), str(path.relative_to(folder))
        for node in ast.walk(ast.parse(text)) if unusual.search(text) else ():
            name = getattr(node, "name", None) or getattr(node, "id", None) or getattr(node, "arg", None)
            if isinstance(name, str) and unusual.search(name):
                yield f"{where}:{getattr(node, 'lineno', 0)}", name


@pytest.mark.parametrize(("word", "ours"), SECOND_WORDS.items())
def test_one_word_a_thing(word: str, ours: str) -> None:
    names = ((where, name) for where, name in names_in(SRC) if not (word == "chunk" and where.startswith("media/")))
    found = [f"{where} ({name})" for where, name in names if f"_{word}_" in f"_{name.lower()}_"]  # MP4 has chunks
    assert not found, f"docs/reference/glossary.md says {ours!r}, not {word!r}: {found}"


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda path: str(path.relative_to(SRC)))
def test_a_module_is_one_idea(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 600, "more than 600 lines"
    assert re.match(r'(#.*\n|\n)*"""\S', text), "says nothing of itself"


def test_only_the_model_reads_a_clock() -> None:
    read = re.compile(r"\b(time\.(time|time_ns|monotonic|perf_counter|sleep)|datetime\.(now|utcnow|today))\b")
    peers = {"testing/rtsp_camera.py", "testing/rtsp_card.py"}  # which play in real time
    allowed = {"model/times.py", "testing/waiting.py", *peers}
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
