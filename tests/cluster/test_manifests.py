"""The manifests keep to the schemas of those who read them, and say what the code understands."""

from __future__ import annotations

import copy
import re
from importlib.metadata import version
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.kuberay import autoscaling_config
from ray.serve.schema import ServeDeploySchema

from methods.errors import REQUEST_CODES
from serve.catalogue import UserConfig
from serve.settings import EndpointSettings
from tests.helpers.cluster_files import (
    CLUSTER,
    Tree,
    amount,
    container,
    documents,
    entrypoint,
    faults,
    gpus,
    groups,
    manifests,
    ray_cluster,
    workers,
)

MANIFESTS = manifests()
JOBS = {file: each for file, each in MANIFESTS.items() if each["kind"] == "RayJob"}
SERVICES = {file: each for file, each in MANIFESTS.items() if each["kind"] == "RayService"}
STAGES = {"decode": "cpu-decode", "mllm": "gpu-mllm", "clip": "gpu-clip"}

every_manifest = pytest.mark.parametrize("document", MANIFESTS.values(), ids=MANIFESTS)
every_job = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def group_of(document: Tree, resource: str) -> Tree:
    (only,) = (group for group in workers(document) if resource in group["resources"])
    return only


def test_there_is_one_of_each() -> None:
    kinds = {"RayCluster", "RayJob", "RayCronJob", "RayService"}
    assert {each["kind"] for each in MANIFESTS.values()} == kinds
    assert {entrypoint(job).method for job in JOBS.values()} == {"slac", "near"}


def test_the_nightly_job_labels_what_is_new() -> None:
    (nightly,) = (each for each in MANIFESTS.values() if each["kind"] == "RayCronJob")
    settings, usual = entrypoint(nightly), entrypoint(JOBS["rayjob-label.yaml"])
    assert settings.update
    assert set(settings.retry_errors) < set(REQUEST_CODES) | {"storage_error"}
    decides = ("images", "classes", "out", "mllm", "clip")
    assert [getattr(settings, name) for name in decides] == [
        getattr(usual, name) for name in decides
    ]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", nightly["spec"]["schedule"])
    job = nightly["spec"]["jobTemplate"]
    assert job["activeDeadlineSeconds"] < 24 * 3600, "two jobs would write to one folder"
    assert job["shutdownAfterJobFinishes"]


@every_manifest
def test_kuberay_knows_every_field(document: Tree) -> None:
    assert faults(document) == []


def _set(*path: str | int, value: Any) -> Any:
    def change(document: Tree) -> None:
        node: Any = document
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("spec", "backofLimit", value=3), "backofLimit"),
        (_set("spec", "backoffLimit", value="3"), "backoffLimit"),
        (_set("spec", "rayClusterSpec", "headGroupSpec", "rayStartParam", value={}), "rayStart"),
        (_set("spec", "rayClusterSpec", "workerGroupSpecs", 0, "maxReplica", value=1), "maxRe"),
        (_set("spec", "rayClusterSpec", "autoscalerOptions", "version", value="v3"), "v3"),
        (_set("spec", "rayClusterSpec", "authOptions", "mode", value="tokens"), "tokens"),
        (
            _set(
                *("spec", "rayClusterSpec", "workerGroupSpecs", 0, "template", "spec"),
                *("containers", 0, "volumeMount"),
                value=[],
            ),
            "volumeMount",
        ),
        (_set("apiVersion", value="ray.io/v1alpha1"), "ray.io/v1"),
    ],
)
def test_a_wrong_field_is_refused(change: Any, said: str) -> None:
    job = copy.deepcopy(JOBS["rayjob-label.yaml"])
    change(job)
    assert any(said in fault for fault in faults(job))


@every_manifest
def test_pods_get_what_they_ask_for(document: Tree) -> None:
    autoscaler = ray_cluster(document)["autoscalerOptions"]["resources"]
    for resources in [autoscaler, *(container(group)["resources"] for group in groups(document))]:
        assert resources["requests"] == resources["limits"]


@every_manifest
def test_nothing_runs_on_a_head_and_it_has_room(document: Tree) -> None:
    head = ray_cluster(document)["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert amount(container(head)["resources"]["limits"]["memory"]) >= 16 * 2**30
    assert not head["template"]["spec"].get("tolerations"), "a head on a spot node ends the job"


@every_manifest
def test_the_object_store_fits_and_spills_to_disk(document: Tree) -> None:
    for group in groups(document):
        start = group["rayStartParams"]
        volumes = {each["name"]: each["emptyDir"] for each in group["template"]["spec"]["volumes"]}
        mounts = {each["mountPath"]: each["name"] for each in container(group)["volumeMounts"]}
        shm, spill = (
            volumes[mounts["/dev/shm"]],
            volumes[mounts[start["object-spilling-directory"]]],
        )
        assert shm["medium"] == "Memory"
        assert "medium" not in spill
        store, room = int(start["object-store-memory"]), amount(shm["sizeLimit"])
        assert 0.9 * room < store < 0.95 * room, "Ray wants some room beside it"
        assert room < amount(container(group)["resources"]["limits"]["memory"]) / 2


@every_manifest
def test_all_nodes_are_alike_in_version_image_user_and_secrets(document: Tree) -> None:
    cluster = ray_cluster(document)
    assert cluster["rayVersion"] == version("ray")
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["autoscalerOptions"]["version"] == "v2"
    for group in groups(document):
        pod, ray = group["template"]["spec"], container(group)
        assert ray["image"] == f"registry.example.org/onoma:{version('onoma')}"
        assert pod["securityContext"]["runAsNonRoot"]
        names = [each["secretRef"]["name"] for each in ray["envFrom"]]
        assert names == ["onoma-storage", "onoma-keys"]
        assert {"name": "metrics", "containerPort": 8080} in ray["ports"]
        # what KubeRay refuses without its schema saying so
        assert not (group.get("resources") and "resources" in group["rayStartParams"])
        assert pod.get("restartPolicy", "Never") == "Never"


@every_manifest
def test_groups_are_named_for_their_stage_and_offer_its_resource(document: Tree) -> None:
    for group in workers(document):
        (resource,) = group["resources"]
        assert STAGES[resource] == group["groupName"]
        assert gpus(group) == (0 if resource == "decode" else 1)
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


@every_manifest
def test_rays_autoscaler_reads_the_same_of_it(document: Tree) -> None:
    metadata = {"name": "any", "namespace": "default"}
    config = autoscaling_config._derive_autoscaling_config_from_ray_cr(
        {"metadata": metadata, "spec": ray_cluster(document)}
    )
    nodes = config["available_node_types"]
    assert nodes["headgroup"]["resources"]["CPU"] == 0
    for group in workers(document):
        node = nodes[group["groupName"]]
        (resource,) = group["resources"]
        assert node["resources"][resource] == 1000
        assert node["resources"]["CPU"] == int(container(group)["resources"]["limits"]["cpu"])
        assert node["resources"].get("GPU", 0) == gpus(group)


@every_job
def test_a_job_can_be_tried_again(job: Tree) -> None:
    spec = job["spec"]
    assert spec["backoffLimit"] > 0
    assert entrypoint(job).out.startswith("s3://"), "what a lost cluster had is lost with it"
    assert spec["shutdownAfterJobFinishes"]
    assert spec["ttlSecondsAfterFinished"] > 0
    assert spec["submissionMode"] == "K8sJobMode"


@every_job
def test_the_flags_of_a_job_fit_its_nodes(job: Tree) -> None:
    config = entrypoint(job)
    assert {config.decode_resource, config.mllm_resource, config.clip_resource} == set(STAGES)
    assert {group["groupName"] for group in workers(job)} == set(STAGES.values())
    mllm, clip = group_of(job, config.mllm_resource), group_of(job, config.clip_resource)
    for group, each, least, most in (
        (mllm, config.mllm_tensor_parallel_size, config.mllm_replicas, config.mllm_replicas_max),
        (clip, config.clip_gpus, config.clip_replicas, config.clip_replicas_max),
    ):
        assert each <= gpus(group)
        assert least * each <= group["minReplicas"] * gpus(group), "there when the job begins"
        assert (most or least) * each == group["maxReplicas"] * gpus(group)
    decode = container(group_of(job, config.decode_resource))["resources"]["limits"]
    assert config.decode_cpus <= float(decode["cpu"])


def test_the_dev_cluster_has_every_stage() -> None:
    (cluster,) = (each for each in MANIFESTS.values() if each["kind"] == "RayCluster")
    assert {group["groupName"] for group in workers(cluster)} == set(STAGES.values())


@every_service
def test_serve_takes_the_service_and_its_replicas_fit(service: Tree) -> None:
    config = yaml.safe_load(service["spec"]["serveConfigV2"])
    (application,) = ServeDeploySchema.model_validate(config).applications
    settings = EndpointSettings.model_validate(application.args)
    UserConfig.model_validate(application.deployments[0].user_config).names()
    (group,) = workers(service)
    assert settings.gpus * settings.max_replicas <= group["maxReplicas"] * gpus(group)
    assert {"name": "serve", "containerPort": 8000} in container(group)["ports"]


def test_the_queue_admits_the_largest_job() -> None:
    kinds: dict[str, list[Tree]] = {}
    for document in documents("kueue.yaml"):
        assert document["apiVersion"] == "kueue.x-k8s.io/v1beta2"
        kinds.setdefault(document["kind"], []).append(document)
    (local,), (queue,) = kinds["LocalQueue"], kinds["ClusterQueue"]
    assert local["spec"]["clusterQueue"] == queue["metadata"]["name"]
    (group,) = queue["spec"]["resourceGroups"]
    flavors = {each["metadata"]["name"]: each.get("spec", {}) for each in kinds["ResourceFlavor"]}
    assert list(flavors) == [flavor["name"] for flavor in group["flavors"]]
    spot, on_demand = (
        {each["name"]: amount(str(each["nominalQuota"])) for each in flavor["resources"]}
        for flavor in group["flavors"]
    )
    assert set(spot) == set(group["coveredResources"])
    (taint,) = flavors["onoma-spot"]["nodeTaints"]
    for job in JOBS.values():
        assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == local["metadata"]["name"]
        assert job["metadata"]["annotations"]["kueue.x-k8s.io/elastic-job"] == "true"
        needed = dict.fromkeys(spot, 0.0)
        for each in workers(job):
            tolerated = [
                t for t in each["template"]["spec"]["tolerations"] if t["key"] == taint["key"]
            ]
            assert [t["value"] for t in tolerated] == [taint["value"]]
            for name, quantity in container(each)["resources"]["requests"].items():
                needed[name] += each["maxReplicas"] * amount(quantity)
        assert all(needed[name] <= spot[name] for name in needed)
        head = ray_cluster(job)["headGroupSpec"]
        for name, quantity in container(head)["resources"]["requests"].items():
            assert amount(quantity) < on_demand[name]


def test_comments_name_files_that_there_are() -> None:
    for file in CLUSTER.rglob("*"):
        if file.suffix in (".yaml", ".yml") or file.name == "Dockerfile":
            for named in re.findall(r"cluster/[\w./-]+\w", file.read_text("utf-8")):
                assert (CLUSTER.parent / named).exists(), f"{file.name}: {named}"
