"""How S3 is asked: the words of ``--s3``, for all buckets or for one, and how they travel.

A word is ``anon``, ``requester-pays``, ``profile=NAME`` or ``endpoint=URL``; ``BUCKET:`` before it
says it of one bucket only. Words name where credentials are and never hold any, so the environment
variable `VARIABLE` may carry them to every process of a job, and ``run.json`` may keep them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from methods.errors import InputError

VARIABLE: Final = "ONOMA_S3"
"""Words of ``--s3`` with blanks between them, for processes that no flag reaches."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}")
_KINDS = "anon, requester-pays, profile=NAME or endpoint=URL, each also as BUCKET:..."


@dataclass(frozen=True)
class S3Settings:
    """How one bucket is asked.

    Attributes:
        anon: requests go out without a signature.
        profile: of the AWS configuration files; None takes the usual chain.
        requester_pays: the requests are paid by who asks.
        endpoint: URL of the server; None takes the environment's, or Amazon's.
    """

    anon: bool = False
    profile: str | None = None
    requester_pays: bool = False
    endpoint: str | None = None


def use_s3(words: Sequence[str]) -> None:
    """Take words of ``--s3`` for this process and those that it starts; none leaves all as it is.

    Raises:
        InputError: a word is none of ``--s3``.
    """
    if words:
        check_words(words)
        os.environ[VARIABLE] = " ".join(words)


def current_words() -> str:
    """The words that this process goes by, as `VARIABLE` has them."""
    return os.environ.get(VARIABLE, "")


def set_words(words: str) -> None:
    """Go by exactly these words, as `current_words` of another process gave them."""
    if words:
        os.environ[VARIABLE] = words
    else:
        os.environ.pop(VARIABLE, None)


def settings_of(bucket: str, words: str) -> S3Settings:
    """How a bucket is asked; what is said of it alone wins over what is said of all.

    Raises:
        InputError: a word is none of ``--s3``.
    """
    split = [_split(word) for word in words.split()]
    found = S3Settings()
    for wanted in ("", bucket):
        for where, word in split:
            if where == wanted:
                found = _with(found, word)
    return found


def check_words(words: Sequence[str]) -> None:
    """Check words of ``--s3``.

    Raises:
        InputError: one is wrong, with what would be right.
    """
    for word in words:
        where, rest = _split(word)
        if any(blank in word for blank in " \t\n"):
            raise InputError(f"--s3 {word!r} holds a blank; give --s3 once for each word")
        _with(S3Settings(), rest)
        if where and not _BUCKET.fullmatch(where):
            raise InputError(f"--s3 {word}: {where!r} is no bucket's name")


def _split(word: str) -> tuple[str, str]:
    """The bucket, empty for all, and what is said of it."""
    before, colon, rest = word.partition(":")
    return (before, rest) if colon and "=" not in before else ("", word)


def _with(settings: S3Settings, word: str) -> S3Settings:
    name, _, value = word.partition("=")
    if word == "anon":
        return replace(settings, anon=True, profile=None)
    if word == "requester-pays":
        return replace(settings, requester_pays=True)
    if name == "profile" and value:
        return replace(settings, profile=value, anon=False)
    if name == "endpoint":
        parts = urlsplit(value)
        if parts.username or parts.password:
            raise InputError("--s3 endpoint=URL takes no user or password; give profile=NAME")
        if parts.scheme.lower() not in ("http", "https") or not parts.netloc:
            raise InputError(f"--s3 {word}: the endpoint is a URL such as http://127.0.0.1:9000")
        return replace(settings, endpoint=f"{parts.scheme.lower()}://{parts.netloc}{parts.path}")
    raise InputError(f"--s3 {word}: give {_KINDS}")
