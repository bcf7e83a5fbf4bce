"""Reads the time that a browser shows of frames with `ClipSpec.clock_ms`."""

from tawny.testing.clips import COLUMNS, ROWS

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
