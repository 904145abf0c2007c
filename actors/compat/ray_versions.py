"""Ray's version here and on a cluster: what is tested, and what Ray says where they differ."""

from __future__ import annotations

import re
from typing import Final

OLDEST: Final = "2.59.0"
"""The oldest Ray that was tried: the tests of what is used of Ray, and a job that labels."""

TESTED: Final = "2.60.0"
"""The version of Ray that all tests run with, by the constraints of pyproject.toml."""

OTHER_VERSION: Final = "Version mismatch:"
"""How ``ray.init`` begins where a cluster has other versions."""

_VERSIONS: Final = re.compile(r"^ *Ray: (\S+)\n *Python: (\S+)$", re.MULTILINE)


def other_version(error: BaseException) -> str | None:
    """What to say where a cluster runs another Ray or Python than this process; None otherwise.

    ``ray.init`` compares both (``ray._private.utils.check_version_info``) and raises a plain
    RuntimeError whose text has them in lines.

    Args:
        error: what ``ray.init`` raised.
    """
    text = str(error)
    if not isinstance(error, RuntimeError) or not text.startswith(OTHER_VERSION):
        return None
    found = _VERSIONS.findall(text)
    if len(found) != 2:
        return None
    there, here = (f"Ray {ray} on Python {python}" for ray, python in found)
    return (
        f"the cluster runs {there}, and this is {here}: both have to be the same; install the "
        f"cluster's here, or give its nodes these (Onoma is tested with Ray {TESTED}, and was "
        f"tried from {OLDEST} on)"
    )
