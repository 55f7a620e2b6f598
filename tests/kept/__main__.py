"""Record the kept answers anew, and say how far each has moved.

python -m tests.kept            # say what has moved
python -m tests.kept record     # and keep it so; for a commit that does only this
"""

from __future__ import annotations

import math
import sys

from tests.kept.answers import answer, file_of, moved, record, recorded
from tests.kept.commands import COMMANDS


def main() -> None:
    keeping = sys.argv[1:2] == ["record"]
    for name in COMMANDS:
        found = answer(name)
        if file_of(name).exists():
            differences = list(moved(recorded(name), found))
            numbers = sorted((share for _, share in differences if math.isfinite(share)))
            others = [where for where, share in differences if math.isinf(share)]
            if numbers:
                middle = numbers[len(numbers) // 2]
                print(
                    f"{name}: {len(numbers)} numbers, {middle:.2%} in the middle, "
                    f"{numbers[-1]:.2%} at most"
                )
            if others:
                print(f"{name}: {', '.join(others[:5])} of {len(others)} that are no numbers")
        else:
            print(f"{name}: new")
        if keeping:
            record(name, found)


main()
