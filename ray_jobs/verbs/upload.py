"""What goes to a cluster with a job is code: a folder of data is refused before it is packed."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Final

from actors.compat.ray import uploaded_files
from methods.errors import InputError

MOST_BYTES: Final = 100_000_000
"""A checkout has some 30 MB; Ray refuses a package of more than 512 MiB, after making it."""
MOST_IMAGES: Final = 100
_MOST_FILES: Final = 20_000  # nobody waits for a million to be counted
_IMAGES: Final = frozenset(
    ".avif .bmp .gif .heic .heif .jpeg .jpg .jxl .png .tif .tiff .webp".split()
)


def check_upload(folder: Path, excludes: list[str]) -> None:
    """Refuse a folder that is no checkout but somebody's data.

    Raises:
        InputError: it would bring more than `MOST_BYTES`, `MOST_IMAGES` or 20,000 files. The
            sentence says how many, from which part of it, and what to give instead.
    """
    sizes: Counter[str] = Counter()
    images: Counter[str] = Counter()
    files = islice(uploaded_files(folder, excludes), _MOST_FILES)
    count = 0
    for count, path in enumerate(files, 1):  # noqa: B007
        part = _part(folder, path)
        sizes[part] += path.lstat().st_size
        images[part] += path.suffix.lower() in _IMAGES
    total, pictures = sizes.total(), images.total()
    if total <= MOST_BYTES and pictures <= MOST_IMAGES and count < _MOST_FILES:
        return
    heaviest = images if pictures > MOST_IMAGES else sizes
    ((most, _),) = heaviest.most_common(1)
    least = "at least " if count == _MOST_FILES else ""
    raise InputError(
        f"--working-dir {folder}: {least}{count:,} files of {total / 1e6:,.0f} MB, {pictures:,} "
        f"images among them, would go to the cluster with the job, most of it {most}; give "
        f"--exclude '{most}', or --working-dir with the folder of the project, or --working-dir "
        f"none where the cluster has it, or --upload-data if the job needs all of it"
    )


def _part(folder: Path, path: Path) -> str:
    """The entry of the folder in which a file lies, as a pattern of .gitignore."""
    first, *rest = path.relative_to(folder.absolute()).parts
    if rest:
        return f"/{first}/"
    return f"*{path.suffix}" if path.suffix else f"/{first}"
