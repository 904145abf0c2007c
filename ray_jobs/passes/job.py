"""A job under way: its run folder, its settings, what the cluster has, and the models it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from actors.mllm.model import MllmModel
from ray_jobs.config import MllmConfig, VerbConfig
from ray_jobs.passes.follow import Follower
from ray_jobs.passes.mllm_pool import Replicas, mllm_replicas, size_mllm_pool
from ray_jobs.passes.session import Capacity
from ray_jobs.runs.folder import RunFolder

C = TypeVar("C", bound=VerbConfig)


@dataclass
class Job:
    """What passes work with.

    Attributes:
        run: the open run folder.
        config: the verb's settings; a step takes the part that it needs with `settings`.
        capacity: of the cluster.
        mllm: the multimodal LLM of its passes; None without one.
        replicas: of the multimodal LLM, while passes that ask it run.
        asked: names of the queries of each pass that asked, for counting.
        follower: says how far it is; None where nobody wants to know.
        pictures: most images in one of its requests.
    """

    run: RunFolder
    config: VerbConfig
    capacity: Capacity
    mllm: MllmModel | None = None
    replicas: Replicas | None = None
    asked: dict[str, list[str]] = field(default_factory=dict)
    follower: Follower | None = None
    pictures: int = 1

    def settings(self, kind: type[C]) -> C:
        """The verb's settings as those of one kind, such as ``ClipConfig``.

        Raises:
            TypeError: the verb has none of that kind.
        """
        if not isinstance(self.config, kind):
            raise TypeError(f"{type(self.config).__name__} has no settings of {kind.__name__}")
        return self.config

    @contextmanager
    def mllm_pool(self, model: MllmModel | None = None) -> Iterator[Replicas]:
        """Hold replicas of the multimodal LLM; their engines start with the first request.

        Args:
            model: another one than the job's.
        """
        model = model or self.mllm
        if model is None:
            raise TypeError(f"{type(self.config).__name__} names no multimodal LLM")
        pool = size_mllm_pool(self.settings(MllmConfig), model, self.capacity, self.pictures)
        with mllm_replicas(model, pool) as replicas:
            self.replicas = replicas
            try:
                yield replicas
            finally:
                self.replicas = None


def models_record(inputs: Any) -> dict[str, dict[str, str]]:
    """Which models a run works with: names as they were written, what they were resolved to."""
    models = {name: getattr(inputs, name, None) for name in ("clip", "mllm", "choose_mllm")}
    return {
        kind: {
            "name": model.name,
            "fingerprint": model.fingerprint,
            **({"revision": model.revision} if model.revision else {}),
        }
        for kind, model in models.items()
        if model is not None
    }
