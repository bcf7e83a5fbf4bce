"""Frames that show their capture time as black and white fields, readable from the displayed image in a web page.

COLUMNS by ROWS fields, from the upper left. The first 48 are milliseconds since 1970, highest bit first; the last eight
are the sum of the six preceding bytes.
"""

from typing import Any

import numpy as np

COLUMNS, ROWS = 8, 7
READ_CLOCK = f"""(() => {{
  const canvas = document.createElement('canvas');
  canvas.width = {COLUMNS * 8}; canvas.height = {ROWS * 8};
  const pen = canvas.getContext('2d', {{ willReadFrequently: true }});
  return (shown) => {{
    pen.drawImage(shown, 0, 0, canvas.width, canvas.height);
    const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
    const bytes = [];
    for (let row = 0; row < {ROWS}; row += 1) {{
      let byte = 0;
      for (let column = 0; column < {COLUMNS}; column += 1)
        byte = byte * 2 + (pixels[4 * ((row * 8 + 4) * canvas.width + column * 8 + 4)] > 128 ? 1 : 0);
      bytes.push(byte);
    }}
    const sum = bytes.slice(0, 6).reduce((all, each) => all + each, 0) & 255;
    return sum === bytes[6] ? bytes.slice(0, 6).reduce((all, each) => all * 256 + each, 0) : 0;
  }};
}})()"""
"""JavaScript: a function that returns the time shown by a video, image or canvas, ms UTC; 0 if none is shown."""


def clock_picture(at_ms: int, width: int, height: int) -> Any:
    """Return the frame, uint8 [height, width, 3]."""
    stamp = at_ms.to_bytes(6, "big")
    fields = np.unpackbits(np.frombuffer(stamp + bytes([sum(stamp) & 255]), np.uint8)).reshape(ROWS, COLUMNS)
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    return np.repeat((fields[rows][:, columns] * 255)[:, :, None], 3, axis=2)
