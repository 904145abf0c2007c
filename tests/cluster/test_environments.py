"""Runtime environments for a Ray cluster that is there: they hold what the project asks for."""

from __future__ import annotations

import shlex
import tomllib
from importlib.metadata import version
from typing import Any

import pytest
from packaging.requirements import Requirement
from ray.runtime_env import RuntimeEnv

from ray_jobs.config import SubmitConfig
from ray_jobs.verbs.submit import runtime_env
from tests.helpers.cluster_files import CLUSTER, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FILES = sorted(path.name for path in (CLUSTER / "environments").iterdir())


def environment(name: str) -> dict[str, Any]:
    """What `onoma submit` of this checkout sends."""
    file = str(CLUSTER / "environments" / name)
    return runtime_env(
        SubmitConfig(command=["doctor"], runtime_env=file, working_dir=str(ROOT), env=["A=b"])
    )


def test_there_is_one_for_pip_and_one_for_uv() -> None:
    assert FILES == ["pip.yaml", "uv.yaml"]


@pytest.mark.parametrize("name", FILES)
def test_ray_takes_it(name: str) -> None:
    sent = {key: each for key, each in environment(name).items() if key != "working_dir"}
    taken = RuntimeEnv(**sent)  # Ray itself packs the folder
    assert taken["env_vars"]["RAY_USAGE_STATS_ENABLED"] == "0"
    assert taken["env_vars"]["A"] == "b"
    assert taken["config"]["setup_timeout_seconds"] >= 1800, "10 GB take longer than Ray waits"


def test_pip_installs_what_the_project_asks_for_except_ray() -> None:
    wanted = {
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["gpu"],
    }
    (ray,) = {each for each in wanted if each.startswith("ray[")}
    assert set(environment("pip.yaml")["pip"]["packages"]) == wanted - {ray}
    text = (CLUSTER / "environments/pip.yaml").read_text("utf-8")
    assert f"{version('ray')}, with the extras data and serve" in text
    asked = Requirement(ray)
    assert asked.extras == {"data", "serve"}
    assert asked.specifier.contains(version("ray"))


def test_uv_takes_the_gpu_build_and_no_group_of_ours() -> None:
    words = shlex.split(environment("uv.yaml")["py_executable"])
    assert words[:2] == ["uv", "run"]
    assert words[-1] == "python"
    assert "--no-default-groups" in words, "else the CPU build comes with the default groups"
    extra = words[words.index("--extra") + 1]
    assert extra == "gpu"
    assert "vllm" in PROJECT["project"]["optional-dependencies"][extra][0]


def test_what_uv_needs_goes_with_the_folder() -> None:
    """pyproject.toml names the folder ``engine``, and uv reads it though the group is not taken."""
    from actors.compat.ray import uploaded_files

    sent = {
        str(path.relative_to(ROOT))
        for path in uploaded_files(ROOT, environment("uv.yaml")["excludes"])
    }
    assert {"pyproject.toml", "README.md", "LICENSE", "engine/pyproject.toml"} <= sent
    assert "ray_jobs/__main__.py" in sent
