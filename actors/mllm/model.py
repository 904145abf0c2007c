"""Which multimodal LLM a name means, and which engine runs it; nothing is loaded here.

Names: ``fieldguide`` (the small model that comes with the project), a folder or a Hugging Face id
(vLLM runs it), ``openai:MODEL@BASE_URL`` (an OpenAI-compatible endpoint; OpenAI's own without an
address), or ``dummy:FILE`` (no model: the answers are in a file, see
`actors.mllm.engines.dummy`). A Hugging Face id may say which revision (``ORG/MODEL@REVISION``), and
what vLLM runs may have a LoRA adapter (``MODEL+ADAPTER``, a folder or an id as well).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from actors.hub import BUILT_IN, folder_of, hash_file, looks_like_a_path
from actors.hub import FIELD_GUIDE as FIELD_GUIDE
from actors.mllm.adapter import Adapter, resolve_adapter
from actors.mllm.model_files import (
    CONFIGS,
    ImagePosition,
    ModelFormat,
    files_fingerprint,
    folder_format,
    image_position_of,
)
from actors.mllm.vllm_installed import check_vllm
from actors.revisions import find_commit, parse_hub_name
from methods.errors import InputError

ENDPOINT: Final = "openai:"
DUMMY: Final = "dummy:"
_ADAPTER: Final = "+"
OFFICIAL_URL: Final = "https://api.openai.com/v1"
_HOLDS: Final = "a folder that holds config.json, tokenizer and weights"


@dataclass(frozen=True)
class MllmModel:
    """One multimodal LLM, resolved.

    Attributes:
        name: as the user wrote it.
        engine: ``vllm`` in the replica, ``openai`` for an endpoint, or ``dummy``.
        source: folder, Hugging Face id, the endpoint's name of the model, or the dummy's file.
        fingerprint: model, commit and adapter; equal for a copy in another folder.
        base_url: of the endpoint, else empty.
        revision: commit of a hub model, else empty.
        format: whose files it is in.
        image_position: where images stand in what it was trained on.
        adapter: LoRA adapter that is applied to it, if any.
    """

    name: str
    engine: Literal["vllm", "openai", "dummy"]
    source: str
    fingerprint: str
    base_url: str = ""
    revision: str = ""
    format: ModelFormat = "hf"
    image_position: ImagePosition = "first"
    adapter: Adapter | None = None


Layout = Literal["first", "last", "alone"]
"""Where the images of a request stand: before its text, after it, or alone in the user's turn, with
the text in the system's; a request without images is a user's turn whatever it is."""

ImageFormat = Literal["auto", "png", "jpeg"]
"""How pictures travel to an endpoint; ``auto``: JPEG for photographs where it is hosted."""


@dataclass(frozen=True)
class EngineOptions:
    """How an engine runs a model, and how it writes a request as a prompt.

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
        chat_template: text of a Jinja chat template, in place of the model's own.
        image_position: where images stand in a request (`Layout`); ``auto`` is the model's own.
        body: further fields of the body of each request to an endpoint.
        image_format: how pictures travel to an endpoint.
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
    chat_template: str | None = None
    image_position: Layout | Literal["auto"] = "auto"
    body: dict[str, Any] = field(default_factory=dict)
    image_format: ImageFormat = "auto"
    concurrency: int = 32
    requests_per_minute: int | None = None
    retries: int = 6
    timeout_s: float = 120.0
    api_key: str | None = field(default=None, repr=False)


def layout_of(model: MllmModel, options: EngineOptions) -> Layout:
    """Say where the images of a request stand.

    Model families document and train images first; a folder may say otherwise of its model
    (`actors.mllm.model_files.SETTINGS`), and a setting wins over both. Chat templates of some
    families put images first whatever they are given.
    """
    position = options.image_position
    return model.image_position if position == "auto" else position


def resolve_mllm(name: str, flag: str = "--mllm") -> MllmModel:
    """Find the model that ``name`` means.

    Args:
        name: as the module says.
        flag: which gave the name, for messages.

    Raises:
        InputError: no such folder or model, a folder that is none, an adapter that does not fit, or
            no hub in reach.
    """
    if name.startswith(ENDPOINT):
        return _from_endpoint(flag, name)
    if name.startswith(DUMMY):
        return _from_dummy(flag, name)
    base, adapter = _split_adapter(name)
    model = replace(_resolve_base(flag, base), name=name)
    if not adapter:
        return model
    here = model.format == "hf" and not model.revision
    found = resolve_adapter(flag, name, adapter, Path(model.source) if here else None)
    return replace(model, fingerprint=f"{model.fingerprint}+{found.fingerprint}", adapter=found)


def _split_adapter(name: str) -> tuple[str, str]:
    """Divide ``MODEL+ADAPTER``; folders may have a plus in their names."""
    if folder_of(name) is not None:
        return name, ""
    places = [place for place, letter in enumerate(name) if letter == _ADAPTER]
    for place in places:
        base = name[:place]
        if base in BUILT_IN or folder_of(base) is not None or parse_hub_name(base):
            return base, name[place + 1 :]
    return name, ""


def _resolve_base(flag: str, name: str) -> MllmModel:
    """Find a model that vLLM runs."""
    folder = folder_of(name)
    no_name = folder is None and (looks_like_a_path(name) or parse_hub_name(name) is None)
    if name not in BUILT_IN and no_name:
        raise InputError(
            f"{flag} {name}: no such folder; give fieldguide, a folder, a Hugging Face id "
            "(ORG/MODEL or ORG/MODEL@REVISION), openai:MODEL@BASE_URL or dummy:FILE"
        )
    check_vllm(flag, name)
    if name in BUILT_IN:
        import fieldguide

        return _from_folder(flag, name, fieldguide.EDITIONS[name].mllm)
    return _from_hub(flag, name) if folder is None else _from_folder(flag, name, folder)


def _from_folder(flag: str, name: str, folder: Path) -> MllmModel:
    form = folder_format(flag, name, folder)
    position = image_position_of(flag, name, folder)
    fingerprint, source = files_fingerprint(folder), str(folder.resolve())
    return MllmModel(name, "vllm", source, fingerprint, format=form, image_position=position)


def _from_endpoint(flag: str, name: str) -> MllmModel:
    model, separator, rest = name[len(ENDPOINT) :].partition("@http")
    url = f"http{rest}"
    if model and not separator and "@" not in model:
        separator, url = "@", OFFICIAL_URL
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise InputError(f"{flag}: keep credentials out of the address; set OPENAI_API_KEY")
    if not separator or not model or parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(
            f"{flag} {name}: write openai:MODEL@BASE_URL, such as "
            "openai:my-model@http://127.0.0.1:8000/v1, or openai:MODEL for OpenAI's own"
        )
    url = url.rstrip("/")
    return MllmModel(name, "openai", model, f"endpoint:{model}@{url}", base_url=url)


def _from_dummy(flag: str, name: str) -> MllmModel:
    from actors.mllm.dummy_file import read_dummy

    path = os.path.abspath(os.path.expanduser(name[len(DUMMY) :]))
    read_dummy(path)  # whatever is wrong with it is told before anything starts
    return MllmModel(name, "dummy", path, f"dummy:{hash_file(path)}")


def _from_hub(flag: str, name: str) -> MllmModel:
    wanted = parse_hub_name(name)
    assert wanted is not None
    found = find_commit(flag, name, wanted, tuple(CONFIGS), _HOLDS)
    fingerprint = f"hub:{found.repository}@{found.commit}"
    return MllmModel(
        name,
        "vllm",
        found.repository,
        fingerprint,
        revision=found.commit,
        format=CONFIGS[found.config],
    )
