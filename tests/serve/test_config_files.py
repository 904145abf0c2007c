"""The config files that clusters are given say only what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from serve.application import APPLICATION, CLASSIFIERS, INGRESS
from serve.catalogue import ClassifierRef, UserConfig
from serve.deploying import app_config
from serve.settings import EndpointSettings

ROOT = Path(__file__).parents[2]


def serve_file() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "serve/config.yaml").read_text("utf-8"))


def ray_service() -> dict[str, Any]:
    manifest = yaml.safe_load((ROOT / "cluster/base/rayservice.yaml").read_text("utf-8"))
    return yaml.safe_load(manifest["spec"]["serveConfigV2"])


@pytest.mark.parametrize("read", [serve_file, ray_service])
def test_serve_takes_the_file_and_the_application_its_settings(read: Any) -> None:
    (application,) = ServeDeploySchema.model_validate(read()).applications
    assert (application.name, application.import_path) == (APPLICATION, "serve.application:build")
    EndpointSettings.model_validate(application.args)
    (deployment,) = application.deployments
    assert deployment.name == CLASSIFIERS
    UserConfig.model_validate(deployment.user_config).names()


def test_python_and_files_deploy_the_same_application() -> None:
    made = app_config(EndpointSettings(), [ClassifierRef(name="a", folder="b")])
    (written,) = serve_file()["applications"]
    for key in ("name", "import_path", "route_prefix"):
        assert made[key] == written[key]
    assert made["logging_config"]["enable_access_log"] is False
    assert serve_file()["logging_config"]["enable_access_log"] is False
    assert INGRESS == "Endpoint"


def test_every_node_of_the_service_has_the_credentials_and_haproxy() -> None:
    manifest = yaml.safe_load((ROOT / "cluster/base/rayservice.yaml").read_text("utf-8"))
    cluster = manifest["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert {"name": "RAY_SERVE_ENABLE_HA_PROXY", "value": "1"} in container["env"]
        assert container["envFrom"]
        resources = container["resources"]
        assert resources["requests"] == resources["limits"]
