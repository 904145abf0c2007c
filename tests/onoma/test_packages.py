"""Our packages by plain names, whatever else has those names, and what an import brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import onoma
from onoma import packages

ROOT = Path(__file__).parent.parent.parent


def python(code: str, cwd: Path) -> str:
    """What a new process prints that starts in a folder and has it first on its path.

    Raises:
        AssertionError: it failed; with what it said.
    """
    begin = f"import sys; sys.path.append({str(ROOT)!r})\n"
    command = [sys.executable, "-c", begin + code]
    done = subprocess.run(command, cwd=cwd, env={"PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder with packages of the names of ours."""
    for name in packages.PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("WHOSE = 'theirs'\n")
    return tmp_path


@pytest.mark.slow
def test_the_client_brings_neither_torch_nor_ray(tmp_path: Path) -> None:
    code = "import onoma.client, sys; print(' '.join({n.partition('.')[0] for n in sys.modules}))"
    there = set(python(code, tmp_path).split())
    heavy = {"torch", "ray", "pyarrow", "numpy", "pandas", "fastapi", "starlette", "PIL", "s3fs"}
    assert not there & heavy
    assert {"httpx", "pydantic", "onoma", "serve"} <= there


def test_an_import_by_itself_brings_nothing(tmp_path: Path) -> None:
    code = "before = set(sys.modules); import onoma; print(len(set(sys.modules) - before))"
    assert int(python(f"import sys\n{code}", tmp_path)) < 40


def test_every_public_name_is_there_and_described() -> None:
    for name in onoma.__all__:
        assert getattr(onoma, name).__doc__, name
    assert set(onoma.__all__) <= set(dir(onoma))
    with pytest.raises(AttributeError, match="has no attribute 'lable'"):
        _ = onoma.lable


def test_ours_win_over_those_of_the_working_folder(hostile: Path) -> None:
    code = "import onoma.client, methods; print(methods.__file__)"
    assert Path(python(code, hostile)).is_relative_to(ROOT)


def test_theirs_are_theirs_where_onoma_is_not_imported(hostile: Path) -> None:
    assert python("import serve; print(serve.WHOSE)", hostile) == "theirs"


def test_theirs_imported_before_is_told(hostile: Path) -> None:
    code = "import actors\ntry:\n    import onoma\nexcept ImportError as error:\n    print(error)"
    said = python(code, hostile)
    assert "has imported a package 'actors' of another program" in said
    assert str(hostile / "actors") in said


def test_nothing_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    find = packages.OwnPackages.find_spec
    assert find("serve") is not None
    assert find("json") is None
    assert find("tests") is None
    assert find("serve", ["/somewhere"]) is None
    packages.use_ours()
    assert sys.meta_path.count(packages.OwnPackages) == 1
    monkeypatch.setitem(sys.modules, "serve", ModuleType("serve"))
    with pytest.raises(ImportError, match="'serve' of another program"):
        packages.use_ours()


@pytest.mark.slow
def test_clip_and_the_endpoint_do_without_vllm(tmp_path: Path) -> None:
    code = """
class NoVllm:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "vllm":
            raise ModuleNotFoundError(f"no module {name}", name=name)
sys.meta_path.insert(0, NoVllm)
import onoma.classifier, onoma.jobs, onoma.stages
import ray_jobs.pipelines.zero_shot, ray_jobs.pipelines.classifier
import ray_jobs.verbs.label, ray_jobs.verbs.serve.running, serve.application
print("vllm" in sys.modules)
"""
    assert python(code, tmp_path) == "False"
