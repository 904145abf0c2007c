"""On one machine, whatever Ray runs there steps back behind a model that computes on its cores.

The start of an engine keeps one core busy for ten seconds, and each step needs all cores at once.
Meanwhile a dozen other processes start, import their libraries, and look after each other: they
stopped the model a thousand times a second, and each time all its threads waited for one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psutil

from actors.priority import interrupt_nobody, push_back, threads_of

_NICENESS: Final = 19
_LOOK_S: Final = 0.5
_PARENTS: Final = ("raylet", "gcs_server")  # workers take after the raylet, those of later runs too


@contextmanager
def others_step_back(replicas: Sequence[Any]) -> Iterator[None]:
    """Keep the processes that came of this one behind the replicas, those to come as well.

    They get what the model leaves, and a sixtieth of a core that it wants (niceness 19), when their
    turn comes and not as soon as they wake. Ray's own two processes keep their share, since workers
    take after them. Only for a Ray that this process has started: on a cluster they may be other
    people's. They do not come forward again, which only a superuser's could.

    Args:
        replicas: handles of `actors.mllm.replica.MLLM` actors.
    """
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(replicas, done), name="others", daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()


def _watch(replicas: Sequence[Any], done: threading.Event) -> None:
    import ray

    # not before it is known which processes they are: any idle one may become a replica
    asked = [replica.pid.remote() for replica in replicas]
    while len(ray.wait(asked, num_returns=len(asked), timeout=_LOOK_S)[0]) < len(asked):
        if done.is_set():
            return
    try:
        first = set(ray.get(asked))
    except ray.exceptions.RayError:  # the run that needs them says why
        return
    me = psutil.Process()
    while not done.wait(_LOOK_S):
        threads = threads_of(me.pid)
        interrupt_nobody(threads)
        # those of Ray and of the pass; the main one keeps its share for what it starts next
        push_back(threads - {me.pid}, _NICENESS)
        for process in me.children(recursive=True):
            with suppress(psutil.Error):
                if process.pid in first:  # which knows its threads that compute
                    continue
                threads = threads_of(process.pid)
                interrupt_nobody(threads)
                if process.name() not in _PARENTS:
                    push_back(threads, _NICENESS)
