"""S3 side by side on loopback: keys listed and objects read by s3fs and by PyArrow's client.

    python -m benchmarks.s3_listing                     1,000,000 keys, seconds and peak memory
    python -m benchmarks.s3_listing --objects 2000      objects read in batches of 16

The server is a small HTTP server that generates its pages and objects, so that it is the clients
that are measured. Each side runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import psutil

_PAGE: Final = 1000
_FOLDERS: Final = 10
_BATCH: Final = 16
_OBJECT: Final = bytes(20_000)
_HEAD: Final = '<?xml version="1.0"?><ListBucketResult>'
_ENTRY: Final = (
    "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    "<ETag>&quot;0&quot;</ETag><Size>20000</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


def page_of(query: str, keys: int) -> str:
    """One page of ListObjectsV2 of ``keys`` keys in ten folders under ``photos/``."""
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    prefix = asked.get("prefix", "")
    if asked.get("delimiter") and prefix in ("", "photos/"):
        folders = [f"photos/{n:02d}/" for n in range(_FOLDERS)] if prefix else ["photos/"]
        below = "".join(
            f"<CommonPrefixes><Prefix>{each}</Prefix></CommonPrefixes>" for each in folders
        )
        return f"{_HEAD}<IsTruncated>false</IsTruncated>{below}</ListBucketResult>"
    first, last = 0, keys
    if prefix.startswith("photos/") and prefix[7:9].isdigit():
        share = keys // _FOLDERS
        first = int(prefix[7:9]) * share
        last = first + share
    start = int(asked.get("continuation-token", first))
    end = min(start + min(_PAGE, int(asked.get("max-keys", _PAGE))), last)
    more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < last else ""
    share = max(1, keys // _FOLDERS)
    entries = "".join(
        _ENTRY.format(f"photos/{n // share:02d}/{n:09d}.jpg") for n in range(start, end)
    )
    cut = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
    return f"{_HEAD}{cut}{more}{entries}</ListBucketResult>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    keys = 0

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        listing = "list-type" in parts.query
        body = page_of(parts.query, self.keys).encode() if listing else _OBJECT
        self.send_response(206 if "Range" in self.headers else 200)
        self._rest("application/xml" if listing else "image/jpeg", len(body))
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self._rest("image/jpeg", len(_OBJECT))

    def _rest(self, kind: str, length: int) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Content-Range", f"bytes 0-{length - 1}/{length}")
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("ETag", '"0"')
        self.send_header("x-amz-bucket-region", "us-east-1")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: a million keys are a thousand requests."""


def _keys(side: str) -> Iterator[str]:
    from actors import storage
    from actors.storage.s3_listing import list_keys

    if side == "s3fs":
        yield from list_keys(storage.s3fs_of("s3://big"), "big", "photos/")
        return
    import pyarrow.fs as pafs

    filesystem, path = storage.resolve("s3://big/photos")
    yield from sorted(
        e.path for e in filesystem.get_file_info(pafs.FileSelector(path, recursive=True))
    )


def _list(side: str, keys: int) -> dict[str, Any]:
    process, curve, started = psutil.Process(), [], time.monotonic()
    count = 0
    for count, _ in enumerate(_keys(side), 1):
        if count % (keys // 5) == 0:
            curve.append(process.memory_info().rss >> 20)
    return {"keys": count, "seconds": round(time.monotonic() - started, 1), "rss_mib": curve}


def _read(side: str, objects: int) -> dict[str, Any]:
    from actors import storage
    from actors.storage.s3 import read_objects

    paths = [f"big/photos/00/{n:09d}.jpg" for n in range(objects)]
    filesystem, _ = storage.resolve("s3://big")
    client = storage.s3fs_of("s3://big") if side == "s3fs" else None

    def one(path: str) -> bytes:
        with filesystem.open_input_file(path) as file:
            file.size()
            return bytes(file.read())

    started = time.monotonic()
    for at in range(0, objects, _BATCH):
        batch = paths[at : at + _BATCH]
        if client is not None:
            found = read_objects(client, batch, 50_000_000)
        else:
            with ThreadPoolExecutor(_BATCH) as pool:
                found = list(pool.map(one, batch))
        assert all(each == _OBJECT for each in found), found[0]
    seconds = time.monotonic() - started
    return {"objects": objects, "objects_per_second": round(objects / seconds)}


def main() -> None:
    """Start the server, and each side in a process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--objects", type=int, default=0)
    parser.add_argument("--side", choices=("s3fs", "pyarrow"))
    given = parser.parse_args()
    if given.side:
        found = _read(given.side, given.objects) if given.objects else _list(given.side, given.keys)
        found["peak_rss_mib"] = _peak_mib()
        print(json.dumps({"side": given.side, **found}), flush=True)
        return
    _Handler.keys = given.keys
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    for side in ("s3fs", "pyarrow"):
        command = [sys.executable, "-m", "benchmarks.s3_listing", "--side", side]
        command += ["--keys", str(given.keys), "--objects", str(given.objects)]
        subprocess.run(command, env=environment, check=True)


def _peak_mib() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    main()
