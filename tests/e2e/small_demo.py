"""`tawny` with demo cameras of 640 by 360 pixels: a quarter of the work for a test that isn't about their pixels."""

import sys

from tawny.cli.main import main
from tawny.model.ids import StreamName
from tawny.sources.demo import source

if __name__ == "__main__":
    source.DIVISOR[StreamName.MAIN] = source.DIVISOR[StreamName.SUB]
    sys.exit(main(sys.argv[1:]))
