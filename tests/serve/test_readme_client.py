"""The client of docs/serving.md and docs/python.md, against the endpoint that tests share."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.python_blocks import blocks_of, run_block

if TYPE_CHECKING:
    from tests.serve.conftest import Endpoint

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("page", ["docs/serving.md", "docs/python.md"])
def test_the_client_of_the_page_is_answered(
    endpoint: Endpoint,
    birds: Path,
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture = next(each for each in (birds / "images").rglob("*") if each.is_file())
    shutil.copy(picture, tmp_path / "bird.jpg")
    monkeypatch.chdir(tmp_path)
    (block,) = (each for each in blocks_of(ROOT / page) if "Client(" in each)
    address, served = "http://127.0.0.1:8000", 'classifier="things"'
    assert address in block
    names: dict[str, Any] = {"Path": Path} if page == "docs/python.md" else {}
    run_block(block, page, names, {address: endpoint.url, served: 'classifier="birds"'})
    assert "LabelScore(" in capsys.readouterr().out
