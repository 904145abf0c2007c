"""``python -m ray_jobs VERB ...``: the same as ``onoma VERB ...``, for submitted jobs."""

import sys

from ray_jobs.cli import main

if __name__ == "__main__":
    sys.exit(main())
