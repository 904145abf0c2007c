"""Models of the hub at one commit: branches, tags, commits, with a hub and with a cache alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from actors.clip.model import resolve_clip
from actors.mllm.model import resolve_mllm
from actors.revisions import HubName, parse_hub_name
from methods.errors import InputError
from tests.helpers.fake_hub import COMMITS, FakeHub, fake_hub, put_in_cache

CONFIG = {"config.json": b"{}"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub that answers."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("urllib.request.getproxies", dict)
    with fake_hub() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        yield server


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("org/model", HubName("org/model")),
        ("hf-hub:org/model", HubName("org/model")),
        ("org/model-1.5_b@refs/pr/7", HubName("org/model-1.5_b", "refs/pr/7")),
        ("hf-hub:org/model@v1", HubName("org/model", "v1")),
        ("model", None),
        ("a/b/c", None),
        ("org/model@", None),
        ("org/model@a b", None),
        ("./org", None),
        ("org/.model", None),
    ],
)
def test_a_name_may_say_which_revision(name: str, wanted: HubName | None) -> None:
    assert parse_hub_name(name) == wanted


@pytest.mark.parametrize("form", ["org/model{}", "hf-hub:org/model{}"])
@pytest.mark.parametrize(
    ("revision", "commit"),
    [("", COMMITS["main"]), ("@v2", COMMITS["v2"]), (f"@{COMMITS['v2']}", COMMITS["v2"])],
)
def test_what_is_filed_is_the_commit(hub: FakeHub, form: str, revision: str, commit: str) -> None:
    model = resolve_mllm(form.format(revision))
    assert model.revision == commit
    assert model.fingerprint == f"hub:org/model@{commit}"
    assert (model.source, model.format) == ("org/model", "hf")


def test_what_the_hub_does_not_have_is_one_sentence(hub: FakeHub) -> None:
    for name, said in (
        ("org/model@v3", "org/model has no revision v3; give a branch, a tag or a full commit"),
        ("org/other", "the hub has no such model"),
        ("org/gated", "those who have accepted its terms"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            resolve_mllm(name)
        assert str(caught.value).startswith(f"--mllm {name}: ")
        assert "\n" not in str(caught.value)


def test_mistral_s_own_format_is_told_by_its_files(hub: FakeHub) -> None:
    hub.files = ["params.json", "consolidated.safetensors", "tekken.json"]
    assert resolve_mllm("org/model").format == "mistral"
    hub.files = ["README.md"]
    with pytest.raises(InputError, match=r"org/model holds no config\.json or params\.json$"):
        resolve_mllm("org/model")


@pytest.mark.usefixtures("offline")
def test_a_cached_snapshot_needs_no_hub(cache: Path) -> None:
    put_in_cache(cache, "org/model", COMMITS["main"], ("main", "release/a"), CONFIG)
    put_in_cache(cache, "org/model", COMMITS["v2"], ("v2",), CONFIG)
    for revision, branch in (("", "main"), ("@release/a", "main"), ("@v2", "v2")):
        assert resolve_mllm(f"org/model{revision}").revision == COMMITS[branch]
    assert resolve_mllm(f"org/model@{COMMITS['v2']}").revision == COMMITS["v2"]
    with pytest.raises(InputError, match=r"revision v3 is not in the cache, and no model hub"):
        resolve_mllm("org/model@v3")


def test_what_is_cached_counts_before_what_the_hub_says(cache: Path, hub: FakeHub) -> None:
    put_in_cache(cache, "org/model", "3" * 40, ("main",), CONFIG)
    assert resolve_mllm("org/model").revision == "3" * 40
    assert not hub.asked
    assert resolve_mllm("org/model@v2").revision == COMMITS["v2"]


@pytest.mark.usefixtures("offline")
def test_mistral_s_own_format_in_the_cache(cache: Path) -> None:
    put_in_cache(cache, "org/model", COMMITS["main"], ("main",), {"params.json": b"{}"})
    assert resolve_mllm("org/model").format == "mistral"


@pytest.mark.usefixtures("offline")
def test_clip_models_have_revisions_as_well(cache: Path) -> None:
    import fieldguide
    from actors.clip.encoder import ClipEncoder

    files = {path.name: path.read_bytes() for path in Path(fieldguide.CLIP_FOLDER).iterdir()}
    other = {**files, "open_clip_config.json": b"{}"}
    put_in_cache(cache, "org/clip", COMMITS["main"], ("main",), other)
    put_in_cache(cache, "org/clip", COMMITS["v2"], ("v2",), files)
    model = resolve_clip("hf-hub:org/clip@v2")
    assert model.revision == COMMITS["v2"]
    assert model.fingerprint == resolve_clip("fieldguide").fingerprint
    assert ClipEncoder(model).encode_texts(["a bird"]).shape == (1, model.embed_dim)
    with pytest.raises(InputError, match="has no model_cfg"):
        resolve_clip("hf-hub:org/clip")
    with pytest.raises(InputError, match="revision v3 is not in the cache"):
        resolve_clip("hf-hub:org/clip@v3")
    with pytest.raises(InputError, match="write hf-hub:ORG/REPO or hf-hub:ORG/REPO@REVISION"):
        resolve_clip("hf-hub:clip")
