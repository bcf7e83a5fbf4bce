"""Writes the licences of everything that is distributed with tawny into ui/LICENSES.txt, below its own first part.

    PYTHONPATH=src python -m scripts.notices

The texts are those of the installed packages: of the interface (in ui/node_modules) and of Python (the part "users" of
requirements.lock). The file is in tawny's wheel, in the interface (Settings, About) and in the add-on's image.
"""

import json
import re
from importlib import metadata
from pathlib import Path

from scripts.lock import LOCK, ROOT, parts_of

NOTICES = ROOT / "ui" / "LICENSES.txt"
MARK = "===== made by scripts/notices.py: packages of the interface, then packages of Python ====="
LONGEST_TEXT = 30_000
"""Characters. A longer text lists parts of parts; it is in the package itself, and is named."""
_TEXT = re.compile(r"(^|/)(licen[cs]es?/[^/]+|(licen[cs]e|copying|notice|third.?party)[^/]*)$", re.IGNORECASE)
_NO_TEXT = (".py", ".pyc", ".pyi", ".so", ".h", ".xml", ".c")


def python_packages() -> dict[str, str]:
    """Return the versions of each package that users install, by name."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ ;\\]+)", parts_of(LOCK.read_text())["users"], re.MULTILINE):
        found.setdefault(name, []).append(version)
    return {name: ", ".join(versions) for name, versions in found.items()}


def interface_packages() -> dict[str, str]:
    """Return the version of each package that is built into the interface, by its folder."""
    lock = json.loads((ROOT / "ui" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return {path: one["version"] for path, one in lock.items() if path and not one.get("dev")}


def heading(name: str, version: str) -> str:
    return f"--- {name} {version}"


def headings() -> set[str]:
    """Return what must be in the file."""
    interface = {
        heading(path.rpartition("node_modules/")[2], version) for path, version in interface_packages().items()
    }
    return interface | {heading(name, version) for name, version in python_packages().items()}


def _sections() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return heading, licence and texts by their names, of all packages."""
    found = []
    for path, version in interface_packages().items():
        folder = ROOT / "ui" / path
        licence = json.loads((folder / "package.json").read_text(encoding="utf-8")).get("license", "")
        texts = [
            (one.name, one.read_text(encoding="utf-8")) for one in sorted(folder.iterdir()) if _TEXT.search(one.name)
        ]
        found.append((heading(path.rpartition("node_modules/")[2], version), licence, texts))
    for name, version in python_packages().items():
        package = metadata.distribution(name)
        files = [file for file in package.files or () if _TEXT.search(str(file)) and file.suffix not in _NO_TEXT]
        texts = [(str(file), Path(str(package.locate_file(file))).read_text("utf-8", "replace")) for file in files]
        facts = package.metadata
        classes = [
            one.rpartition(":: ")[2] for one in facts.get_all("Classifier") or () if one.startswith("License ::")
        ]
        licence = facts["License-Expression"] or (facts["License"] or "").partition("\n")[0] or ", ".join(classes)
        found.append((heading(name, version), licence, texts))
    return found


def made() -> str:
    """Return the generated part. Raises FileNotFoundError, PackageNotFoundError for what is not installed."""
    lines, known = [MARK], dict[str, str]()
    for title, licence, texts in _sections():
        lines += ["", title, f"Licence: {licence or 'see its text'}", ""]
        for name, text in texts or [("LICENSE", (ROOT / "LICENSE").read_text()) if "Apache" in licence else ("", "")]:
            assert text, f"{title} has no text of its licence"
            words = " ".join(text.split())
            if words in known:
                lines.append(f"The same text as for {known[words]}.")
            elif len(text) > LONGEST_TEXT:
                lines.append(f"Its text and those of its parts are in the package: {name}")
            else:
                lines += [line.rstrip() for line in text.strip().splitlines()]
            known.setdefault(words, title.removeprefix("--- "))
    return "\n".join(lines) + "\n"


def main() -> None:
    own = NOTICES.read_text(encoding="utf-8").partition(MARK)[0].rstrip("\n")
    NOTICES.write_text(f"{own}\n\n{made()}", encoding="utf-8")


if __name__ == "__main__":
    main()
