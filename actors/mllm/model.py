"""Which multimodal LLM a name means, and which engine runs it; nothing is loaded here.

Names: ``fieldguide`` (the small model that comes with the project), a folder or a Hugging Face id
(vLLM runs it), ``openai:MODEL@BASE_URL`` (an OpenAI-compatible endpoint), or ``dummy:FILE`` (no
model: the answers are in a file, see `actors.mllm.engines.dummy`).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import xxhash

from actors.hub import hash_file, not_from_hub, stay_offline_without_a_hub
from methods.errors import InputError

FIELD_GUIDE: Final = "fieldguide"
ENDPOINT: Final = "openai:"
DUMMY: Final = "dummy:"
_CONFIG: Final = "config.json"
_HOLDS: Final = "a folder that holds config.json, tokenizer and weights"


@dataclass(frozen=True)
class MllmModel:
    """One multimodal LLM, resolved.

    Attributes:
        name: as the user wrote it.
        engine: ``vllm`` in the replica, ``openai`` for an endpoint, or ``dummy``.
        source: folder, Hugging Face id, the endpoint's name of the model, or the dummy's file.
        fingerprint: model and revision; equal for a copy in another folder.
        base_url: of the endpoint, else empty.
        revision: commit of a hub model, else empty.
    """

    name: str
    engine: Literal["vllm", "openai", "dummy"]
    source: str
    fingerprint: str
    base_url: str = ""
    revision: str = ""


@dataclass(frozen=True)
class EngineOptions:
    """How an engine runs a model; of these, ``chat`` and ``extra`` can change what it says.

    Attributes:
        gpus: GPUs of one replica, all on one node (tensor parallelism); 0 on a CPU.
        threads: CPU threads, None on a GPU.
        context: longest prompt and answer together, in tokens; None for the model's own, or as
            much of it as the memory holds.
        sequences: requests in the engine at once; None for vLLM's choice.
        pictures: most pictures in one request; vLLM keeps memory free for as many.
        gpu_memory: share of a GPU's memory that vLLM takes.
        extra: further engine arguments of vLLM, by name.
        chat: what the model's chat template is given by name, such as ``enable_thinking``.
        deadline_s: that vLLM has for one answer, from when it takes the request up.
        concurrency: requests to an endpoint at once.
        requests_per_minute: to an endpoint; None for no limit.
        retries: how often the client asks an endpoint again, with growing pauses.
        timeout_s: for one request to an endpoint.
        api_key: of an endpoint; never printed.
    """

    gpus: int = 0
    threads: int | None = None
    context: int | None = None
    sequences: int | None = None
    pictures: int = 1
    gpu_memory: float = 0.9
    extra: dict[str, Any] = field(default_factory=dict)
    chat: dict[str, Any] = field(default_factory=dict)
    deadline_s: float = 1800.0
    concurrency: int = 32
    requests_per_minute: int | None = None
    retries: int = 6
    timeout_s: float = 120.0
    api_key: str | None = field(default=None, repr=False)


def resolve_mllm(name: str, flag: str = "--mllm") -> MllmModel:
    """Find the model that ``name`` means.

    Args:
        name: as the module says.
        flag: which gave the name, for messages.

    Raises:
        InputError: no such folder or model, a folder that is none, or no hub in reach.
    """
    if name == FIELD_GUIDE:
        import fieldguide

        return _from_folder(flag, name, Path(fieldguide.MLLM_FOLDER))
    if name.startswith(ENDPOINT):
        return _from_endpoint(flag, name)
    if name.startswith(DUMMY):
        return _from_dummy(flag, name)
    folder = Path(os.path.expanduser(name))
    if folder.is_dir():
        return _from_folder(flag, name, folder)
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise InputError(
            f"{flag} {name}: no such folder; give fieldguide, a folder, a Hugging Face id "
            "(ORG/MODEL), openai:MODEL@BASE_URL or dummy:FILE"
        )
    return _from_hub(flag, name)


def _from_folder(flag: str, name: str, folder: Path) -> MllmModel:
    config = folder / _CONFIG
    if not config.is_file():
        raise InputError(f"{flag} {name}: {folder} holds no {_CONFIG}; give a model's folder")
    try:
        json.loads(config.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{flag} {name}: {config} is not valid JSON ({error})") from error
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    if not weights:
        raise InputError(f"{flag} {name}: {folder} holds no weights; expected *.safetensors")
    deciding = [*sorted(folder.glob("*.json")), *sorted(folder.glob("*.jinja")), *weights]
    text = "".join(f"{path.name}:{hash_file(str(path))}\n" for path in deciding)
    fingerprint = f"files:{xxhash.xxh3_128_hexdigest(text.encode())}"
    return MllmModel(name, "vllm", str(folder.resolve()), fingerprint)


def _from_endpoint(flag: str, name: str) -> MllmModel:
    model, separator, rest = name[len(ENDPOINT) :].partition("@http")
    url = f"http{rest}"
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise InputError(f"{flag}: keep credentials out of the address; set OPENAI_API_KEY")
    if not separator or not model or parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(
            f"{flag} {name}: write openai:MODEL@BASE_URL, such as "
            "openai:my-model@http://127.0.0.1:8000/v1"
        )
    url = url.rstrip("/")
    return MllmModel(name, "openai", model, f"endpoint:{model}@{url}", base_url=url)


def _from_dummy(flag: str, name: str) -> MllmModel:
    from actors.mllm.dummy_file import read_dummy

    path = os.path.abspath(os.path.expanduser(name[len(DUMMY) :]))
    read_dummy(path)  # whatever is wrong with it is told before anything starts
    return MllmModel(name, "dummy", path, f"dummy:{hash_file(path)}")


def _from_hub(flag: str, name: str) -> MllmModel:
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import RepositoryNotFoundError

    cached = try_to_load_from_cache(name, _CONFIG)
    if isinstance(cached, str):
        revision = Path(cached).parent.name
        return MllmModel(name, "vllm", name, f"hub:{name}@{revision}", revision=revision)
    stay_offline_without_a_hub()
    try:
        revision = str(HfApi().model_info(name).sha)
    except RepositoryNotFoundError as error:
        raise InputError(f"{flag} {name}: the hub has no such model, or it is private") from error
    except Exception as error:  # the hub client raises many kinds
        missing = "neither a folder nor in the cache,"
        raise not_from_hub(flag, name, error, _HOLDS, missing) from error
    return MllmModel(name, "vllm", name, f"hub:{name}@{revision}", revision=revision)
