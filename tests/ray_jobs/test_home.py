"""Users without a home, or with one that cannot be written, or without an entry in passwd."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from ray_jobs.home import ensure_home

ROOT = Path(__file__).parents[2]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for temporary files of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, "kept")
    return tmp_path


def test_a_home_that_can_be_written_stays(
    places: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOME", str(places))
    ensure_home()
    assert os.environ["HOME"] == str(places)
    assert not caplog.records
    assert list(places.iterdir()) == []


@pytest.mark.parametrize("home", ["/proc", "/nowhere/at/all", "relative"])
def test_another_home_is_taken_and_said(
    places: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, home: str
) -> None:
    monkeypatch.setenv("HOME", home)
    ensure_home()
    own = Path(os.environ["HOME"])
    assert own.parent == places
    assert own.stat().st_mode & 0o777 == 0o700
    assert "set HOME to a folder that may be written" in caplog.text
    monkeypatch.setenv("HOME", home)
    ensure_home()
    assert os.environ["HOME"] == str(own), "the next command finds what the last one kept"


def test_a_folder_that_others_may_write_is_not_taken(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_all = places / f"onoma-home-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    monkeypatch.setenv("HOME", "/proc")
    ensure_home()
    assert Path(os.environ["HOME"]).parent == places
    assert os.environ["HOME"] != str(open_to_all)


def test_a_user_without_an_entry_has_a_name(
    places: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import getpass

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    ensure_home()
    assert Path.home().parent == places
    assert getpass.getuser() == f"uid{os.getuid()}"
    assert "there is no home folder" in caplog.text
    for name in ("USER", "LOGNAME"):  # monkeypatch knows of none to put back
        del os.environ[name]


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_the_command_starts_for_any_user() -> None:
    try:
        command = [sys.executable, "-c", "import sys; sys.exit(0)"]
        subprocess.run(command, user=54321, group=54321, cwd="/", check=True)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("this interpreter is not to be read by others")
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "USER", "LOGNAME")}
    done = subprocess.run(
        [sys.executable, "-m", "ray_jobs", "fieldguide", "draw", "--out", "/nowhere/x"],
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        user=54321,
        group=54321,
        cwd="/tmp",
    )
    assert "Traceback" not in done.stderr
    assert "there is no home folder" in done.stderr
    assert done.returncode != 0
