"""The application: both deployments, from settings. ``import_path: serve.application:build``."""

# no `from __future__ import annotations`: Serve reads the type of build's argument

from typing import Any, Final

import ray
from ray import serve
from ray.serve import Application, Deployment

from actors.clip.precision import INT8_ON_GPU
from methods.errors import InputError
from serve.classifiers import Classifiers
from serve.ingress import IngressClass
from serve.settings import EndpointSettings

INGRESS: Final = "Endpoint"
CLASSIFIERS: Final = "Classifiers"
"""Names of the deployments, for config files."""
APPLICATION: Final = "onoma"


_MEMORY: Final = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
"""Of the ingress, where bodies of all sizes come and go in several threads: glibc would keep a heap
for each thread, and in it what a large body leaves (measured: benchmarks/README.md, "Serving",
``python -m benchmarks.serve.resident``)."""


def build(args: EndpointSettings) -> Application:
    """Make the application; its classifiers are ``user_config`` of the config that deploys it."""
    settings = args
    if settings.gpus is None:
        gpus = 1.0 if ray.cluster_resources().get("GPU") else 0.0
        settings = settings.model_copy(update={"gpus": gpus})
    if settings.gpus and settings.precision == "int8":
        raise InputError(INT8_ON_GPU)
    encoder: Deployment = serve.deployment(name=CLASSIFIERS, **_classifier_options(settings))(
        Classifiers
    )
    ingress: Deployment = serve.deployment(
        name=INGRESS,
        num_replicas=settings.ingress_replicas,
        # requests are many and light here; what waits for a model is bounded behind it
        max_ongoing_requests=4 * (settings.max_ongoing + settings.max_queued),
        max_queued_requests=4 * (settings.max_ongoing + settings.max_queued),
        backpressure_config={"status_code": 429, "retry_after_s": settings.retry_after},
        ray_actor_options={"num_cpus": 0, "runtime_env": {"env_vars": _MEMORY}},
        graceful_shutdown_timeout_s=settings.answer_seconds,
        max_surge_percent=100,
        max_constructor_retry_count=3,
    )(IngressClass)
    return ingress.bind(encoder.bind(settings), settings)


def _classifier_options(settings: EndpointSettings) -> dict[str, Any]:
    most = settings.max_replicas or settings.replicas
    scaled: dict[str, Any] = {"num_replicas": settings.replicas}
    if most > settings.replicas:
        scaled = {
            "autoscaling_config": {
                "min_replicas": settings.replicas,
                "max_replicas": most,
                # a full batch at work and half of the next one waiting
                "target_ongoing_requests": max(1.0, 1.5 * settings.max_batch),
                "upscale_delay_s": 10,
                "downscale_delay_s": 300,
            }
        }
    cpus = 1 if settings.gpus else 0
    return {
        **scaled,
        "max_ongoing_requests": settings.max_ongoing,
        "max_queued_requests": settings.max_queued,
        "backpressure_config": {"status_code": 429, "retry_after_s": settings.retry_after},
        "ray_actor_options": {"num_cpus": cpus, "num_gpus": settings.gpus},
        "health_check_period_s": 5,
        "health_check_timeout_s": 30,
        "graceful_shutdown_timeout_s": settings.answer_seconds,
        "graceful_shutdown_wait_loop_s": 0.5,
        # a new replica is there before an old one goes
        "rolling_update_percentage": 0.5,
        "max_surge_percent": 100,
        "max_constructor_retry_count": 3,
    }
