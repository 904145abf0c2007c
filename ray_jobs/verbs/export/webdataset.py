"""WebDataset: tars of at most `PER_TAR` images or `BYTES_PER_TAR` bytes.

A sample is ``KEY.jpg`` (as stored; the ending is the image's), ``KEY.json`` (all that is known)
and, where an image has one label, ``KEY.cls`` with the number of its class in ``classes.txt``. Rows
with an error are left out, since loaders expect an image and a class of every sample.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from typing import Any, Final

from ray_jobs.verbs.export.rows import RunExport, ending
from ray_jobs.verbs.export.tables import facts

PER_TAR: Final = 10_000
BYTES_PER_TAR: Final = 1 << 30


def write_webdataset(export: RunExport, path: str) -> dict[str, Any]:
    """Write a folder of tars, ``shard-00000.tar`` and on, and ``classes.txt``."""
    os.makedirs(path)
    numbers = {label: at for at, label in enumerate(export.classes)}
    written = tars = held = size = 0
    tar: tarfile.TarFile | None = None
    try:
        for row, data in export.readable():
            if row.error is not None:
                export.left_out[row.error] += 1
                continue
            if tar is None or held == PER_TAR or size >= BYTES_PER_TAR:
                if tar is not None:
                    tar.close()
                tar = tarfile.open(os.path.join(path, f"shard-{tars:05d}.tar"), "w")  # noqa: SIM115
                tars, held, size = tars + 1, 0, 0
            parts = {
                ending(data, row.path): data,
                ".json": json.dumps(facts(export, row), ensure_ascii=False).encode(),
            }
            if not export.run.multi_label and row.labels:
                parts[".cls"] = str(numbers[row.labels[0]]).encode()
            for kind, content in parts.items():
                member = tarfile.TarInfo(row.key + kind)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            written, held, size = written + 1, held + 1, size + len(data)
    finally:
        if tar is not None:
            tar.close()
    with open(os.path.join(path, "classes.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"{label}\n" for label in export.classes)
    return {"written": written, "files": tars}
