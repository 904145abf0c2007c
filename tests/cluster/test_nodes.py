"""Jobs and an endpoint submitted to a cluster of three nodes: the same commands as anywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from actors.labels.table import ANSWER_LABELS_SCHEMA
from ray_jobs.cli import DONE, WRONG_USAGE
from tests.helpers.nodes import Nodes, free_port
from tests.helpers.run_files import record_of, rows_by_path

ROOT = Path(__file__).parent.parent.parent
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A head without CPUs, a node that decodes and runs CLIP, and one for the MLLM."""
    started = Nodes(tmp_path_factory.mktemp("nodes"))
    try:
        started.add(4, decode=1000, clip=1000)
        started.add(2, mllm=1000)
        yield started
    finally:
        started.stop()


def submit(nodes: Nodes, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """``onoma submit``, as a user calls it in a checkout."""
    flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "ray_jobs", "submit", "--address", nodes.dashboard, "--json"]
    return subprocess.run(
        [*command, *flags, "--", *words],
        cwd=ROOT,
        env=nodes.environment(),
        capture_output=True,
        text=True,
        timeout=400,
    )


def actors(nodes: Nodes) -> list[dict[str, Any]]:
    """All actors that the cluster has had: ``class`` and the custom resource of its node."""
    script = """
import json, sys
from ray.util.state import list_actors, list_nodes
address = sys.argv[1]
offers = {n.node_id: sorted({"clip", "mllm"} & set(n.resources_total)) for n in list_nodes(address)}
actors = list_actors(address, limit=999)
print(json.dumps([{"class": a.class_name, "on": offers.get(a.node_id)} for a in actors]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, nodes.dashboard],
        env=nodes.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.extended
def test_a_submitted_job_runs_its_stages_where_it_is_told(
    nodes: Nodes, birds: Path, bird_paths: list[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = submit(
        nodes,
        *("label", "slac", "--images", str(birds / "images"), "--out", str(run)),
        *("--classes", str(birds / "classes.txt"), "--clip-replicas", "1"),
        *("--decode-resource", "decode", "--clip-resource", "clip", "--mllm-resource", "mllm"),
    )
    assert done.returncode == DONE, done.stderr + nodes.log()
    result = json.loads(done.stdout)
    assert result["status"] == "SUCCEEDED"
    assert result["exit_code"] == 0
    assert "engine starts" in done.stderr  # the job's own last table, followed as it came
    rows = rows_by_path(run, ANSWER_LABELS_SCHEMA)
    assert sorted(rows) == sorted(bird_paths)
    record = record_of(run)
    assert record["state"] == "finished"
    assert record["ledger"]["rows"] == len(bird_paths)
    assert record["work"]["recognise"]["mllm"]["rows"] == len(bird_paths)
    assert record["work"]["recognise"]["fetch"]["rows"] == len(bird_paths)
    where: dict[str, set[str]] = {}
    for actor in actors(nodes):
        if actor["on"] is not None:
            where.setdefault(actor["class"], set()).update(actor["on"])
    assert where["MLLM"] == {"mllm"}
    assert where["MapWorker(MapBatches(label))"] == {"clip"}


def test_the_exit_code_and_the_sentence_of_a_job_are_kept(
    nodes: Nodes, birds: Path, tmp_path: Path
) -> None:
    """Two jobs at once; the second one submitted with Ray's own command, as the README says."""
    ray = [str(Path(sys.executable).with_name("ray")), "job", "submit"]
    settings = ["--address", nodes.dashboard, "--working-dir", "."]
    job = ["python", "-m", "ray_jobs", "label", "zero_shot", "--clip-resource", "gpus"]
    job += ["--images", str(birds / "images"), "--classes", str(birds / "classes.txt")]
    with subprocess.Popen(
        [*ray, *settings, "--", *job, "--out", str(tmp_path / "other")],
        cwd=ROOT,
        env=nodes.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as other:
        done = submit(
            nodes,
            *("label", "zero_shot", "--images", "/nowhere", "--classes", "/none.txt"),
            *("--out", str(tmp_path / "run")),
        )
        said, _ = other.communicate(timeout=200)
    assert done.returncode == WRONG_USAGE, done.stderr
    assert "onoma: --classes /none.txt" in done.stderr
    result = json.loads(done.stdout)
    assert (result["status"], result["exit_code"]) == ("FAILED", WRONG_USAGE)
    assert other.returncode != DONE
    assert "--clip-resource gpus: no node of the cluster has this custom resource" in said


def test_a_ray_that_only_runs_here_is_not_joined_and_one_of_ray_start_is(nodes: Nodes) -> None:
    script = """
import logging, os, sys
import ray
from pathlib import Path
from ray_jobs.passes.session import start_ray, started_here
logging.basicConfig(format="%(message)s", stream=sys.stdout)
logging.getLogger("onoma").setLevel(logging.INFO)
start_ray()
assert started_here()
ray.shutdown()
Path(os.environ["RAY_TMPDIR"], "ray", "ray_current_cluster").write_text(sys.argv[1])
assert {"mllm", "clip"} <= set(start_ray().custom)
assert not started_here()
"""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="r") as short:  # sockets have short names
        done = subprocess.run(
            [sys.executable, "-c", script, nodes.address],
            cwd=ROOT,
            env={**nodes.environment(), "RAY_TMPDIR": short},
            capture_output=True,
            text=True,
            timeout=200,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"joined the Ray cluster {nodes.address} (ray start)" in done.stdout


@pytest.mark.extended
@pytest.mark.skipif(shutil.which("uv") is None, reason="no uv here")
def test_a_cluster_without_our_image_runs_a_job_through_uv(
    nodes: Nodes, birds: Path, bird_paths: list[str], tmp_path: Path
) -> None:
    """``environments/uv.yaml``, with the environment that is here instead of one from the index."""
    settings = yaml.safe_load((ROOT / "cluster/environments/uv.yaml").read_text())
    assert " run " in settings["py_executable"]
    uv = settings["py_executable"].replace(" run ", " run --no-sync --offline ").replace(
        "--extra gpu ", ""
    )  # fmt: skip
    seen = tmp_path / "started"
    starter = tmp_path / "uv-and-note"
    starter.write_text(f'#!/bin/sh\necho x >> {seen}\nexec {uv} "$@"\n')
    starter.chmod(0o755)
    settings["py_executable"] = str(starter)
    settings["env_vars"]["UV_PROJECT_ENVIRONMENT"] = sys.prefix
    file = tmp_path / "uv.yaml"
    file.write_text(yaml.safe_dump(settings))
    run = tmp_path / "run"
    done = submit(
        nodes,
        *("label", "zero_shot", "--images", str(birds / "images"), "--out", str(run)),
        *("--classes", str(birds / "classes.txt"), "--clip", "fieldguide"),
        *("--clip-resource", "clip", "--decode-resource", "decode", "--clip-replicas", "1"),
        **{"runtime-env": str(file)},
    )
    assert done.returncode == DONE, done.stderr + nodes.log()
    assert record_of(run)["ledger"]["rows"] == len(bird_paths)
    assert len(seen.read_text().split()) > 2, "the driver and the workers"


@pytest.mark.extended
def test_the_endpoint_is_deployed_with_serves_own_command(
    nodes: Nodes, birds: Path, classifier_folder: str, tmp_path: Path
) -> None:
    config = yaml.safe_load((ROOT / "serve" / "config.yaml").read_text())
    port = free_port()
    config["http_options"] = {"host": "127.0.0.1", "port": port}
    config["proxy_location"] = "HeadOnly"
    application = config["applications"][0]
    application["runtime_env"] = {"env_vars": {"PYTHONPATH": str(ROOT)}}
    application["args"] |= {"max_replicas": 1, "max_batch": 4}
    deployment = application["deployments"][0]
    deployment["user_config"]["classifiers"] = [{"name": "birds", "folder": classifier_folder}]
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    command = [str(Path(sys.executable).with_name("serve")), "deploy", str(file)]
    done = subprocess.run(
        [*command, "--address", nodes.dashboard],
        env=nodes.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 240
    while not _healthy(url):
        assert time.monotonic() < end, nodes.log()
        time.sleep(1)
    image = next(iter(sorted((birds / "images").rglob("*.jpg"))))
    answer = httpx.post(f"{url}/v1/classify", files={"images": image.read_bytes()}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["images"][0]["labels"]


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).is_success
    except httpx.HTTPError:
        return False
