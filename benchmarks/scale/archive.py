"""The archive: drawn birds over and over, each under a path of its own, packed into Parquet.

Files are written one after another, row group by row group, and appear when they are whole, so a
packing that was interrupted goes on where it stopped and needs no more memory for more rows.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FILE_ROWS, GROUP_ROWS = 50_000, 1000
SIDE, SEED = 72, 1
_SCHEMA = pa.schema([("path", pa.string()), ("image", pa.binary())])
Progress = Callable[[str], None]


def draw(file: Path, distinct: int, progress: Progress) -> None:
    """Draw that many birds as 72 pixel JPEGs into a Parquet file."""
    from fieldguide.bird_images import bird_view, render_bird

    schema = pa.schema([_SCHEMA.field("image")])
    partial = file.with_suffix(".partial")
    with pq.ParquetWriter(partial, schema, use_dictionary=False, compression="NONE") as writer:
        for start in range(0, distinct, GROUP_ROWS):
            images = []
            for index in range(start, min(distinct, start + GROUP_ROWS)):
                out = io.BytesIO()
                picture = render_bird(bird_view("archive", SEED, index), SIDE, SIDE)
                picture.convert("RGB").save(out, "JPEG", quality=85)
                images.append(out.getvalue())
            writer.write_table(pa.table({"image": images}, schema=schema))
            progress(f"drawn: {start + len(images):,} of {distinct:,}")
    partial.rename(file)


def endlessly(file: Path) -> Iterator[bytes]:
    """The images of a drawn file over and over, one row group in memory at a time."""
    with pq.ParquetFile(file) as drawn:
        for group in itertools.cycle(range(drawn.num_row_groups)):
            for cell in drawn.read_row_group(group).column(0):
                yield cell.as_py()


def pack(work: Path, rows: int, distinct: int, progress: Progress) -> Path:
    """Pack an archive of ``rows`` images; what an earlier call has packed is used again.

    Args:
        work: folder for archives.
        rows: images in all.
        distinct: images that are drawn; the others repeat them.
        progress: told how far it is.

    Returns:
        The folder of the Parquet files.
    """
    distinct = min(rows, distinct)
    folder = work / f"archive-{rows}-{distinct}"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = work / f"drawn-{distinct}.parquet"
    if not drawn.exists():
        draw(drawn, distinct, progress)
    for start in range(0, rows, FILE_ROWS):
        file = folder / f"part-{start // FILE_ROWS:05d}.parquet"
        if not file.exists():
            skipped = start % distinct
            images = itertools.islice(endlessly(drawn), skipped, None)
            _pack_file(file, range(start, min(rows, start + FILE_ROWS)), images)
        progress(f"packed: {min(rows, start + FILE_ROWS):,} of {rows:,}")
    return folder


def _pack_file(file: Path, rows: range, images: Iterator[bytes]) -> None:
    partial = file.with_suffix(".partial")
    # images do not get smaller, and a dictionary of them would make repeated ones look cheap
    with pq.ParquetWriter(partial, _SCHEMA, use_dictionary=False, compression="NONE") as writer:
        for start in range(rows.start, rows.stop, GROUP_ROWS):
            group = range(start, min(rows.stop, start + GROUP_ROWS))
            columns = {
                "path": [f"{row // GROUP_ROWS:06d}/{row:09d}.jpg" for row in group],
                "image": list(itertools.islice(images, len(group))),
            }
            writer.write_table(pa.table(columns, schema=_SCHEMA))
    partial.rename(file)
