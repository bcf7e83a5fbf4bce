"""`python -m tawny.web.schema`: the API's description as JSON, the same bytes for the same code."""

import json
import sys

from tawny.web.application import description, make_routes


def text() -> str:
    return json.dumps(description(make_routes()), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
