"""Where a picture or a page can be opened from a page; anything else gets no link."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from actors import storage

_OPENED: Final = ("http://", "https://", "file://")


def link_to(uri: object) -> str | None:
    """The address that a browser opens a file at; None where it cannot.

    Args:
        uri: a path of this machine, or a URI; one of another scheme (``s3://``, ``javascript:``)
            gives None.
    """
    if not isinstance(uri, str) or not uri:
        return None
    if uri.casefold().startswith(_OPENED):
        return uri
    if os.path.isabs(uri) and storage.is_local(uri):
        return "file://" + quote(uri.encode("utf-8", "surrogateescape"))
    return None


def link_to_image(row: Mapping[str, Any]) -> str | None:
    """The same of a row of a manifest: a member of a tar is no file of its own."""
    packed = row.get("member") is not None or row.get("offset") is not None
    return None if packed else link_to(row.get("uri"))
