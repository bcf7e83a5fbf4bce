"""`python -m tawny.api.schema`: print the OpenAPI description as JSON; deterministic."""

import json
import sys

from tawny.api.application import description, make_routes


def text() -> str:
    return json.dumps(description(make_routes()), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
