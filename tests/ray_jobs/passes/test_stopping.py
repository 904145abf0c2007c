"""A real job on a machine as people have them: odd names everywhere, stopped, started twice.

Twenty times each, with kills and a cluster that goes: ``python -m benchmarks.faults.stopping``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ray_jobs.runs.folder import CLAIM
from tests.helpers.sessions import left_of

ROOT = Path(__file__).parents[3]
IMAGES = 400
OUT = "f?x [1] #%41 *{2} ü'$;\\&"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive in a folder whose name is no UTF-8, as some of its class folders' are."""
    from fieldguide.archive import draw_archive

    root = tmp_path_factory.mktemp("odd")
    draw_archive(root / "drawn", IMAGES, seed=79)
    images = os.path.join(str(root), os.fsdecode(b"caf\xe9 ?[1]"))
    os.rename(root / "drawn" / "images", images)
    for number, name in enumerate(sorted(os.listdir(images))[:2]):
        odd = os.fsdecode(b"b\xe9te-%d" % number)
        os.rename(os.path.join(images, name), os.path.join(images, odd))
    (root / "images").symlink_to(images)
    return root


@pytest.fixture
def working_folder(tmp_path: Path) -> Path:
    """A working folder with modules of the user's own that have our packages' names."""
    folder = tmp_path / "mine"
    for name in ("actors", "serve", "ray_jobs"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise RuntimeError('{name} of the user')\n")
    (folder / "methods.py").write_text("raise RuntimeError('methods of the user')\n")
    return folder


def start(archive: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start the installed command in a folder, in a session of its own."""
    images = next(p for p in os.listdir(archive) if p.startswith("caf"))
    words = ["label", "zero_shot", "--images", os.path.join(str(archive), images), "--out", OUT]
    words += ["--classes", str(archive / "drawn" / "classes.txt"), "--json"]
    words += ["--rows-per-block", "4", "--clip-batch", "4"]
    code = "import sys; sys.argv[0] = 'onoma'; from ray_jobs.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "RAY_ADDRESS": "local", "PYTHONPATH": str(ROOT)},
    )


def wait_for_rows(job: subprocess.Popen[bytes], run: Path) -> None:
    """Wait until some images are labelled."""
    deadline = time.time() + 300
    while time.time() < deadline and job.poll() is None:
        files = run.glob("checkpoint/label-*/*.parquet")
        if any(not each.name.endswith(".pending.parquet") for each in files):
            return
        time.sleep(0.05)
    job.kill()
    pytest.fail(f"nothing is labelled: {job.communicate()[1].decode()}")


@pytest.mark.slow
@pytest.mark.extended
def test_a_job_among_odd_names_is_refused_twice_stopped_and_finished(
    archive: Path, working_folder: Path
) -> None:
    run = working_folder / OUT
    job = start(archive, working_folder)
    wait_for_rows(job, run)

    job.send_signal(signal.SIGSTOP)  # or it could be done before the second one has started
    second = start(archive, working_folder)
    said = second.communicate(timeout=300)[1].decode()
    job.send_signal(signal.SIGCONT)
    assert second.returncode == 2, said
    assert f"another job writes there, process {job.pid} on " in said
    assert job.poll() is None

    os.killpg(job.pid, signal.SIGTERM)  # to Ray's processes as well, as schedulers do
    out, err = job.communicate(timeout=300)
    assert (job.returncode, out) == (143, b""), err.decode()
    assert b"onoma: stopped; what is finished is kept. Run the same command again" in err
    assert b"Traceback" not in err
    assert b"SIGTERM received" not in err
    assert left_of(job.pid) == []
    assert not (run / CLAIM).exists()

    last = start(archive, working_folder)
    out, err = last.communicate(timeout=400)
    assert last.returncode == 0, err.decode()
    record = json.loads(out)
    assert (record["labelled"], record["errors"]) == (IMAGES, {})
    assert record["resumed_images"] > 0
    assert not (run / CLAIM).exists()
