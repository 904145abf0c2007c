"""How well `onoma audit` and `onoma calibrate` keep what they say, on truth unseen by them.

python -m benchmarks.audit                                simulated labellers
python -m benchmarks.audit --archives 260901 ... 260910   ten runs of the field guide
python -m benchmarks.audit --truth TRUTH.csv RUN RUN ...  each run, audited with the others
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.audit.field_guide import of_archives, of_runs
from benchmarks.audit.simulated import calibrate, simulate


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="*", help="run folders over the same images")
    parser.add_argument("--truth", help="their truth")
    parser.add_argument("--archives", type=int, nargs="+", help="seeds, an archive and a run each")
    parser.add_argument("--count", type=int, default=300, help="images of each archive")
    parser.add_argument("--work", type=Path, help="folder that keeps archives and runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[9001], help="of what is simulated")
    given = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    if given.runs:
        of_runs(given.truth, given.runs)
    elif given.archives:
        with tempfile.TemporaryDirectory() as temporary:
            of_archives(given.work or Path(temporary), given.archives, given.count)
    else:
        simulate(given.seeds)
        calibrate([given.seeds[0] + number for number in range(10)])


if __name__ == "__main__":
    main()
