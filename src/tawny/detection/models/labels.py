"""What models call things.

The names and their order are those of the COCO data set, 2017, which nearly all published models were trained with.
"""

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
"""Numbers of the data set's first list, 1 to 90, that were never used."""

LIKE_A_CAR = frozenset({"car", "bus", "truck"})
"""Taken for one another by every model."""


def usual_names(count: int) -> tuple[str, ...] | None:
    """The names of so many classes: 80, or numbered as at first from 0 (91), or from 1 (90). None: not known.

    A number that was never used has no name: "".
    """
    if count == len(COCO):
        return COCO
    if count in (90, 91):
        names = iter(COCO)
        listed = tuple("" if n in _LEFT_OUT else next(names) for n in range(1, 91))
        return listed if count == 90 else ("", *listed)
    return None
