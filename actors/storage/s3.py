"""S3 through s3fs: botocore's whole chain of credentials, batches of objects, streamed listings.

s3fs is imported when an address needs it, never before. Credentials are found in the process that
asks: what is pickled to Ray's workers are the settings only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from actors.s3_settings import S3Settings
from methods.errors import one_line

_ATTEMPTS: Final = 3
"""Of botocore for one request; s3fs makes up to five of them where a server is busy."""
_CONNECT_S: Final = 5.0
_READ_S: Final = 60.0
_AT_ONCE: Final = 16
"""Objects of a batch that are read at once."""


def needs_s3fs(settings: S3Settings) -> bool:
    """Whether PyArrow's client would ask otherwise than is wanted.

    PyArrow knows no requester pays; what a profile with ``role_arn`` or SSO is to sign it sends
    without a signature, in silence; the token of a web identity it takes to Amazon's server only.
    """
    named = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    own_sts = os.environ.get("AWS_ENDPOINT_URL_STS") or os.environ.get("AWS_ENDPOINT_URL")
    identity = own_sts and os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if identity and not os.environ.get("AWS_ACCESS_KEY_ID"):
        return True
    return settings.anon or settings.requester_pays or bool(settings.profile or named)


def endpoint_of(settings: S3Settings) -> str | None:
    """The server that is asked, None for Amazon's."""
    return (
        settings.endpoint
        or os.environ.get("AWS_ENDPOINT_URL_S3")
        or os.environ.get("AWS_ENDPOINT_URL")
    )


def is_behind_proxy(bucket: str, settings: S3Settings) -> bool:
    """Whether the environment names a proxy for a bucket's server.

    PyArrow's client looks at no such variable; botocore, which s3fs asks, goes by all of them.
    """
    from urllib.request import getproxies_environment, proxy_bypass

    where = urlsplit(endpoint_of(settings) or f"https://{bucket}.s3.amazonaws.com")
    proxies = getproxies_environment()
    scheme = where.scheme.lower()
    if not any(proxies.get(name) for name in (scheme, "all")):
        return False
    return not proxy_bypass(where.netloc)


@lru_cache(maxsize=64)
def s3_filesystem(settings: S3Settings) -> Any:
    """The s3fs file system of these settings."""
    import aiobotocore.session
    import s3fs

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    filesystem = s3fs.S3FileSystem(
        anon=settings.anon,
        profile=settings.profile,
        requester_pays=settings.requester_pays,
        endpoint_url=settings.endpoint,
        client_kwargs={"region_name": region} if region else {},
        config_kwargs={
            "connect_timeout": _CONNECT_S,
            "read_timeout": _READ_S,
            "retries": {"max_attempts": _ATTEMPTS, "mode": "standard"},
            "max_pool_connections": 2 * _AT_ONCE,
        },
        skip_instance_cache=True,  # this function keeps them
        use_listings_cache=False,  # a folder that was looked at is written to
        default_cache_type="none",  # images of a tar are ranges far apart
        default_fill_cache=False,
    )
    named = {"profile": settings.profile} if settings.profile else {}
    filesystem.session = aiobotocore.session.AioSession(**named)
    parsers = filesystem.session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_timestamp)
    return filesystem


def arrow_filesystem(settings: S3Settings) -> pafs.FileSystem:
    """The same as a file system of PyArrow's."""
    return pafs.PyFileSystem(_S3fsHandler(s3_filesystem(settings)))


class _S3fsHandler(pafs.FSSpecHandler):  # type: ignore[misc]
    """PyArrow's own asks first whether there is such a file, and takes every error for a no."""

    def open_input_stream(self, path: str) -> Any:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> Any:
        return pa.PythonFile(self.fs.open(path, mode="rb"), mode="r")


def has_keys(filesystem: Any, bucket: str, prefix: str) -> bool:
    """Whether there is a key under a prefix, by a request whose refusal says why.

    Raises:
        OSError: the server refuses, as s3fs tells it.
    """
    page = filesystem.call_s3(
        "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1, **filesystem.req_kw
    )
    return bool(page.get("KeyCount") or page.get("Contents"))


def _timestamp(value: Any) -> datetime:
    """Read a time in a response.

    Botocore's own reader tries several formats; a page of a thousand keys takes four fifths of its
    time there, 190 ms instead of 39.
    """
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):  # as in headers: Thu, 01 Jan 2026 00:00:00 GMT
        from botocore.utils import parse_timestamp

        return parse_timestamp(value)


def read_objects(filesystem: Any, paths: Sequence[str], limit: int) -> list[bytes | Exception]:
    """Read whole objects, many at once, one request each.

    Args:
        filesystem: of `s3_filesystem`.
        paths: BUCKET/KEY of each.
        limit: bytes; of a longer object come ``limit + 1``.

    Returns:
        The bytes of each, or why it cannot be read.
    """
    size = len(paths)
    found = filesystem.cat_ranges(
        list(paths), [0] * size, [limit + 1] * size, on_error="return", batch_size=_AT_ONCE
    )
    return [b"" if _is_empty(each) else each for each in found]


def _is_empty(found: Any) -> bool:
    """Of an object without bytes no range can be had, which the server says with 416."""
    return isinstance(found, Exception) and any(
        word in str(each) for each in (found, found.__cause__) for word in ("InvalidRange", "416")
    )


def why(error: BaseException, bucket: str) -> str:
    """One sentence on what a failed request was about, with the flag or variable that helps."""
    chain, layer = [], error
    while layer is not None and layer not in chain:
        chain.append(layer)
        layer = layer.__cause__ or layer.__context__  # type: ignore[assignment]
    text = " ".join(f"{type(each).__name__} {each}" for each in chain)
    for words, sentence in _REASONS:
        if any(word in text for word in words):
            return sentence.format(bucket=bucket)
    return one_line(error)


_REASONS: Final = (
    (
        ("ProfileNotFound",),
        "the profile is not in the AWS configuration; --s3 profile=NAME or AWS_PROFILE name one "
        "of ~/.aws/config, or of the file AWS_CONFIG_FILE",
    ),
    (
        ("SSOTokenLoad", "UnauthorizedSSOToken", "TokenRetrieval", "SSO session", "SSO Token"),
        "the SSO session is not there or has expired; run aws sso login for the profile of "
        "--s3 profile=NAME or AWS_PROFILE",
    ),
    (
        ("NoCredentials", "Unable to locate credentials", "PartialCredentials"),
        "there are no credentials; give --s3 profile=NAME, set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or --s3 anon for a public bucket",
    ),
    (
        ("AssumeRole",),
        "the role cannot be assumed; check role_arn and source_profile of the profile that "
        "--s3 profile=NAME or AWS_PROFILE names",
    ),
    (
        ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"),
        "the credentials are wrong or have expired; check AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or give --s3 profile=NAME",
    ),
    (
        ("InvalidIdentityToken", "IDPRejectedClaim", "IDPCommunicationError"),
        "the token of the web identity is refused or has expired; check AWS_ROLE_ARN and the file "
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ),
    (
        ("RequestTimeTooSkewed",),
        "the clock of this machine is wrong, so the server refuses its signatures; set the time",
    ),
    (
        (
            *("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint"),
            *("Looks like the configured region", "Moved Permanently", "HTTP status 301"),
        ),
        "the bucket is in another region; set AWS_REGION to the bucket's",
    ),
    (
        ("NoSuchBucket", "bucket does not exist"),
        "there is no bucket {bucket} at this endpoint; check its name, or give --s3 endpoint=URL",
    ),
    (
        ("EndpointConnection", "ConnectTimeout", "Could not connect", "ClientConnector"),
        "the server does not answer; check --s3 endpoint=URL, AWS_ENDPOINT_URL and AWS_REGION",
    ),
    (
        ("SlowDown", "ServiceUnavailable", "Service Unavailable", "InternalError", "status 503"),
        "the server is too busy or fails, and was asked several times; run the same command again",
    ),
    (
        ("AccessDenied", "ACCESS_DENIED", "Forbidden", "PermissionError", "AllAccessDisabled"),
        "access is denied; give --s3 profile=NAME with the right to list and read it, --s3 anon if "
        "it is public, or --s3 requester-pays if it wants that",
    ),
)
