"""Why a job failed, in one sentence.

Ray hands on what a task raised as `RayTaskError`, whose ``cause`` is the exception itself. Ray Data
wraps what a stage raised in a `UserCodeException` first, and its ``__cause__`` does not survive the
way to the driver: there the traceback's text is all that is left to tell by.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from actors.compat.ray import SLOW_START
from actors.compat.ray_versions import other_version
from methods.errors import EndpointRefused, InputError, OnomaError

RESUME = "run the same command again to resume"
"""How to go on with a job that has failed."""
_REPLICA_DIED = (
    "a model's replica died again and again, most often for lack of memory; its log is in Ray's "
    "session folder (/tmp/ray/session_latest/logs on one machine)"
)
_SLOW = (
    "Ray's processes did not start within the time it gives them, several times: this machine is "
    "too busy"
)
_WRAPPERS = {"UserCodeException", "RayTaskError"}
# "package.SomeError: why", as a traceback ends; of chained ones the first is the innermost
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception)): (.+)$", re.MULTILINE)


def failure(error: BaseException) -> str:
    """Say why a job failed and what to do, in one sentence.

    Args:
        error: what the job raised.
    """
    refused = _sentence(_layers(error), EndpointRefused)
    return refused or f"{_reason(error)}; {RESUME}"


def wrong_input(error: BaseException) -> str | None:
    """What is wrong with what the user gave, where Ray, a stage or a task found out; else None.

    Args:
        error: what the job raised.
    """
    return _sentence(_layers(error), InputError) or other_version(error)


def _reason(error: BaseException) -> str:
    layers = _layers(error)
    if (sentence := _sentence(layers, OnomaError)) is not None:
        return sentence
    if any(SLOW_START in str(layer) for layer in layers):
        return _SLOW
    raised = _raised(layers)
    if any(_is_death(layer) for layer in layers) and not raised:
        return _REPLICA_DIED
    for kind, text in raised:
        if kind in ("ActorDiedError", "RayActorError"):
            return _REPLICA_DIED
        if kind not in _WRAPPERS:
            return f"{kind}: {text}"
    told = next((layer for layer in layers if str(layer).strip()), layers[-1])
    lines = [line.strip() for line in str(told).splitlines() if line.strip()]
    return f"{type(told).__name__}: {lines[-1] if lines else 'it gives no reason'}"


def _sentence(layers: list[BaseException], kind: type[OnomaError]) -> str | None:
    """What the innermost exception of a kind of ours says, itself or in a traceback of Ray's."""
    for layer in layers:
        if isinstance(layer, kind) and not _of_ray(layer):
            return str(layer)
    names = _names(kind)
    return next((text for name, text in _raised(layers) if name in names), None)


def _raised(layers: list[BaseException]) -> list[tuple[str, str]]:
    """Class name and text of what was raised, as tracebacks of Ray's tell it."""
    return [pair for layer in layers if _of_ray(layer) for pair in _RAISED.findall(str(layer))]


def _layers(error: BaseException) -> list[BaseException]:
    """The exception and what caused it, innermost first."""
    return list(_causes(error))[::-1]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what caused it, outermost first."""
    seen: set[int] = set()
    layer: BaseException | None = error
    while layer is not None and id(layer) not in seen:
        yield layer
        seen.add(id(layer))
        cause = getattr(layer, "cause", None)
        layer = cause if isinstance(cause, BaseException) else layer.__cause__


def _of_ray(error: BaseException) -> bool:
    """Whether an exception is Ray's own, or one that Ray made of Ray's and another's class."""
    if "ray" not in sys.modules:
        return False
    from ray.exceptions import RayError

    return isinstance(error, RayError)


def _is_death(error: BaseException) -> bool:
    if "ray" not in sys.modules:
        return False
    from ray.exceptions import RayActorError

    return isinstance(error, RayActorError)


def _names(kind: type[OnomaError]) -> set[str]:
    """Names of a class of exceptions and of all that derive from it."""
    names: set[str] = set()
    kinds = [kind]
    while kinds:
        found = kinds.pop()
        names.add(found.__name__)
        kinds += found.__subclasses__()
    return names
