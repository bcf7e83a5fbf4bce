"""tawny without the hashes of fragments, for comparison: `python -m benchmarks.unhashed WORDS OF TAWNY…`"""

import sys
from collections.abc import Sequence

from tawny.cli.main import main
from tawny.media.mp4.fragment_writer import Buffer
from tawny.media.mp4.leaf_proof import Leaf
from tawny.storage.segments import content_writer


def no_leaf(_key: bytes, _type: int, _seq: int, _time_ms: int, _parts: Sequence[Buffer]) -> Leaf:
    return bytes(12), bytes(32)


if __name__ == "__main__":
    vars(content_writer)["leaf"] = no_leaf
    sys.exit(main(sys.argv[1:]))
