"""A folder of data does not go to a cluster by accident."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from methods.errors import InputError
from ray_jobs.config import SubmitConfig
from ray_jobs.verbs import upload
from ray_jobs.verbs.submit import EXCLUDES, runtime_env
from ray_jobs.verbs.upload import MOST_BYTES, MOST_IMAGES, check_upload

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "code").mkdir(parents=True)
    (folder / "code/a.py").write_text("1")
    (folder / "names.txt").write_text("cat")
    return folder


def add_images(folder: Path, count: int, suffix: str = ".JPG") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}{suffix}").write_bytes(b"x")


def add_file_of(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)  # takes no room


def test_this_checkout_may_go() -> None:
    check_upload(ROOT, list(EXCLUDES))


def test_a_few_images_and_some_bytes_may_go(project: Path) -> None:
    add_images(project / "pictures", MOST_IMAGES)
    add_file_of(project / "weights.bin", MOST_BYTES - 10_000)
    check_upload(project, [])


def test_images_are_counted_and_the_folder_named(project: Path) -> None:
    add_images(project / "pictures/2024", MOST_IMAGES + 1, ".webp")
    add_file_of(project / "other/weights.bin", 10_000_000)
    with pytest.raises(InputError) as told:
        check_upload(project, [])
    text = str(told.value)
    assert text.startswith(f"--working-dir {project}: 104 files of 10 MB, 101 images among them")
    assert "most of it /pictures/; give --exclude '/pictures/'" in text
    assert "--upload-data" in text
    check_upload(project, ["/pictures/"])  # what it says helps


def test_bytes_are_counted_and_what_holds_them_named(project: Path) -> None:
    add_file_of(project / "shards/0.tar", MOST_BYTES)
    add_images(project / "pictures", 3)
    with pytest.raises(InputError, match=r"100 MB, 3 images.* most of it /shards/"):
        check_upload(project, [])
    check_upload(project, ["/shards/"])


def test_images_that_lie_in_the_folder_itself(project: Path) -> None:
    add_images(project, MOST_IMAGES + 5, ".jpeg")
    with pytest.raises(InputError, match=re.escape("most of it *.jpeg")):
        check_upload(project, [])
    check_upload(project, ["*.jpeg"])


def test_a_folder_without_end_is_not_counted_to_its_end(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_MOST_FILES", 50)
    add_images(project / "rows", 60, ".txt")
    with pytest.raises(InputError, match="at least 50 files"):
        check_upload(project, [])


def test_what_git_ignores_stays_here_and_does_not_count(project: Path) -> None:
    add_images(project / "photos", MOST_IMAGES + 1)
    (project / ".gitignore").write_text("/photos/\n")
    check_upload(project, [])


def test_submit_refuses_unless_it_is_told(project: Path) -> None:
    add_images(project / "photos", MOST_IMAGES + 1)
    config = SubmitConfig(command=["doctor"], working_dir=str(project))
    with pytest.raises(InputError, match="/photos/"):
        runtime_env(config)
    for change in ({"upload_data": True}, {"exclude": ["/photos/"]}):
        found = runtime_env(config.model_copy(update=change))
        assert found["working_dir"] == str(project)
    assert "working_dir" not in runtime_env(config.model_copy(update={"working_dir": "none"}))
    remote = {"working_dir": "s3://bucket/code.zip"}
    assert runtime_env(config.model_copy(update=remote))["working_dir"] == "s3://bucket/code.zip"
