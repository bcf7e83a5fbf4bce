"""Writes ui/src/api/schema.d.ts from the API's description. `--check` says if it is stale (exit 1).

.venv/bin/python scripts/interface_types.py [--check]

Made here and not by a package for it: those need another TypeScript than the interface is written in.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tawny.api import application

PATH = Path(__file__).parent.parent / "ui" / "src" / "api" / "schema.d.ts"
MADE = "// Made by scripts/interface_types.py from the server's code; edit src/tawny/api/schemas.py, not this file.\n"
PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def text() -> str:
    """The whole file: one exported type for each shape of the API, in alphabetical order."""
    shapes = json.loads(application.text())["components"]["schemas"]
    return MADE + "".join(f"\n{_declared(name, shape)}" for name, shape in sorted(shapes.items()))


def _declared(name: str, shape: Mapping[str, Any]) -> str:
    if shape.get("type") != "object":
        return f"export type {name} = {_type(shape)};\n"
    required = shape.get("required", [])
    fields = [
        f"  {field}{'' if field in required else '?'}: {_type(about)};\n"
        for field, about in shape.get("properties", {}).items()
    ]
    return f"export interface {name} {{\n{''.join(fields)}}}\n"


def _type(shape: Mapping[str, Any]) -> str:
    match shape:
        case {"$ref": str(where)}:
            return where.rpartition("/")[2]
        case {"enum": list(values)}:
            return " | ".join(json.dumps(value) for value in values)
        case {"anyOf": list(others)}:
            return " | ".join(_type(other) for other in others)
        case {"prefixItems": list(items)}:
            return f"[{', '.join(_type(item) for item in items)}]"
        case {"items": dict(item)}:
            inner = _type(item)
            return f"({inner})[]" if " | " in inner else f"{inner}[]"
        case {"additionalProperties": dict(value)}:
            return f"Record<string, {_type(value)}>"
        case {"patternProperties": dict(values)}:
            return f"Record<string, {' | '.join(_type(value) for value in values.values())}>"
        case {"type": str(kind)} if kind in PLAIN:
            return PLAIN[kind]
    raise ValueError(f"A shape that has no TypeScript yet: {json.dumps(shape)}")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true")
    made = text()
    if asked.parse_args().check:
        is_fresh = PATH.is_file() and PATH.read_text(encoding="utf-8") == made
        sys.stdout.write("" if is_fresh else f"{PATH.name} is stale: run scripts/interface_types.py\n")
        return 0 if is_fresh else 1
    PATH.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
