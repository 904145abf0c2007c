"""Overlays: each patch finds its place, and what comes out keeps to the schemas."""

from __future__ import annotations

import copy
import functools
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.helpers.cluster_files import CLUSTER, Tree, faults, gpus, groups, workers
from tests.helpers.kustomize import PatchError, apply, render

OVERLAYS = sorted(path.name for path in (CLUSTER / "overlays").iterdir())
RAY = ("RayCluster", "RayJob", "RayCronJob", "RayService")
DOCKERFILE = (CLUSTER / "Dockerfile").read_text("utf-8")

every_overlay = pytest.mark.parametrize("name", OVERLAYS)


@functools.cache
def rendered(name: str) -> dict[tuple[str, str], Tree]:
    return {
        (each["kind"], each["metadata"]["name"]): each
        for each in render(CLUSTER / "overlays" / name)
    }


def pods(name: str) -> list[tuple[str, Tree, Tree]]:
    """The templates of all pods of Ray in an overlay: kind, group, template."""
    return [
        (kind, group, group["template"])
        for (kind, _), document in rendered(name).items()
        if kind in RAY
        for group in groups(_one_container(document))
    ]


def _one_container(document: Tree) -> Tree:
    """A copy in which pods have their first container only, which is Ray's."""
    copied = copy.deepcopy(document)
    for group in groups(copied):
        del group["template"]["spec"]["containers"][1:]
    return copied


def test_there_is_one_for_each_place() -> None:
    assert OVERLAYS == ["eks", "gke", "on-prem"]


@every_overlay
def test_what_comes_out_keeps_to_the_schemas(name: str) -> None:
    assert {key: told for key, each in rendered(name).items() if (told := faults(each))} == {}
    kinds = {kind for kind, _ in rendered(name)}
    wanted = {"ServiceAccount", "NetworkPolicy", "PodDisruptionBudget", "PersistentVolumeClaim"}
    assert {*RAY, *wanted, "ConfigMap", "Job"} == kinds


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
@every_overlay
def test_kubectl_makes_the_same_of_it(name: str) -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(CLUSTER / f"overlays/{name}")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    made = {
        (each["kind"], each["metadata"]["name"]): each
        for each in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader)
    }
    ours = rendered(name)
    assert set(made) == set(ours)
    for key, each in made.items():
        assert _trimmed(each) == _trimmed(ours[key])


def _trimmed(node: Any) -> Any:
    """Without the newline at the end of texts, which kustomize keeps as it was written."""
    if isinstance(node, dict):
        return {key: _trimmed(each) for key, each in node.items()}
    if isinstance(node, list):
        return [_trimmed(each) for each in node]
    return node.rstrip("\n") if isinstance(node, str) else node


@every_overlay
def test_every_object_says_what_it_is_for(name: str) -> None:
    parts = {"shared", "models", "develop", "label", "fit", "update", "serve"}
    seen = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]
        for each in rendered(name).values()
    }
    assert seen == parts
    for each in rendered(name).values():
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "onoma"
    for (kind, _), each in rendered(name).items():
        if kind in RAY:
            part = each["metadata"]["labels"]["app.kubernetes.io/component"]
            for group in groups(_one_container(each)):
                labels = group["template"]["metadata"]["labels"]
                assert labels == {"app.kubernetes.io/component": part}


@every_overlay
def test_the_two_kinds_of_gpu_go_to_their_stage(name: str) -> None:
    """One stage never takes the other's GPUs; the endpoint's are those of CLIP."""
    chosen: dict[str, set[str]] = {}
    for _, group, template in pods(name):
        if gpus(group):
            (kind,) = (
                value
                for key, value in template["spec"]["nodeSelector"].items()
                if re.search(r"gpu-name|gpu\.product|accelerator$", key)
            )
            chosen.setdefault(group["groupName"], set()).add(kind)
    assert {group: len(kinds) for group, kinds in chosen.items()} == {"gpu-mllm": 1, "gpu-clip": 1}
    assert chosen["gpu-mllm"] != chosen["gpu-clip"]


@pytest.mark.parametrize("name", ["eks", "gke"])
def test_only_workers_of_jobs_are_on_spot_nodes(name: str) -> None:
    for kind, group, template in pods(name):
        selector = template["spec"]["nodeSelector"]
        spot = "spot" in selector.values() or selector.get("cloud.google.com/gke-spot") == "true"
        assert spot == ("groupName" in group and kind != "RayService")
        if not spot:
            assert {"on-demand", "standard"} & set(selector.values())


@every_overlay
def test_weights_are_on_one_volume_where_the_image_looks_for_them(name: str) -> None:
    (home,) = re.findall(r"HF_HOME=(\S+)", DOCKERFILE)
    claim = rendered(name)["PersistentVolumeClaim", "onoma-models"]["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"]
    assert claim["storageClassName"]
    for _, group, template in pods(name):
        spec = template["spec"]
        mounts = {each["mountPath"]: each["name"] for each in spec["containers"][0]["volumeMounts"]}
        if group.get("groupName") == "cpu-decode":
            assert home not in mounts, "it reads no model"
            continue
        (volume,) = (each for each in spec["volumes"] if each["name"] == mounts[home])
        assert volume["persistentVolumeClaim"] == {"claimName": "onoma-models"}
    filling = rendered(name)["Job", "onoma-models"]["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "HF_HOME", "value": home} in filling["env"]
    assert filling["volumeMounts"] == [{"name": "models", "mountPath": home}]


@every_overlay
def test_logs_of_every_pod_go_to_the_bucket(name: str) -> None:
    config = rendered(name)["ConfigMap", "onoma-fluent-bit"]["data"]
    assert "@INCLUDE output.conf" in config["fluent-bit.conf"]
    assert re.search(r"Name +s3", config["output.conf"])
    (path,) = re.findall(r"Path +(\S+)", config["fluent-bit.conf"])
    for (kind, _), document in rendered(name).items():
        if kind not in RAY:
            continue
        for group in groups(document):
            spec = group["template"]["spec"]
            ray, collector = spec["containers"]
            assert ray["name"].startswith("ray-")  # KubeRay takes the first for Ray
            volumes = {each["name"]: each for each in spec["volumes"]}
            assert volumes["fluent-bit"]["configMap"] == {"name": "onoma-fluent-bit"}
            assert volumes["ray-logs"] == {"name": "ray-logs", "emptyDir": {}}
            assert {"name": "ray-logs", "mountPath": "/tmp/ray"} in ray["volumeMounts"]
            there = {each["mountPath"]: each["name"] for each in collector["volumeMounts"]}
            assert there["/tmp/ray"] == "ray-logs"
            (folder,) = (each for each, volume in there.items() if volume == "fluent-bit")
            assert collector["args"] == [f"--config={folder}/fluent-bit.conf"]
            variables = {each["name"] for each in collector["env"]}
            assert set(re.findall(r"\$\{(\w+)\}", "".join(config.values()))) == variables
            assert collector["resources"]["requests"] == collector["resources"]["limits"]
    assert all(each.startswith("/tmp/ray/session_latest/logs/") for each in path.split(","))


@every_overlay
def test_accounts_are_there_and_stand_for_something(name: str) -> None:
    accounts = {key for kind, key in rendered(name) if kind == "ServiceAccount"}
    for _, group, template in pods(name):
        who = template["spec"]["serviceAccountName"]
        assert who == ("onoma-worker" if "groupName" in group else "onoma-head")
        assert who in accounts
    worker = rendered(name)["ServiceAccount", "onoma-worker"]
    assert worker["automountServiceAccountToken"] is False
    assert worker["metadata"].get("annotations") or worker["imagePullSecrets"]


@every_overlay
def test_an_image_is_named_once(name: str) -> None:
    images = yaml.safe_load((CLUSTER / f"overlays/{name}/kustomization.yaml").read_text())["images"]
    wanted = {f"{each['newName']}:{each['newTag']}" for each in images}
    assert {t["spec"]["containers"][0]["image"] for _, _, t in pods(name)} == wanted
    assert f"{images[0]['name']}:{images[0]['newTag']}" in DOCKERFILE


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/spec/none/deep", "value": 1},
        {"op": "add", "path": "/spec/list/7/name", "value": 1},
        {"op": "replace", "path": "/spec/missing", "value": 1},
        {"op": "remove", "path": "/spec/missing"},
        {"op": "move", "path": "/spec/list"},
    ],
)
def test_a_patch_without_its_place_is_noticed(operation: Tree) -> None:
    with pytest.raises(PatchError):
        apply({"spec": {"list": [{"name": "a"}]}}, operation)


def test_a_patch_without_its_target_is_noticed(tmp_path: Any) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "patches: [{target: {kind: RayJob, name: other}, patch: '[]'}]"
    )
    with pytest.raises(PatchError, match="no object"):
        render(tmp_path)


def test_groups_are_in_the_order_that_patches_count_on() -> None:
    for document in render(CLUSTER / "base"):
        if document["kind"] in RAY:
            names = [group["groupName"] for group in workers(document)]
            assert names in (["cpu-decode", "gpu-mllm", "gpu-clip"], ["gpu-clip"])
