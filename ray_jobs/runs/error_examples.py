"""One example of each error of a labels table, for people who want to know why."""

from __future__ import annotations

from collections.abc import Collection

from ray_jobs.runs.ledger import batches_of


def error_examples(labels: str, codes: Collection[str]) -> dict[str, dict[str, str]]:
    """Find one row of each error; reading ends with the last that was missing.

    Args:
        labels: folder of the labels table.
        codes: of the errors that the table holds.

    Returns:
        Code -> ``path`` of the image and ``detail``, in the order of the codes.
    """
    found: dict[str, dict[str, str]] = {}
    if codes:
        for batch in batches_of(labels, ("path", "error", "error_detail")):
            errors = batch.column("error").to_pylist()
            for code in set(errors) - found.keys() - {None}:
                row = errors.index(code)
                path, detail = (
                    batch.column(name)[row].as_py() for name in ("path", "error_detail")
                )
                found[code] = {"path": path or "", "detail": detail or ""}
            if len(found) == len(codes):
                break
    return {code: found[code] for code in codes if code in found}
