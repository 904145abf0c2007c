"""What goes to the cluster with a submitted job."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from methods.errors import InputError
from ray_jobs.config import SubmitConfig
from ray_jobs.verbs.submit import EXCLUDES, runtime_env


def test_packages_go_along_and_what_runs_leave_does_not(tmp_path: Path) -> None:
    from ray._private.runtime_env.packaging import create_package

    folder = tmp_path / "checkout"
    kept = ["ray_jobs/runs/ledger.py", "ray_jobs/cli.py", "notes/onoma-demo/x.txt"]
    left = ["runs/one/run.json", "onoma-demo/a.txt", ".git/HEAD", ".venv/bin/python"]
    left += ["ray_jobs/__pycache__/cli.pyc", "ray_jobs/runs/__pycache__/ledger.pyc"]
    for name in (*kept, *left):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    package = tmp_path / "package.zip"
    create_package(str(folder), package, include_gitignore=True, excludes=list(EXCLUDES))
    names = zipfile.ZipFile(package).namelist()
    assert sorted(name for name in names if not name.endswith("/")) == sorted(kept)


def test_settings_of_the_environment_are_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "env.yaml"
    file.write_text("env_vars: {A: from file, B: stays}\nexcludes: ['*.bin']\n")
    monkeypatch.setenv("HERE", "a value")
    config = SubmitConfig(
        command=["doctor"], runtime_env=str(file), env=["A=1=2", "HERE"], exclude=["data/"],
        working_dir=str(tmp_path),
    )  # fmt: skip
    found = runtime_env(config)
    assert found["env_vars"] == {"A": "1=2", "B": "stays", "HERE": "a value"}
    assert found["excludes"] == [*EXCLUDES, "data/", "*.bin"]
    assert found["working_dir"] == str(tmp_path)
    assert "working_dir" not in runtime_env(config.model_copy(update={"working_dir": "none"}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"env": ["NOT_SET_ANYWHERE"]}, "--env NOT_SET_ANYWHERE: it has no value here"),
        ({"working_dir": "/none"}, "--working-dir /none: no such folder"),
        ({"runtime_env": "/none.yaml"}, "--runtime-env /none.yaml"),
    ],
)
def test_wrong_settings_are_told(changes: dict[str, object], sentence: str) -> None:
    config = SubmitConfig(command=["doctor"]).model_copy(update=changes)
    with pytest.raises(InputError, match=sentence):
        runtime_env(config)
