"""Compiles the modules that every packet and every looked-at picture passes to machine code, with mypyc.

    python scripts/compile.py           into this checkout, beside their sources
    python scripts/compile.py --remove  back to plain Python

The sources are the same either way and stay what is read: Python prefers the compiled module where there is one. So a
changed module has to be compiled again, or removed; `tests/test_compiled.py` fails where one is older than its source.
A wheel is compiled with `TAWNY_COMPILE=1 python -m build` (`scripts/hatch_build.py`). Needs a C compiler, the Python
headers, mypy and setuptools.
"""

import argparse
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
HOT = (
    "detection/motion/*",
    "media/codec/nal",
    "media/codec/parameter_sets",
    "media/codec/sps",
    "media/mp4/boxes",
    "media/mp4/decode_times",
    "media/mp4/fragment_*",
    "media/mp4/leaf_proof",
    "model/packets",
    "model/segments",
    "model/times",
    "protocols/rtp",
    "protocols/rtsp_message",
    "protocols/sdp",
    "recorder/*",
    "sources/packet_builder",
    "sources/rtsp/client/*",
    "storage/segments/content_writer",
    "storage/segments/metadata",
    "stream/*",
)
"""Modules below `tawny`, by their path without suffix."""
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
GROUP = "tawny_compiled"
"""The library that holds all of them; each module's own file only points into it."""


def main(words: Sequence[str] | None = None) -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--remove", action="store_true", help="go back to plain Python")
    package = HOME / "src"
    if asked.parse_args(words).remove:
        print(f"removed {sum(1 for _ in removed(package))} compiled files")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        made = compile_modules(package, Path(folder))
        for _ in removed(package):
            pass
        for file, place in made.items():
            shutil.copy2(file, package / place)
    print(f"compiled {len(made) - 1} modules")
    return 0


def sources(package: Path) -> list[Path]:
    """Return the sources of all modules that are compiled. package: the folder that holds `tawny`."""
    found = {file for one in HOT for file in (package / "tawny").glob(f"{one}.py") if file.name != "__init__.py"}
    return sorted(found)


def removed(package: Path) -> Iterator[Path]:
    """Remove compiled modules, of any Python, and return them."""
    for file in [*package.glob(f"{GROUP}__mypyc.*.so"), *(package / "tawny").rglob("*.cpython-*.so")]:
        file.unlink()
        yield file


def compile_modules(package: Path, into: Path) -> dict[Path, Path]:
    """Return the compiled files by their place below `package`. Raises SystemExit: if the compiler refuses one."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    before, into = Path.cwd(), into.resolve()
    into.mkdir(exist_ok=True)
    files = [str(file) for file in sources(package.resolve())]
    settings = into / "mypy.ini"
    settings.write_text(
        f"[mypy]\nmypy_path={package.resolve()}\nexplicit_package_bases=true\nnamespace_packages=true\n"
        "follow_imports=silent\nignore_missing_imports=true\n"
    )
    os.chdir(into)  # mypyc writes its C sources and its cache where it runs
    try:
        extensions = mypycify(["--config-file", str(settings), *files], opt_level="3", group_name=GROUP)
        made = Distribution({"name": "tawny", "ext_modules": extensions})
        built = made.get_command_obj("build_ext")
        built.ensure_finalized()
        built.build_lib = str(into / "out")
        built.build_temp = str(into / "objects")
        built.run()
    finally:
        os.chdir(before)
    out = into / "out"
    return {file: file.relative_to(out) for file in sorted(out.rglob(f"*{SUFFIX}"))}


if __name__ == "__main__":
    sys.exit(main())
