"""Keys under a prefix in order, page by page: memory stays the same however many there are.

Folders directly under the prefix are listed side by side, a few pages ahead of who reads; S3 gives
keys in the order of their UTF-8 bytes, which is that of Python's strings.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from queue import Empty, Full, Queue
from typing import Any, Final

_FOLDERS_AT_ONCE: Final = 8
_PAGES_AHEAD: Final = 4
_LOOK_S: Final = 0.2


def list_keys(filesystem: Any, bucket: str, prefix: str) -> Iterator[str]:
    """List the keys under a prefix, sorted.

    Args:
        filesystem: of `actors.storage.s3.s3_filesystem`.
        bucket: the bucket.
        prefix: empty, or with the slash at its end.

    Raises:
        OSError: the server refuses, as s3fs tells it.
    """
    stopped = threading.Event()
    waiting: deque[list[str] | _Folder] = deque()
    folders = 0
    try:
        for page in _pages(filesystem, bucket, prefix, delimiter="/"):
            keys = [each["Key"] for each in page.get("Contents", ())]
            below = [each["Prefix"] for each in page.get("CommonPrefixes", ())]
            names = set(below)
            for entry in sorted([*keys, *below]):
                if entry in names:
                    waiting.append(_Folder(filesystem, bucket, entry, stopped))
                    folders += 1
                elif waiting and isinstance(waiting[-1], list):
                    waiting[-1].append(entry)
                else:
                    waiting.append([entry])
                while folders >= _FOLDERS_AT_ONCE:
                    folders -= isinstance(waiting[0], _Folder)
                    yield from waiting.popleft()
            while waiting and isinstance(waiting[0], list):
                yield from waiting.popleft()
        while waiting:
            yield from waiting.popleft()
    finally:
        stopped.set()


def _pages(filesystem: Any, bucket: str, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
    """Pages of ListObjectsV2, through s3fs's own retries and request options."""
    options: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, **filesystem.req_kw}
    if "delimiter" in more:
        options["Delimiter"] = more["delimiter"]
    while True:
        page = filesystem.call_s3("list_objects_v2", **options)
        yield page
        if not page.get("IsTruncated"):
            return
        options["ContinuationToken"] = page["NextContinuationToken"]


class _Folder:
    """The keys under one folder, read ahead by a thread of its own."""

    def __init__(self, filesystem: Any, bucket: str, prefix: str, stopped: threading.Event) -> None:
        self._pages: Queue[list[str] | Exception | None] = Queue(_PAGES_AHEAD)
        self._stopped = stopped
        arguments = (filesystem, bucket, prefix)
        threading.Thread(target=self._read, args=arguments, daemon=True).start()

    def _read(self, filesystem: Any, bucket: str, prefix: str) -> None:
        try:
            for page in _pages(filesystem, bucket, prefix):
                if not self._put([each["Key"] for each in page.get("Contents", ())]):
                    return
        except Exception as error:  # told where the keys are read
            self._put(error)
        else:
            self._put(None)

    def _put(self, what: list[str] | Exception | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._pages.put(what, timeout=_LOOK_S)
                return True
            except Full:
                continue
        return False

    def __iter__(self) -> Iterator[str]:
        while True:
            try:
                page = self._pages.get(timeout=_LOOK_S)
            except Empty:
                continue
            if page is None:
                return
            if isinstance(page, Exception):
                raise page
            yield from page
