"""Each use of what huggingface_hub keeps in a module of constants."""

from __future__ import annotations

import os

import pytest
from huggingface_hub import HfApi, constants, is_offline_mode
from huggingface_hub.errors import OfflineModeIsEnabled

from actors.compat.huggingface import go_offline, hub_address

pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning", "error::FutureWarning")


def test_the_address_of_the_hub_is_that_of_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.example")
    assert hub_address() == ("hub.example", 443)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:8080/mirror")
    assert hub_address() == ("127.0.0.1", 8080)


def test_offline_the_client_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    go_offline()
    assert is_offline_mode()
    assert os.environ["HF_HUB_OFFLINE"] == "1", "for the workers"
    with pytest.raises(OfflineModeIsEnabled):
        HfApi(endpoint="http://127.0.0.1:9").model_info("org/model")
