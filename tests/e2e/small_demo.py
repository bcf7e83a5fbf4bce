"""`tawny` with demo cameras of 640 by 360 pixels: a quarter of the work for a test that isn't about their pixels.

With SHORT_FILES in the environment, files end after 15 s instead of a minute, for what waits until a file is finished.
"""

import os
import sys

from tawny.model.ids import StreamName
from tawny.recorder import segmenter
from tawny.sources.demo import source

if __name__ == "__main__":
    source.DIVISOR[StreamName.MAIN] = source.DIVISOR[StreamName.SUB]
    if "SHORT_FILES" in os.environ:
        vars(segmenter)["SEGMENT_S"] = 15.0  # before those are imported that take it as a default
    from tawny.cli.main import main

    sys.exit(main(sys.argv[1:]))
