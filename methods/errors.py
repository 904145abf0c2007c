"""The one exception for wrong use: whatever the user gave that cannot work.

The command line turns it into one sentence on standard error and exit code 2. Bad rows of an
archive never raise it: they become rows with an error code.
"""

from __future__ import annotations


class InputError(ValueError):
    """Something the user gave is wrong; the message names it and says what would be right."""
