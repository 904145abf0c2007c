"""Metrics of several nodes in one text that Prometheus reads."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from serve.node_metrics import merged

ONE = """\
# HELP ray_onoma_requests_total Requests, by status.
# TYPE ray_onoma_requests_total counter
ray_onoma_requests_total{code="ok",node="1"} 3.0
# HELP ray_onoma_latency_ms Latency.
# TYPE ray_onoma_latency_ms histogram
ray_onoma_latency_ms_bucket{le="1.0",node="1"} 1.0
ray_onoma_latency_ms_bucket{le="+Inf",node="1"} 2.0
ray_onoma_latency_ms_count{node="1"} 2.0
ray_onoma_latency_ms_sum{node="1"} 4.5
# HELP ray_node_cpu_count Not ours.
# TYPE ray_node_cpu_count gauge
ray_node_cpu_count{node="1"} 2.0
# HELP ray_serve_num_http_requests_total Serve's.
# TYPE ray_serve_num_http_requests_total counter
ray_serve_num_http_requests_total{node="1"} 9.0
"""
HOSTILE = 'ray_onoma_requests_total{code="a # b\u2028\u0085 {\\"x\\"}",node="2"} 5.0'


def test_samples_of_all_nodes_stand_together_with_one_head() -> None:
    text = merged([ONE, ONE.replace('node="1"', 'node="2"'), "# no metrics of 10.0.0.3: Timeout\n"])
    assert text.count("# HELP ray_onoma_requests_total ") == 1
    assert text.count("# TYPE ray_onoma_latency_ms ") == 1
    assert "# no metrics of 10.0.0.3: Timeout\n" in text
    assert "ray_node_cpu_count" not in text
    families = {each.name: each for each in text_string_to_metric_families(text)}
    assert families.keys() == {
        "ray_onoma_requests",
        "ray_onoma_latency_ms",
        "ray_serve_num_http_requests",
    }
    assert families["ray_onoma_latency_ms"].type == "histogram"
    assert len(families["ray_onoma_latency_ms"].samples) == 8
    nodes = [each.labels["node"] for each in families["ray_onoma_requests"].samples]
    assert nodes == ["1", "2"]


def test_a_label_may_be_any_text() -> None:
    text = merged([ONE, f"{ONE.splitlines()[1]}\n{HOSTILE}\n"])
    assert HOSTILE in text.split("\n")


def test_no_node_answers() -> None:
    assert merged([]) == "\n"
    assert merged(["# no metrics of a: ReadTimeout\n"]) == "# no metrics of a: ReadTimeout\n"
