"""Alerts ask for metrics that there are, and say what is wrong."""

from __future__ import annotations

import re

import pytest

from tests.helpers.cluster_files import documents
from tests.helpers.metric_names import NAME, known, metrics_of_ours, own_name

(RULE,) = documents("monitoring/alerts.yaml")
ALERTS = {each["alert"]: each for group in RULE["spec"]["groups"] for each in group["rules"]}

every_alert = pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)


@every_alert
def test_its_metrics_and_their_labels_are_exported(alert: dict[str, str]) -> None:
    names = NAME.findall(alert["expr"])
    assert names
    assert all(known(name) for name in names)
    for name, filters in re.findall(r"(ray_onoma_\w+)\{([^}]*)\}", alert["expr"]):
        asked = set(re.findall(r'(\w+)(?:=|!=|=~)"', filters))
        assert asked <= metrics_of_ours()[own_name(name)]
    # each metric is written with braces, or it would not have been looked at
    assert len(re.findall(r"\b(?:ray|autoscaler)_(?!io_cluster)\w+", alert["expr"])) == len(names)


@every_alert
def test_its_sentence_uses_labels_that_its_sum_keeps(alert: dict[str, dict[str, str]]) -> None:
    kept = set(", ".join(re.findall(r"by \(([^)]*)\)", str(alert["expr"]))).split(", "))
    used = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"]))
    assert used
    assert used <= kept
    assert alert["labels"]["severity"] in ("page", "ticket")


@every_alert
def test_its_expression_is_balanced(alert: dict[str, str]) -> None:
    for opening, closing in ("()", "{}", "[]"):
        assert alert["expr"].count(opening) == alert["expr"].count(closing)
    assert re.search(r"(>|<|==) [\d.]+$", alert["expr"]), "it compares with a bound"


def test_what_may_go_wrong_is_covered() -> None:
    asked = " ".join(each["expr"] for each in ALERTS.values())
    for metric in ("stage_images", "mllm_requests", "drift_label_mix", "drift_distance"):
        assert f"ray_onoma_{metric}" in asked
    for metric in ("http_request_latency_ms", "num_http_requests", "deployment_replica_healthy"):
        assert f"ray_serve_{metric}" in asked
    assert len(ALERTS) >= 10
