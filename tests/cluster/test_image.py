"""The Dockerfile: what it copies is there, and pods can run what it makes."""

from __future__ import annotations

import re
import tomllib

from actors.cores import SHORT_SPIN
from tests.helpers.cluster_files import CLUSTER, ROOT, groups, manifests

DOCKERFILE = (CLUSTER / "Dockerfile").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PINS = PROJECT["tool"]["uv"]["constraint-dependencies"]
COPIED = {
    name
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)
    for name in line.split()[:-1]
}


def test_what_is_copied_is_there_and_gets_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "nothing goes that is not named"
    sent = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert sent == COPIED
    assert all((ROOT / name).exists() for name in COPIED)


def test_it_holds_all_packages_and_installs_the_gpu_build() -> None:
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]) < COPIED
    assert "--extra gpu" in DOCKERFILE
    assert "gpu" in PROJECT["project"]["optional-dependencies"]


def test_versions_are_those_of_the_checkout() -> None:
    """uv reads `constraint-dependencies` of the pyproject.toml where it runs."""
    before = DOCKERFILE[: DOCKERFILE.index("--requirements pyproject.toml")]
    assert "COPY pyproject.toml ./" in before
    assert "boto3" in {pin.partition("==")[0] for pin in PINS}


def test_its_user_is_the_one_that_manifests_run_as() -> None:
    (uid,) = re.findall(r"useradd .*--uid (\d+) ray", DOCKERFILE)
    users = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    assert users[-1] == "ray"
    for document in manifests().values():
        for group in groups(document):
            assert group["template"]["spec"]["securityContext"]["runAsUser"] == int(uid)


def test_it_has_what_kuberay_and_ray_up_need() -> None:
    (packages,) = re.findall(r"--no-install-recommends (.+) \\", DOCKERFILE)
    assert {"wget", "rsync", "openssh-client", "gcc"} <= set(packages.split())
    assert "HOME=/home/ray" in DOCKERFILE
    assert "boto3" in DOCKERFILE
    assert "ENTRYPOINT" not in DOCKERFILE


def test_replicas_on_the_same_cores_share_them_as_they_do_on_one_machine() -> None:
    (name, value), *more = SHORT_SPIN.items()
    assert not more
    assert f"{name}={value} " in DOCKERFILE


def test_manifests_name_the_image_of_this_version() -> None:
    """pyproject.toml says the version; what else has it in writing has to follow."""
    version = PROJECT["project"]["version"]
    written = {
        tag
        for path in CLUSTER.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
        for tag in re.findall(r"(?:/onoma:|newTag: )([\w.]+)", path.read_text("utf-8"))
    }
    assert written == {version}
