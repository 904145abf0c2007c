"""Names of models: folders, files with one identity, and what is said of a hub out of reach."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from huggingface_hub import constants, is_offline_mode

from actors import hub
from actors.clip.model import resolve_clip
from actors.mllm.model import resolve_mllm
from methods.errors import InputError


def test_a_file_s_hash_follows_its_content(tmp_path: Path) -> None:
    first, copy = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"weights")
    copy.write_bytes(b"weights")
    before = hub.hash_file(str(first))
    assert before == hub.hash_file(str(copy))
    first.write_bytes(b"other weights")
    assert hub.hash_file(str(first)) != before


def test_what_a_name_can_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert hub.folder_of("~/model") == tmp_path / "model"
    assert hub.folder_of("~/absent") is None
    assert [hub.looks_like_a_path(name) for name in ("./m", "/m", "~/m", "org/m")] == [
        *(True, True, True, False)
    ]


def test_a_folder_without_a_config_or_with_a_broken_one_is_said_in_a_sentence(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match=r"^--clip m: .* holds no config\.json; give another$"):
        hub.read_config("--clip", "m", tmp_path, "config.json", "give another")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"^--clip m: .*config\.json is not valid JSON"):
        hub.read_config("--clip", "m", tmp_path, "config.json", "give another")
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert hub.read_config("--clip", "m", tmp_path, "config.json", "") == {"a": 1}


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub client as it is with a network and without proxies."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("urllib.request.getproxies", dict)


@pytest.mark.usefixtures("online")
def test_where_no_hub_answers_the_client_goes_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
        hub.stay_offline_without_a_hub()
        assert not is_offline_mode()
    hub.stay_offline_without_a_hub()
    assert is_offline_mode()
    assert hub.hub_failure(OSError("no route")) == "no model hub can be reached"


@pytest.mark.usefixtures("online")
def test_what_the_hub_says_is_its_first_line() -> None:
    said = hub.not_from_hub("--clip", "org/m", OSError("404\nand more"), "a folder")
    assert str(said) == (
        "--clip org/m: not in the cache and the model hub does not give it (404); give --clip a "
        "folder, or run once where the hub can be reached and keep its cache (HF_HOME)"
    )
    assert hub.first_line(OSError()) == "OSError"


def test_messages_name_the_flag_that_the_value_came_from() -> None:
    with pytest.raises(InputError, match=r"^--student /absent: no such folder"):
        resolve_clip("/absent", flag="--student")
    with pytest.raises(InputError, match=r"^--optimizer-mllm /absent: no such folder"):
        resolve_mllm("/absent", flag="--optimizer-mllm")
