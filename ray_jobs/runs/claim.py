"""The claim on a run folder: one job writes to it at a time.

The same command started twice at once would label every image twice. So a job writes ``claim.json``
into its folder, renews it while it runs and removes it at the end; another one is refused. A claim
whose process has ended, or which was not renewed for some minutes where that cannot be seen, is
taken over.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from actors import storage
from actors.storage.exchange import exchange
from methods.errors import InputError, OnomaError
from ray_jobs.runs.folder import CLAIM, FINISHED, FORMAT, not_written, read_record
from ray_jobs.runs.holder import EXPIRES_S, Holder
from ray_jobs.stopping import ENDING

logger = logging.getLogger("onoma")

_RENEW_S: Final = 20.0
_SETTLE_S: Final = 1.0
"""Until a claim is read again, where two may have been written at once."""
_LOST: Final = signal.SIGUSR2
"""Ends what the main thread waits for; SIGINT is ignored by jobs in the background of a script."""


class ClaimLost(OnomaError):
    """Another job has taken over the run folder; this one stops writing."""


class _Interrupted(KeyboardInterrupt):
    """The claim is lost; `claimed` says why instead."""


class _AsItIs(Exception):
    """The file is to stay as it is."""


class Claim:
    """This process's claim on a run folder, renewed until it is released."""

    def __init__(self, uri: str, out: str, renew: float = _RENEW_S) -> None:
        """Take it.

        Args:
            uri: of the folder.
            out: the folder as the user has named it.
            renew: seconds between two renewals.

        Raises:
            InputError: another job writes there, which the sentence names.
            OSError: the folder cannot be written.
        """
        self._file = storage.join(uri, CLAIM)
        self._out, self._mine = out, Holder.here()
        self._ended, self._ending = threading.Event(), threading.Lock()
        self.reason: ClaimLost | None = None
        exchange(self._file, self._taken)
        if not storage.is_local(uri):
            time.sleep(_SETTLE_S)
            exchange(self._file, self._still_mine)
        self._renewing = threading.Thread(
            target=self._renew, args=(renew,), name="onoma-claim", daemon=True
        )
        self._renewing.start()

    def release(self) -> None:
        """Give the folder back."""
        with self._ending:
            self._ended.set()
        self._renewing.join(_SETTLE_S)
        with suppress(OSError, _AsItIs):
            exchange(self._file, self._without_mine)

    def _taken(self, old: bytes | None) -> bytes:
        other = Holder.parse(old)
        if other is not None and other.token != self._mine.token:
            why = other.gone()
            if why is None:
                raise InputError(held(self._out, other))
            logger.warning(
                "--out %s was written to by %s since %s; %s: this job takes over",
                self._out,
                other,
                other.since_text,
                why,
            )
        return self._mine.written()

    def _still_mine(self, old: bytes | None) -> bytes:
        other = Holder.parse(old)
        if other is not None and other.token != self._mine.token:
            raise InputError(held(self._out, other))
        return self._mine.written()

    def _without_mine(self, old: bytes | None) -> None:
        found = Holder.parse(old)
        if found is None or found.token != self._mine.token:
            raise _AsItIs

    def _renewed(self, old: bytes | None) -> bytes:
        if self._ended.is_set():
            raise _AsItIs
        found = Holder.parse(old)
        if found is not None and found.token != self._mine.token:
            raise ClaimLost(
                f"--out {self._out} was taken over by {found}, since nothing was heard of this job "
                "for too long; it stops here, and that one goes on with what is finished"
            )
        self._mine = self._mine.renewed()
        return self._mine.written()

    def _renew(self, pause: float) -> None:
        while not self._ended.wait(pause):
            try:
                exchange(self._file, self._renewed)
            except ClaimLost as error:
                with self._ending:
                    if not self._ended.is_set():
                        self.reason = error
                        _interrupt()
                return
            except Exception:  # a storage that fails for a while
                logger.debug("the claim on %s was not renewed", self._out, exc_info=True)


def held(out: str, other: Holder) -> str:
    """What to do about a folder that another job writes to, in a sentence."""
    return (
        f"--out {out}: another job writes there, {other}, since {other.since_text}; wait until it "
        "has ended, stop it there, or give another --out (a job that is gone without a word is "
        f"taken over {EXPIRES_S / 60:.0f} minutes after it was last heard of, on its own machine "
        "at once)"
    )


@contextmanager
def claimed(out: str, *, finished: bool = False) -> Iterator[None]:
    """Hold the claim on a run folder; a run that is finished needs none, since it is only read.

    Args:
        out: folder, local or remote.
        finished: claim a finished run as well, to change it.

    Raises:
        InputError: another job writes there, or it is no folder for a run.
        ClaimLost: inside, another job has taken over.
    """
    uri = storage.absolute(out)
    try:
        record = read_record(uri, out)
        if record is not None and not finished and _is_only_read(record):
            yield
            return
        claim = Claim(uri, out)
    except OSError as error:
        raise not_written(out, error) from error
    take_back = ENDING.at_once(claim.release)
    try:
        with _interrupted():
            yield
    except BaseException:
        if claim.reason is not None:
            raise claim.reason from None
        raise
    finally:
        take_back()
        claim.release()
    if claim.reason is not None:  # in a thread that no signal reaches
        raise claim.reason


@contextmanager
def _interrupted() -> Iterator[None]:
    """Inside, `_interrupt` ends what the main thread does, if the job is the main thread's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> NoReturn:
        raise _Interrupted

    before = signal.signal(_LOST, interrupt)
    try:
        yield
    finally:
        signal.signal(_LOST, before)


def _interrupt() -> None:
    if callable(signal.getsignal(_LOST)):
        # a wait in the main thread ends by a signal, as it would not by _thread.interrupt_main
        signal.pthread_kill(threading.main_thread().ident or 0, _LOST)


def _is_only_read(record: dict[str, object]) -> bool:
    return record.get("state") == FINISHED or record.get("format") != FORMAT
