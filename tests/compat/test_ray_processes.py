"""What we use of how Ray's processes find packages, are called and end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.compat import ray_processes as processes


def test_workers_find_ours_before_what_the_working_folder_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray adds the working folder to the list; workers put each in front, so the last one wins."""
    monkeypatch.chdir(tmp_path)
    assert processes.ours_first() == {}
    (tmp_path / "methods.py").touch()
    config = processes.ours_first()["job_config"]
    config._py_driver_sys_path.extend(["/script", str(tmp_path), os.fsdecode(b"/caf\xe9")])
    root = str(Path(processes.__file__).parents[2])
    sent = list(config._get_proto_job_config().py_driver_sys_path)
    assert sent == ["/script", str(tmp_path), root]
    monkeypatch.chdir(root)
    assert processes.ours_first() == {}


@pytest.mark.slow
def test_what_was_started_below_is_ended() -> None:
    asked = subprocess.Popen(["sleep", "60"])
    deaf = subprocess.Popen(["bash", "-c", "trap '' TERM; while true; do sleep 0.1; done"])
    code = "from actors.compat.ray_processes import end_processes_below as end;"
    code += "import subprocess, sys, time;"
    code += "subprocess.Popen(['bash', '-c', 'trap \"\" TERM; sleep 60; true']); time.sleep(0.3);"
    code += "import psutil; below = psutil.Process().children(recursive=True); end();"
    code += "sys.exit(len(psutil.wait_procs(below, timeout=20)[1]) or not below)"
    try:
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0
        assert asked.poll() is None
        assert deaf.poll() is None, "only what is below ends"
    finally:
        for process in (asked, deaf):
            process.kill()
            process.wait()


def test_what_was_started_stays_as_it_is_until_it_is_ended() -> None:
    """A signal that reaches it as well does not end it before this process is through."""
    code = """
import psutil, signal, subprocess, sys, time
from actors.compat.ray_processes import end_processes_below, hold_processes_below
below = subprocess.Popen(["sleep", "60"])
hold_processes_below()
while psutil.Process(below.pid).status() != psutil.STATUS_STOPPED:
    time.sleep(0.01)
below.send_signal(signal.SIGTERM)
time.sleep(0.2)
kept = below.poll() is None
end_processes_below()
sys.exit(not kept or psutil.pid_exists(below.pid))
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.slow
def test_a_command_line_that_is_no_utf8_does_not_keep_ray_from_starting() -> None:
    code = "from actors.compat.ray_processes import name_process; import sys;"
    code += "from ray._private.utils import get_entrypoint_name;"
    code += "name_process(); sys.stdout.buffer.write(get_entrypoint_name().encode())"
    for word, shown in ((b"/caf\xe9 x", rb"/caf\xe9 x"), ("/ü".encode(), "/ü".encode())):
        done = subprocess.run([sys.executable, "-c", code, word], capture_output=True, check=True)
        assert shown in done.stdout
