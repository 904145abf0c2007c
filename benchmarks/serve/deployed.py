"""An endpoint deployed from a config, as on a cluster, by the client that `serve deploy` uses.

Ray and its dashboard start here, in the benchmark's own process; the config is what an operator
would write. Changing it changes the running application.
"""

from __future__ import annotations

import copy
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from benchmarks.serve.endpoint import READY_S, free_port

APPLICATION, CLASSIFIERS = "onoma", "Classifiers"
_REPOSITORY = Path(__file__).parents[2]
_LOGICAL_CPUS = 8
Config = dict[str, Any]


class DeployedEndpoint:
    """An application deployed from a config, as a context."""

    def __init__(self, classifiers: list[tuple[str, Path]], settings: Config) -> None:
        """Write the config.

        Args:
            classifiers: names and folders; the first is the default.
            settings: of the endpoint, as `args` of the config.
        """
        self.port = free_port()
        self._dashboard = f"http://127.0.0.1:{free_port()}"
        self.config: Config = {
            "proxy_location": "HeadOnly",
            "http_options": {"host": "127.0.0.1", "port": self.port},
            "applications": [
                {
                    "name": APPLICATION,
                    "route_prefix": "/",
                    "import_path": "serve.application:build",
                    "args": settings,
                    "deployments": [{"name": CLASSIFIERS, "user_config": user_config(classifiers)}],
                }
            ],
        }

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> DeployedEndpoint:
        """Start Ray, deploy, wait until it runs."""
        import ray

        # replicas import the application; under `uv run` they would each build an environment
        paths = [str(_REPOSITORY), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
        ray.init(
            address="local",
            num_cpus=_LOGICAL_CPUS,
            include_dashboard=True,
            dashboard_port=int(self._dashboard.rpartition(":")[2]),
            log_to_driver=False,
        )
        try:
            self.deploy()
        except BaseException:
            ray.shutdown()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, and Ray."""
        import ray
        from ray import serve

        serve.shutdown()
        ray.shutdown()

    def change(self, edit: Callable[[Config], None]) -> None:
        """Edit the config of the deployment `Classifiers`, deploy it and wait until it runs."""
        config = copy.deepcopy(self.config)
        edit(config["applications"][0]["deployments"][0])
        self.config = config
        self.deploy()

    def deploy(self) -> None:
        """Send the config and wait until the application runs as it says."""
        self._client().deploy_applications(self.config)
        self.wait_until_running()

    def wait_until_running(self, done: Callable[[], bool] = lambda: True) -> None:
        """Wait until Serve says that all is healthy, and `done`."""
        end = time.monotonic() + READY_S
        while True:
            application = self._application()
            if application.get("status") == "RUNNING" and done():
                return
            if application.get("status") == "DEPLOY_FAILED":
                raise SystemExit(f"not deployed: {application.get('message')}")
            if time.monotonic() > end:
                raise SystemExit(f"not running within {READY_S:g} s: {application.get('status')}")
            time.sleep(0.2)

    def _client(self) -> Any:
        from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

        return ServeSubmissionClient(self._dashboard)

    def _application(self) -> Config:
        """What Serve says of the application; nothing while it cannot be asked."""
        try:
            return self._client().get_serve_details()["applications"].get(APPLICATION, {})
        except (OSError, RuntimeError):
            return {}

    def version(self) -> str:
        """The default classifier's version, as the endpoint lists it; empty while it does not."""
        try:
            with urllib.request.urlopen(f"{self.url}/v1/classifiers", timeout=10) as answer:
                return json.load(answer)["classifiers"][0]["version"]
        except (urllib.error.URLError, OSError):
            return ""

    def replicas(self) -> set[int]:
        """Process ids of the replicas of `Classifiers`."""
        found = set()
        for process in psutil.Process().children(recursive=True):
            try:
                title = (process.cmdline() or [""])[0]
            except psutil.Error:
                continue
            if title.startswith(f"ray::ServeReplica:{APPLICATION}:{CLASSIFIERS}"):
                found.add(process.pid)
        return found


def user_config(classifiers: list[tuple[str, Path]]) -> Config:
    """The `user_config` that serves some classifiers."""
    return {"classifiers": [{"name": name, "folder": str(path)} for name, path in classifiers]}
