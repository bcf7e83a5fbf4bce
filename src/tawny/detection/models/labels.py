"""Class names of detection models.

Names and order are those of the COCO 2017 data set, on which nearly all published models were trained.
"""

from pathlib import Path

from tawny.model.errors import NotDone
from tawny.model.validation import clean_label

COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip

_LEFT_OUT = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
"""Numbers of the original list, 1 to 90, that were never used."""

LIKE_A_CAR = frozenset({"car", "bus", "truck"})
"""Labels that every model confuses with one another."""


def usual_names(count: int) -> tuple[str, ...] | None:
    """Return the names for this number of classes, or None if unknown.

    80: COCO; 91 and 90: the original COCO numbers from 0 or from 1. Unused numbers have the name "".
    """
    if count == len(COCO):
        return COCO
    if count in (90, 91):
        names = iter(COCO)
        listed = tuple("" if n in _LEFT_OUT else next(names) for n in range(1, 91))
        return listed if count == 90 else ("", *listed)
    return None


# Class names of a model: a text file with one name per line, in the model's order.


def read_labels(file: Path) -> list[str]:
    """Return the names without empty lines. Raises NotDone: if the file cannot be read."""
    try:
        lines = [clean_label(line).strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise NotDone(f"Can't read the labels {file}: {error}.", "Use a text file with one name per line.") from None
    return [line for line in lines if line]
