"""Archives: what ``--images`` can be, and how each kind becomes manifest rows.

``list_images(source)`` is the way in; `folders`, `tars`, `tables` and `lists` know one kind each.
"""

from ray_jobs.runs.sources.listing import Listing, ManifestRow, list_images
from ray_jobs.runs.sources.table_columns import TableColumns

__all__ = ["Listing", "ManifestRow", "TableColumns", "list_images"]
