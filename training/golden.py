"""Ten rendered crops and what the packaged weights say of them: other processors and libraries must say the same.

python -m training.golden
"""

import sys
from pathlib import Path

import numpy as np

from tawny.detection.kind_model import OWN, KindClassifier
from tawny.model.observations import NOTHING, PERSON, VEHICLE
from training.compose import composed

FILE = Path(__file__).parents[1] / "tests" / "detection" / "kinds_golden.npz"
SEED, EACH = 11, 40
WANTED = {PERSON: 4, VEHICLE: 4, NOTHING: 2}
SURE = 0.75
"""Clear cases: what is on the brink may be said otherwise elsewhere."""


def main() -> int:
    model = KindClassifier(OWN)
    samples = composed(dict.fromkeys(WANTED, EACH), [], SEED)
    answer = model.look(samples.crops)
    chosen: list[int] = []
    for n, count in enumerate(WANTED.values()):
        of_it = range(n * EACH, (n + 1) * EACH)
        chosen += [at for at in of_it if answer[at, samples.labels[at]] >= SURE][:count]
    np.savez_compressed(FILE, crops=samples.crops[chosen], said=answer[chosen])
    print(f"{FILE}: {len(chosen)} crops, {FILE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
