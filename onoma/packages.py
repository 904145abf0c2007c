"""Where Onoma's own packages are, and that nobody else's are taken for them.

The code lies in packages with plain names: ``actors``, ``methods``, ``ray_jobs``, ``serve`` and
``fieldguide``. A wheel keeps them below this package, so that none of these names is at the top of
an environment; a checkout has them beside it. A program's folder may hold an ``actors/`` or a
``serve/`` of its own, and Python looks there first: `use_ours` makes those names mean ours in every
process that imports onoma. `docs/architecture.md` says why they are not renamed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

PACKAGES: Final = ("actors", "fieldguide", "methods", "ray_jobs", "serve")

_HERE: Final = Path(__file__).resolve().parent
_IN_A_WHEEL: Final = _HERE / "_packages"
ROOT: Final = _IN_A_WHEEL if _IN_A_WHEEL.is_dir() else _HERE.parent
"""The folder that holds `PACKAGES`."""


class OwnPackages:
    """A finder of modules that knows `PACKAGES`, and nothing else."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find one of our packages; None for any other module."""
        if path is not None or name not in PACKAGES:
            return None
        return PathFinder.find_spec(name, [str(ROOT)], target)


def use_ours() -> None:
    """Make the names of `PACKAGES` mean ours from now on; calling it twice is fine.

    In workers of Ray it can be the ``worker_process_setup_hook``.

    Raises:
        ImportError: a package of another program is imported already under one of these names.
    """
    for name in PACKAGES:
        there = sys.modules.get(name)
        if there is not None and not _is_ours(there):
            where = getattr(there, "__file__", None) or list(getattr(there, "__path__", []))
            raise ImportError(
                f"this process has imported a package {name!r} of another program ({where}), which "
                "is also the name of a package of Onoma; import onoma in a process that does "
                f"without the other {name!r}, such as `onoma` on the command line"
            )
    if OwnPackages not in sys.meta_path:
        sys.meta_path.insert(0, OwnPackages)


def _is_ours(module: ModuleType) -> bool:
    return any(Path(each).resolve().parent == ROOT for each in getattr(module, "__path__", []))
