"""A LoRA adapter and a chat template of one's own, on both engines, beside plain vLLM."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from huggingface_hub import constants

import fieldguide
from actors.mllm.engines import vllm_model
from actors.mllm.engines.base import Engine
from actors.mllm.engines.vllm_async import VllmAsync
from actors.mllm.engines.vllm_local import VllmLocal
from actors.mllm.engines.vllm_model import adapter_request
from actors.mllm.images import decode_for_mllm
from actors.mllm.model import EngineOptions, MllmModel, resolve_mllm
from actors.mllm.replica import MLLM
from actors.mllm.request import Request, Response, Sampling
from methods.errors import EngineStartError
from tests.helpers.fake_hub import put_in_cache
from tests.helpers.random_adapter import write_adapter

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]
ENGINES = [VllmLocal, pytest.param(VllmAsync, marks=pytest.mark.extended)]

MODEL = Path(fieldguide.MLLM_FOLDER)
TEMPLATE = (MODEL / "chat_template.jinja").read_text("utf-8")
TOKENS = 24
CORES = len(os.sched_getaffinity(0))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The field guide's model without its chat template."""
    folder = tmp_path_factory.mktemp("bare") / "model"
    shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("*.jinja"))
    return folder


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of random numbers, of a rank beyond vLLM's default."""
    return write_adapter(MODEL, tmp_path_factory.mktemp("lora") / "adapter", rank=24)


@pytest.fixture(scope="module")
def requests(birds: Path) -> list[Request]:
    """Some about images, some about texts."""
    files = sorted(path for path in (birds / "images").rglob("*") if path.is_file())[:4]
    how = Sampling(max_tokens=TOKENS)
    return [
        *(Request("What is this?", (decode_for_mllm(f.read_bytes()),), how) for f in files),
        Request("Describe the kaldo dornet.", (), how),
    ]


def plain_vllm(requests: list[Request], adapter: str) -> list[list[str]]:
    """What ``LLM.chat`` says without the adapter, and with it."""
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    llm = LLM(
        model=str(MODEL), dtype="float32", enforce_eager=True, max_num_seqs=8,
        enable_chunked_prefill=False, generation_config="vllm", enable_lora=True, max_lora_rank=32,
        kv_cache_memory_bytes=2**30,
    )  # fmt: skip
    chats = [
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": request.text},
                    *({"type": "image_pil", "image_pil": p.image()} for p in request.pictures),
                ],
            }
        ]
        for request in requests
    ]
    how = SamplingParams(max_tokens=TOKENS, temperature=0)
    said = []
    for lora in (None, LoRARequest("adapter", 1, adapter)):
        outputs = llm.chat(chats, how, use_tqdm=False, lora_request=lora)
        said.append([output.outputs[0].text for output in outputs])
    return said


def start(model: MllmModel, options: EngineOptions, engine: type[Engine]) -> Any:
    """A replica in a process of its own."""
    return ray.remote(MLLM).options(num_cpus=0).remote(model, options, engine)


def texts(responses: list[Response]) -> list[str | None]:
    return [response.text for response in responses]


@pytest.fixture(scope="module")
def said_by_vllm(
    ray_session: Any, adapter: Path, requests: list[Request]
) -> tuple[list[str], list[str]]:
    """What plain vLLM says, without the adapter and with it."""
    from actors.mllm.engines.vllm_settings import CPU_ENVIRONMENT, ENVIRONMENT

    variables = {**ENVIRONMENT, **CPU_ENVIRONMENT, "OMP_NUM_THREADS": str(CORES)}
    reference = ray.remote(plain_vllm).options(num_cpus=0, runtime_env={"env_vars": variables})
    without, with_it = ray.get(reference.remote(requests, str(adapter)))
    assert sum(a != b for a, b in zip(without, with_it, strict=True)) >= 3
    return without, with_it


@pytest.mark.extended
@pytest.mark.parametrize("engine", ENGINES)
def test_answers_with_an_adapter_and_the_user_s_template_are_plain_vllm_s(
    said_by_vllm: tuple[list[str], list[str]],
    bare: Path,
    adapter: Path,
    requests: list[Request],
    mllm: list[Any],
    engine: type[Engine],
) -> None:
    without, with_it = said_by_vllm
    options = EngineOptions(threads=CORES, chat_template=TEMPLATE)
    replica = start(resolve_mllm(f"{bare}+{adapter}"), options, engine)
    assert texts(ray.get(replica.generate.remote(requests)).responses) == with_it
    assert texts(ray.get(mllm[0].generate.remote(requests)).responses) == without
    ray.get(replica.close.remote())
    ray.kill(replica)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_without_a_template_fails_at_the_start(
    ray_session: Any, bare: Path, engine: type[Engine]
) -> None:
    replica = start(resolve_mllm(str(bare)), EngineOptions(threads=CORES), engine)
    said = start_problem_of(replica)
    assert said.startswith(f"--mllm {bare} has no chat template, and vLLM has none for it: give")
    assert "--mllm-chat-template FILE" in said


@pytest.mark.zoo
@pytest.mark.parametrize("engine", [VllmLocal, VllmAsync])
def test_what_vllm_refuses_is_told_at_the_start(
    ray_session: Any, adapter: Path, engine: type[Engine]
) -> None:
    small = EngineOptions(threads=CORES, extra={"max_lora_rank": 8})
    broken = EngineOptions(threads=CORES, chat_template="{{ messages[0].absent.part }}")
    for name, options, said in (
        (f"fieldguide+{adapter}", small, "LoRA rank 24 is greater than max_lora_rank 8"),
        ("fieldguide", broken, "--mllm-chat-template: fieldguide cannot be asked with it: "),
    ):
        assert said in start_problem_of(start(resolve_mllm(name), options, engine))


def start_problem_of(replica: Any) -> str:
    """Why a replica does not start, one sentence; it is gone after."""
    with pytest.raises(ray.exceptions.RayTaskError) as caught:
        ray.get(replica.start.remote())
    ray.kill(replica)
    said = str(caught.value.cause)
    assert "\n" not in said
    return said


def test_an_adapter_of_another_model_is_told_once_the_hub_s_weights_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    names = ("config.json", "model.safetensors")
    files = {name: (MODEL / name).read_bytes() for name in names}
    put_in_cache(cache, "org/model", "1" * 40, ("main",), files)
    engine = SimpleNamespace(model_config=None)
    fits = write_adapter(MODEL, tmp_path / "fits")
    assert adapter_request(engine, resolve_mllm(f"org/model+{fits}")).lora_path == str(fits)
    other = write_adapter(MODEL, tmp_path / "other", shrunk=2)
    with pytest.raises(EngineStartError, match="is one of another model: its layers"):
        adapter_request(engine, resolve_mllm(f"org/model+{other}"))


def test_a_part_of_an_adapter_is_never_left_out_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tower = write_adapter(MODEL, tmp_path / "tower", chosen=lambda name: "q_proj" in name)
    model, engine = resolve_mllm(f"fieldguide+{tower}"), SimpleNamespace(model_config=None)
    monkeypatch.setattr(vllm_model.compat, "takes_tower_adapter", lambda config: True)
    assert adapter_request(engine, model).lora_path == str(tower)
    monkeypatch.setattr(vllm_model.compat, "takes_tower_adapter", lambda config: False)
    with pytest.raises(EngineStartError, match="changes the image tower as well"):
        adapter_request(engine, model)
