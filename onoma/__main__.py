"""``python -m onoma``: the command line."""

import sys

from onoma.command import main

if __name__ == "__main__":
    sys.exit(main())
