"""Where cells move, as the grid that is stored."""

import numpy as np

from tawny.detection.motion import MotionDetector
from tawny.detection.motion.motion import moving_grid
from tawny.model.geometry import COLUMNS, ROWS, grid_of
from tests.support.scenes import HEIGHT, WIDTH, SyntheticScene, person


def test_one_place_is_one_bit() -> None:
    cells = np.zeros((ROWS * 6, COLUMNS * 6), bool)
    cells[6:12, 12:18] = True
    everywhere = [(slice(0, ROWS * 6), slice(0, COLUMNS * 6))]
    assert moving_grid(cells, everywhere) == grid_of((2 / COLUMNS, 1 / ROWS, 3 / COLUMNS, 2 / ROWS))
    assert moving_grid(cells, []) == 0
    assert moving_grid(~cells, everywhere).bit_count() == COLUMNS * ROWS - 1


def test_a_walker_is_where_its_cells_are_and_not_its_whole_box() -> None:
    scene = SyntheticScene(1, 30)
    scene.walk([(15, 20, 90, 60), (25, 170, 90, 60)], person, 45)
    detector, cells, boxes = MotionDetector({}), [], []
    for frame in scene.frames():
        look = detector.look(frame)
        if look.seen:
            assert look.grid is not None
            x0, y0, x1, y1 = look.seen[0].box
            around = grid_of((x0 - 6 / WIDTH, y0 - 6 / HEIGHT, x1 + 6 / WIDTH, y1 + 6 / HEIGHT))
            assert look.grid & ~around == 0
            cells.append(look.grid.bit_count())
            boxes.append(grid_of(look.seen[0].box).bit_count())
    assert len(cells) > 20
    assert 0 < sum(cells) < sum(boxes)
