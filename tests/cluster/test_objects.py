"""Every object keeps to a schema; accounts, policies, budgets and gateway fit Ray's pods."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from tests.helpers.cluster_files import (
    CLUSTER,
    Tree,
    container,
    documents,
    faults,
    groups,
    manifests,
    objects,
    ray_cluster,
)

OBJECTS = objects()
(NETWORK,) = documents("base/network.yaml")
BUDGETS = {each["metadata"]["name"]: each["spec"] for each in documents("base/disruption.yaml")}


@pytest.mark.parametrize("document", OBJECTS.values(), ids=OBJECTS)
def test_every_field_is_known(document: Tree) -> None:
    assert faults(document) == []


def test_all_kinds_are_there() -> None:
    kinds = {each["kind"] for each in OBJECTS.values()}
    assert kinds >= {"ServiceAccount", "NetworkPolicy", "PodDisruptionBudget", "PrometheusRule"}
    assert kinds >= {
        "Gateway",
        "HTTPRoute",
        "SecurityPolicy",
        "PersistentVolumeClaim",
        "ClusterQueue",
    }


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("NetworkPolicy", ("spec", "ingres"), []),
        ("NetworkPolicy", ("spec", "ingress", 0, "form"), []),
        ("PodDisruptionBudget", ("spec", "minAvailable"), [1]),
        ("ServiceAccount", ("automountServiceAccountToken",), "no"),
        ("PersistentVolumeClaim", ("spec", "accessMode"), ["ReadWriteMany"]),
        ("Job", ("spec", "template", "spec", "volume"), []),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0, "fur"), "1m"),
        ("HTTPRoute", ("spec", "rules", 0, "backendRef"), []),
        ("SecurityPolicy", ("spec", "apiKey"), {}),
        ("ClusterQueue", ("spec", "resourceGroup"), []),
    ],
)
def test_a_wrong_field_is_refused(kind: str, path: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(next(each for each in OBJECTS.values() if each["kind"] == kind))
    node: Any = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    assert faults(document)


def test_a_kind_without_a_schema_is_noticed() -> None:
    with pytest.raises(KeyError, match="Deployment"):
        faults({"kind": "Deployment"})


def test_secrets_are_optional_and_accounts_are_there() -> None:
    accounts = {each["metadata"]["name"] for each in documents("base/accounts.yaml")}
    for document in manifests().values():
        for group in groups(document):
            assert all(each["secretRef"]["optional"] for each in container(group)["envFrom"])
            assert group["template"]["spec"]["serviceAccountName"] in accounts


def test_a_head_is_not_moved_and_workers_may_be() -> None:
    for document in manifests().values():
        for group in groups(document):
            marks = group["template"]["metadata"].get("annotations", {})
            kept = marks.get("cluster-autoscaler.kubernetes.io/safe-to-evict") == "false"
            assert kept == (marks.get("karpenter.sh/do-not-disrupt") == "true")
            assert kept == ("groupName" not in group)


def selects(selector: Tree, labels: dict[str, str]) -> bool:
    """Whether a selector of Kubernetes takes a pod with these labels."""
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(
        rule["operator"] == "In" and labels.get(rule["key"]) in rule["values"]
        for rule in selector.get("matchExpressions", ())
    )


def ray_pods() -> list[tuple[str, str, dict[str, str]]]:
    """Kind, node type and labels of each group, with those that KubeRay adds."""
    return [
        (document["kind"], kind, {**group["template"]["metadata"]["labels"], **added})
        for document in manifests().values()
        for group in groups(document)
        for kind in ["worker" if "groupName" in group else "head"]
        for added in [{"ray.io/is-ray-node": "yes", "ray.io/node-type": kind}]
    ]


def test_budgets_hold_heads_of_jobs_and_workers_of_the_endpoint() -> None:
    for kind, node, labels in ray_pods():
        held = {name for name, spec in BUDGETS.items() if selects(spec["selector"], labels)}
        if node == "head" and kind in ("RayJob", "RayCronJob"):
            assert held == {"onoma-job-heads"}
        elif node == "worker" and kind == "RayService":
            assert held == {"onoma-endpoint"}
        else:
            assert held == set()
    assert all(isinstance(spec["minAvailable"], int) for spec in BUDGETS.values())


def allowed(labels: dict[str, str], namespace: str | None = None) -> set[int | None]:
    """The ports that a pod with these labels reaches; None stands for all. Without a namespace it
    is of the nodes' own."""
    ports: set[int | None] = set()
    for rule in NETWORK["spec"]["ingress"]:
        for peer in rule["from"]:
            spaces = peer.get("namespaceSelector")
            if spaces is None and namespace is not None:
                continue
            where = {"kubernetes.io/metadata.name": namespace or "default"}
            if selects(spaces or {}, where) and selects(peer.get("podSelector", {}), labels):
                ports |= {each["port"] for each in rule["ports"]} if "ports" in rule else {None}
    return ports


def test_the_policy_lets_in_who_has_to_come_and_nobody_else() -> None:
    assert all(selects(NETWORK["spec"]["podSelector"], labels) for _, _, labels in ray_pods())
    assert NETWORK["spec"]["policyTypes"] == ["Ingress"]
    assert allowed({"ray.io/is-ray-node": "yes"}) == {None}
    assert allowed({"ray.io/originated-from-crd": "RayJob"}) == {8265}
    operator = {"app.kubernetes.io/name": "kuberay-operator"}
    assert allowed(operator, "kuberay") == {8265, 8000}
    assert allowed({"app.kubernetes.io/name": "envoy"}, "envoy-gateway-system") == {8000}
    assert allowed({"app": "stranger"}) == set()
    assert allowed({"app": "stranger"}, "other") == set()
    assert allowed({"ray.io/is-ray-node": "yes"}, "other") == set()


def test_prometheus_reaches_the_ports_that_it_collects_from() -> None:
    (monitor,) = documents("monitoring/podmonitor.yaml")
    named = {each["port"] for each in monitor["spec"]["podMetricsEndpoints"]}
    for document in manifests().values():
        head = container(ray_cluster(document)["headGroupSpec"])
        numbers = {each["containerPort"] for each in head["ports"] if each["name"] in named}
        assert numbers == allowed({"app.kubernetes.io/name": "prometheus"}, "monitoring")


def test_the_gateway_leads_to_the_endpoint_and_each_policy_guards_the_route() -> None:
    klass, gateway, route = documents("gateway/gateway.yaml")
    assert gateway["spec"]["gatewayClassName"] == klass["metadata"]["name"]
    (listener,) = gateway["spec"]["listeners"]
    assert listener["protocol"] == "HTTPS"
    (parent,) = route["spec"]["parentRefs"]
    assert parent == {"name": gateway["metadata"]["name"], "sectionName": listener["name"]}
    assert route["spec"]["hostnames"] == [listener["hostname"]]
    (rule,) = route["spec"]["rules"]
    service = manifests()["rayservice.yaml"]["metadata"]["name"]
    assert rule["backendRefs"] == [{"name": f"{service}-serve-svc", "port": 8000}]
    for file in ("api-key", "oidc"):
        (policy,) = documents(f"gateway/{file}.yaml")
        (target,) = policy["spec"]["targetRefs"]
        assert (target["kind"], target["name"]) == ("HTTPRoute", route["metadata"]["name"])
    (oidc,) = documents("gateway/oidc.yaml")
    assert listener["hostname"] in oidc["spec"]["oidc"]["redirectURL"]


def test_secrets_that_files_need_are_made_in_their_heads_or_in_the_guide() -> None:
    texts = "\n".join(path.read_text("utf-8") for path in CLUSTER.rglob("*.yaml"))
    texts += (CLUSTER / "README.md").read_text("utf-8")
    made = set(re.findall(r"create secret (?:generic|tls|docker-registry) (\S+)", texts))
    (key,) = documents("gateway/api-key.yaml")
    (oidc,) = documents("gateway/oidc.yaml")
    _, gateway, _ = documents("gateway/gateway.yaml")
    asked = {each["name"] for each in key["spec"]["apiKeyAuth"]["credentialRefs"]}
    asked |= {oidc["spec"]["oidc"]["clientSecret"]["name"]}
    asked |= {gateway["spec"]["listeners"][0]["tls"]["certificateRefs"][0]["name"]}
    asked |= {"onoma-storage", "onoma-keys", "registry"}
    assert asked <= made
