"""One function on the cluster, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from methods.errors import InputError
from ray_jobs.passes.resources import pinned_to

Result = TypeVar("Result")


def start_task(
    function: Callable[..., Result], *arguments: Any, gpus: float = 0.0, resource: str | None = None
) -> Callable[[], Result]:
    """Start a function as a Ray task that takes GPUs and no logical CPU.

    Args:
        function: runs in a process of its own.
        arguments: of the function.
        gpus: that it takes.
        resource: custom resource of the nodes it may run on.

    Returns:
        What waits for the result. It raises an `InputError` of the function as it was raised.
    """
    import ray

    # one call a process: a worker that keeps torch would go on to decode with 800 MB on its back
    task = ray.remote(max_calls=1)(function).options(
        num_gpus=gpus, num_cpus=0, resources=pinned_to(resource)
    )
    work = task.remote(*arguments)

    def wait() -> Result:
        try:
            return ray.get(work)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, InputError):  # Ray makes a traceback of its sentence
                raise error.cause from None
            raise

    return wait
