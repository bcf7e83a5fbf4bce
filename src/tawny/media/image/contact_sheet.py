"""Contact sheet: several images in one JPEG, for notifications."""

from collections.abc import Sequence

import numpy as np

WIDTH, HEIGHT, COLUMNS = 320, 180, 3


def contact_sheet(jpegs: Sequence[bytes], *, columns: int = COLUMNS) -> bytes:
    """Return a JPEG with the images in a grid, each fitted into 320 x 180 px.

    Raises ValueError if none can be decoded.
    """
    import cv2  # imported late: 16 MB, unused without notifications

    tiles = []
    for data in jpegs:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if found is None:
            continue
        high, wide = found.shape[:2]
        part = min(WIDTH / wide, HEIGHT / high)
        small = cv2.resize(
            found, (max(1, round(wide * part)), max(1, round(high * part))), interpolation=cv2.INTER_AREA
        )
        tile = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        top, left = (HEIGHT - small.shape[0]) // 2, (WIDTH - small.shape[1]) // 2
        tile[top : top + small.shape[0], left : left + small.shape[1]] = small
        tiles.append(tile)
    if not tiles:
        raise ValueError("there is no picture for the sheet")
    columns = min(columns, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[begin : begin + columns]) for begin in range(0, len(tiles), columns)]
    made, coded = cv2.imencode(".jpg", np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 75])
    if not made:
        raise ValueError("the sheet cannot become a JPEG")
    return bytes(coded.tobytes())
