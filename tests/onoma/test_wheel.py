"""The wheel: what is in it, and that it runs in an environment of its own, from any folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
UV = os.environ.get("UV") or shutil.which("uv")
PACKAGES = ("actors", "fieldguide", "methods", "ray_jobs", "serve")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(UV is None, reason="uv is not installed")]


def ran(*command: object, cwd: Path) -> str:
    """What a command prints, in an environment without our own path.

    Raises:
        AssertionError: it failed; with what it said.
    """
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    out = tmp_path_factory.mktemp("wheel")
    ran(UV, "build", "--quiet", "--wheel", "--python", sys.executable, "-o", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment that has the wheel, and what it needs from this one."""
    folder = tmp_path_factory.mktemp("environment")
    ran(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    ran(UV, "pip", "install", "--offline", "--no-deps", "--python", python, wheel, cwd=folder)
    # of a folder on the path, files *.pth count for nothing: this checkout is not on it
    (packages,) = (folder / "venv" / "lib").glob("python3*/site-packages")
    (packages / "zz_needs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A working folder with packages and modules of the names of ours, which must not be run."""
    for name in PACKAGES[:3]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise SystemExit('their {name}')\n")
    for name in PACKAGES[3:]:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('their {name}')\n")
    return tmp_path


def test_one_package_is_at_the_top(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    info = f"onoma-{PROJECT['version']}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"onoma", "onoma.pth", info}
    inner = {name.split("/")[2] for name in names if name.startswith("onoma/_packages/")}
    assert inner == set(PACKAGES)
    for file in (
        "onoma/py.typed",
        f"{info}/licenses/LICENSE",
        f"{info}/licenses/NOTICE",
        "onoma/_packages/serve/config.yaml",
        "onoma/_packages/serve/page/index.html",
        "onoma/_packages/fieldguide/clip/open_clip_config.json",
        "onoma/_packages/methods/prompts/tlac/recognise.txt",
    ):
        assert file in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def test_the_metadata_say_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (file,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = message_from_string(archive.read(file).decode())
    assert told["License-Expression"] == "Apache-2.0"
    assert told.get_all("License-File") == ["LICENSE", "NOTICE"]
    classifiers = told.get_all("Classifier") or []
    assert "Typing :: Typed" in classifiers
    for version in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in classifiers
    needed = [need for need in told.get_all("Requires-Dist") or [] if "extra ==" not in need]
    assert not [need for need in needed if need.startswith(("pytest", "moto", "vllm", "ruff"))]


def test_the_citation_follows_the_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert (cited["version"], cited["license"]) == (PROJECT["version"], PROJECT["license"])


def test_the_command_runs_from_a_folder_with_the_same_names(
    environment: Path, hostile: Path
) -> None:
    onoma, version = environment / "onoma", f"onoma {PROJECT['version']}"
    assert ran(onoma, "--version", cwd=hostile) == version
    assert ran(environment / "python", "-m", "onoma", "--version", cwd=hostile) == version
    assert "usage: onoma VERB" in ran(onoma, "--help", cwd=hostile)
    assert "--clip-batch" in ran(onoma, "label", "zero_shot", "--help", cwd=hostile)


def test_programs_find_ours_and_keep_theirs(environment: Path, hostile: Path) -> None:
    python = environment / "python"
    code = "import onoma, actors; print(onoma.label.__name__, actors.__file__)"
    name, file = ran(python, "-c", code, cwd=hostile).split()
    assert name == "label"
    assert file.endswith("site-packages/onoma/_packages/actors/__init__.py")
    # what Ray's workers and `serve deploy` import, who do not begin with onoma
    code = "import ray_jobs, serve; print(ray_jobs.__file__)"
    assert "onoma/_packages" in ran(python, "-c", code, cwd=environment)
    (hostile / "serve.py").write_text("print('their own')\n")
    assert ran(python, "-c", "import serve", cwd=hostile) == "their own"
