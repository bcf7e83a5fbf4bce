"""tawny without the hashes of fragments, for comparison: `python -m benchmarks.unhashed WORDS OF TAWNY…`"""

import sys
from collections.abc import Sequence

from tawny.cli.main import main
from tawny.media.fmp4 import Buffer
from tawny.media.leaves import Leaf
from tawny.storage import contents


def no_leaf(_key: bytes, _type: int, _seq: int, _time_ms: int, _parts: Sequence[Buffer]) -> Leaf:
    return bytes(12), bytes(32)


if __name__ == "__main__":
    vars(contents)["leaf"] = no_leaf
    sys.exit(main(sys.argv[1:]))
