"""Deploy the application from Python as `serve deploy` does from a file.

Serve replaces replicas when code or ``args`` change, and only tells them when ``user_config`` does:
it can tell these apart for applications deployed by config, not for ``serve.run``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from ray import serve
from ray.serve.schema import ApplicationStatus

from actors.compat.ray import deploy_config
from methods.errors import OnomaError
from serve.application import APPLICATION, CLASSIFIERS
from serve.catalogue import ClassifierRef, UserConfig
from serve.settings import EndpointSettings

_POLL_SECONDS: Final = 0.1


class DeployError(OnomaError):
    """The application does not start; the message says why."""


def app_config(
    settings: EndpointSettings, refs: Sequence[ClassifierRef], generation: int = 0
) -> dict[str, Any]:
    """The application as a config file has it.

    Args:
        settings: what the endpoint is.
        refs: the classifiers to load.
        generation: another one loads classifiers anew from the folders they are in.
    """
    user_config = UserConfig(classifiers=list(refs), generation=generation)
    return {
        "name": APPLICATION,
        "import_path": "serve.application:build",
        "route_prefix": "/",
        "args": settings.model_dump(mode="json"),
        # what a request asked for is the user's: only what goes wrong is logged
        "logging_config": {"enable_access_log": False},
        "deployments": [{"name": CLASSIFIERS, "user_config": user_config.model_dump()}],
    }


def deploy(
    settings: EndpointSettings,
    refs: Sequence[ClassifierRef],
    *,
    generation: int = 0,
    seconds: float = 600,
) -> None:
    """Deploy and wait until it runs as wanted; Serve must have been started.

    Raises:
        DeployError: it does not start, or not in time.
    """
    config = app_config(settings, refs, generation)
    asked = time.time()
    deploy_config({"applications": [config]})
    while True:
        application = serve.status().applications.get(APPLICATION)
        if application is not None and application.last_deployed_time_s >= asked - 1:
            if application.status == ApplicationStatus.RUNNING:
                return
            if application.status in (
                ApplicationStatus.DEPLOY_FAILED,
                ApplicationStatus.UNHEALTHY,
            ):
                reasons = [application.message]
                reasons += [each.message for each in application.deployments.values()]
                raise DeployError(" ".join(" ".join(filter(None, reasons)).split())[-800:])
        if time.time() - asked > seconds:
            raise DeployError(f"the endpoint is not ready after {seconds:g} s")
        time.sleep(_POLL_SECONDS)
