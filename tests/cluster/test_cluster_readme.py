"""The guide to clusters names files, flags and services that there are."""

from __future__ import annotations

import re
import shlex

import pytest

from ray_jobs.commands import COMMANDS
from tests.helpers.cluster_files import (
    CLUSTER,
    ROOT,
    documents,
    manifests,
    objects,
    parsed,
    workers,
)

GUIDE = (CLUSTER / "README.md").read_text("utf-8")
NAMES = {each["kind"]: set() for each in manifests().values()}
for _each in manifests().values():
    NAMES[_each["kind"]].add(_each["metadata"]["name"])


def test_it_has_ten_steps() -> None:
    steps = re.findall(r"^(\d+)\. \*\*", GUIDE, re.MULTILINE)
    assert [int(step) for step in steps] == list(range(1, 11))


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", GUIDE))
def test_links_lead_somewhere(link: str) -> None:
    assert (CLUSTER / link).exists()


def test_files_that_it_names_exist() -> None:
    named = re.findall(r"cluster/[\w/-]+\.\w+|cluster/overlays/[\w-]+", GUIDE)
    assert len(named) > 20
    assert all((ROOT / each).exists() for each in named)
    first = GUIDE[: GUIDE.index("A cluster has")]
    rows = re.findall(r"^\| [^|]*\| `(.+?)` \|", first, re.MULTILINE)
    listed = {row.rstrip("/") for row in rows}
    there = {path.name for path in CLUSTER.iterdir() if path.name[0] not in "._"} - {"README.md"}
    assert listed == there


def test_the_label_command_is_one_for_the_development_cluster() -> None:
    joined = GUIDE.replace("\\\n", " ")
    (line,) = re.findall(r"onoma submit --address \S+ -- (label slac .+--out.+)", joined)
    config = parsed(shlex.split(line))
    (cluster,) = documents("base/raycluster.yaml")
    offered = {name for group in workers(cluster) for name in group["resources"]}
    assert {config.decode_resource, config.mllm_resource, config.clip_resource} == offered
    assert config.out.startswith("s3://")


def test_flags_exist() -> None:
    settings = {
        "--" + (info.alias or field).replace("_", "-")
        for command in COMMANDS.values()
        for field, info in command.config.model_fields.items()
    }
    named = set(re.findall(r"`(--[a-z][a-z0-9-]*)", GUIDE))
    assert named <= settings
    assert len(named) > 8


def test_objects_that_it_names_are_those_of_the_manifests() -> None:
    clusters = NAMES["RayCluster"] | NAMES["RayJob"]
    heads = set(re.findall(r"service/([\w-]+)-head-svc", GUIDE))
    assert heads
    assert heads <= clusters
    assert set(re.findall(r"service/([\w-]+)-serve-svc", GUIDE)) == NAMES["RayService"]
    (deleted,) = re.findall(r"kubectl delete (ray.+?)`", GUIDE)
    kinds = {kind.lower(): names for kind, names in NAMES.items()}
    found = {(kind, name) for kind, _, name in (each.partition("/") for each in deleted.split())}
    assert found == {(kind, name) for kind, names in kinds.items() for name in names}
    assert set(re.findall(r"(?<!cron)job/(onoma-\w+)", GUIDE)) <= NAMES["RayJob"]


def test_components_that_it_applies_are_labels_of_objects() -> None:
    parts = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]
        for file, each in objects().items()
        if file.startswith(("base/", "components/"))
    }
    applied = set(re.findall(r"component=(\w+)", GUIDE))
    assert applied == parts
    (told,) = re.findall(r"in the label `app.kubernetes.io/component`: (.+)\.\n", GUIDE)
    assert set(re.findall(r"`(\w+)`", told)) == parts


def test_alerts_that_it_explains_are_there() -> None:
    (rule,) = documents("monitoring/alerts.yaml")
    alerts = {each["alert"] for group in rule["spec"]["groups"] for each in group["rules"]}
    named = set(re.findall(r"`(Onoma\w+)`", GUIDE))
    assert named
    assert named <= alerts


def test_the_command_for_a_cluster_that_is_there_is_one() -> None:
    joined = GUIDE.replace("\\\n", " ")
    (line,) = re.findall(r"--runtime-env \S+ --\s+(label zero_shot .+)", joined)
    assert parsed(shlex.split(line)).out.startswith("s3://")
