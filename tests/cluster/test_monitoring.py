"""The dashboard asks for metrics that there are; Prometheus collects from ports that are open."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.helpers.cluster_files import (
    CLUSTER,
    container,
    documents,
    groups,
    manifests,
    ray_cluster,
)
from tests.helpers.metric_names import NAME, known, metrics_of_ours, own_name

BOARD = json.loads((CLUSTER / "monitoring/grafana/onoma.json").read_text("utf-8"))
PANELS = BOARD["panels"]
GRAPHS = [panel for panel in PANELS if panel["type"] != "row"]
ASKED = [target["expr"] for panel in GRAPHS for target in panel["targets"]]


def names() -> list[str]:
    return sorted({name for expression in ASKED for name in NAME.findall(expression)})


@pytest.mark.parametrize("name", names())
def test_every_metric_of_the_dashboard_is_exported(name: str) -> None:
    assert known(name)


@pytest.mark.parametrize("name", ["ray_node_gpu_use", "ray_data_queue", "ray_onoma_pictures_total"])
def test_an_invented_metric_is_noticed(name: str) -> None:
    assert not known(name)


@pytest.mark.parametrize("expression", [each for each in ASKED if "ray_onoma_" in each])
def test_labels_of_our_metrics_are_their_tags(expression: str) -> None:
    asked = set(re.findall(r'(\w+)(?:=|!=|=~)"', expression))
    for listed in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression):
        asked |= set(listed.split(", "))
    asked -= {"ray_io_cluster", "instance", "le"}  # of Prometheus
    for name in NAME.findall(expression):
        assert asked <= metrics_of_ours()[own_name(name)]


def test_the_dashboard_covers_what_matters() -> None:
    wanted = (
        *("stage_images_total", "stage_seconds_total", "mllm_tokens_total", "mllm_requests_total"),
        *("answers_reused_total", "mllm_waiting", "drift_label_mix", "drift_distance"),
    )
    assert {f"ray_onoma_{name}" for name in wanted} <= set(names())
    assert sum(not name.startswith("ray_onoma_") for name in names()) > 12


def test_panels_are_sound() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(ids) == len(set(ids))
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel in GRAPHS:
        assert panel["description"]
        assert panel["targets"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(letters) == len(set(letters))
        for target in panel["targets"]:
            assert target["legendFormat"]
            assert NAME.search(target["expr"])


def test_panels_do_not_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not own & cells
        cells |= own


@pytest.mark.parametrize("expression", ASKED)
def test_expressions_are_balanced_and_of_the_chosen_cluster(expression: str) -> None:
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing)
    assert expression.count('"') % 2 == 0
    assert len(NAME.findall(expression)) == expression.count('ray_io_cluster=~"$cluster"')
    variables = {each["name"] for each in BOARD["templating"]["list"]}
    assert set(re.findall(r"\$(\w+)", expression)) <= variables | {"__rate_interval", "__range"}


def test_prometheus_collects_from_ports_that_pods_have() -> None:
    (monitor,) = documents("monitoring/podmonitor.yaml")
    ports = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    for document in manifests().values():
        head = ray_cluster(document)["headGroupSpec"]
        assert ports <= {port["name"] for port in container(head)["ports"]}
        for group in groups(document):
            named = {port["name"]: port["containerPort"] for port in container(group)["ports"]}
            assert named["metrics"] == 8080


def test_prometheus_without_kubernetes_finds_the_nodes_of_ray_up() -> None:
    text = (CLUSTER / "monitoring/prometheus.yml").read_text("utf-8")
    (nodes,) = documents("ray-up.yaml")
    jobs: list[dict[str, Any]] = yaml.safe_load(text)["scrape_configs"]
    found = [each for job in jobs for each in job["ec2_sd_configs"]]
    assert [each["port"] for each in found] == [8080, 44217, 44227]
    for each in found:
        assert each["region"] == nodes["provider"]["region"]
        names = {rule["name"]: rule["values"] for rule in each["filters"]}
        assert names["tag:ray-cluster-name"] == [nodes["cluster_name"]]
