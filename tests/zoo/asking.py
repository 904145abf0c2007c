"""The same engine asked twice: through Onoma's engine, and with plain ``LLM.chat``.

    python -m tests.zoo.asking CACHE NAME [NAME ...]

writes a line of JSON for each model (`Agreement`). A process of its own, since vLLM leaves threads
and memory behind.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import json
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from actors.mllm.engines.vllm_local import VllmLocal
from actors.mllm.engines.vllm_settings import prepare_environment
from actors.mllm.images import ImageLimits, decode_for_mllm
from actors.mllm.model import EngineOptions, resolve_mllm
from actors.mllm.request import DecodedImage, Request, Response, Sampling
from tests.zoo.models import ZOO, folder_of
from tests.zoo.pictures import drawn, pictures

PROMPT = "What do you see? Describe the object in the image precisely, in one sentence."
LONGEST = 24


@dataclass(frozen=True)
class Agreement:
    """What two ways of asking one engine gave for the pictures of `pictures`.

    Attributes:
        name: of the model.
        pictures: how many there are.
        ids, tensors, answers: for how many the prompt's token ids, the picture's tensors and
            places, and the answer with its finish reason and tokens were the same.
        different: how many different answers there were; 1 would say nothing of the pictures.
        stopped: how many answers ended by themselves.
        tokens: prompt tokens of a picture of 500x375, and of one of 4000x3000 at most 1024 and
            4096 pixels long, less those of the same text without a picture.
    """

    name: str
    pictures: int
    ids: int
    tensors: int
    answers: int
    different: int
    stopped: int
    tokens: tuple[int, int, int]


def plain_messages(image: DecodedImage | None) -> list[dict[str, Any]]:
    """A chat as the models' cards write one, the picture first, as a data URL."""
    text = {"type": "text", "text": PROMPT}
    if image is None:
        return [{"role": "user", "content": [text]}]
    out = io.BytesIO()
    Image.fromarray(image.pixels).save(out, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
    shown = {"type": "image_url", "image_url": {"url": url}}
    return [{"role": "user", "content": [shown, text]}]


def same(one: Any, other: Any) -> bool:
    """Whether two inputs of an engine hold the same arrays, bit for bit."""
    import torch

    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict) or hasattr(one, "keys"):
        return set(one) == set(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "data"):
        return same(one.data, other.data)
    return bool(one == other)


def _know(architecture: str) -> None:
    """Have vLLM look at a model's class here; it would start a process for that, as long again."""
    from vllm import ModelRegistry

    known = ModelRegistry.models[architecture]
    ModelRegistry.register_model(architecture, known.load_model_cls())


def _watched() -> tuple[type, list[Any]]:
    """A ``vllm.LLM`` that keeps what its engine gets and gives, and a list that holds it then."""
    from vllm import LLM

    made: list[Any] = []

    class WatchedLLM(LLM):
        def __init__(self, *args: Any, **arguments: Any) -> None:
            super().__init__(*args, **arguments)
            made.append(self)
            self.inputs: list[Any] = []
            self.outputs: list[Any] = []
            self._add, self._step = self.llm_engine.add_request, self.llm_engine.step
            self.llm_engine.add_request, self.llm_engine.step = self._keep, self._keep_ended

        def _keep(self, request_id: str, prompt: Any, *args: Any, **more: Any) -> Any:
            self.inputs.append(prompt)
            return self._add(request_id, prompt, *args, **more)

        def _keep_ended(self) -> Any:
            outputs = self._step()
            self.outputs += [output for output in outputs if output.finished]
            return outputs

    return WatchedLLM, made


async def _ask_onoma(engine: VllmLocal, images: Sequence[DecodedImage]) -> list[Any]:
    how = Sampling(max_tokens=LONGEST)
    return await asyncio.gather(
        *(engine.generate(Request(PROMPT, (image,), sampling=how)) for image in images)
    )


def agreement(name: str, cache: Path) -> Agreement:
    """Start a model once and ask it both ways."""
    options = EngineOptions(threads=2, extra=dict(ZOO[name].engine))
    prepare_environment(options)  # before vLLM is imported, which takes its logging from it
    import vllm

    _know(ZOO[name].architecture)
    watched, made = _watched()
    original, vllm.LLM = vllm.LLM, watched
    engine = VllmLocal(resolve_mllm(str(folder_of(name, cache))), options)
    try:
        asyncio.run(engine.start())
    finally:
        vllm.LLM = original
    (llm,) = made
    images = [decode_for_mllm(data) for data in pictures().values()]
    responses = asyncio.run(_ask_onoma(engine, images))
    # they end in any order, and are numbered as they were asked
    ours, said = llm.inputs[:], sorted(llm.outputs, key=lambda output: int(output.request_id))
    llm.inputs.clear()
    llm.reset_prefix_cache()
    params = vllm.SamplingParams(temperature=0.0, max_tokens=LONGEST)
    plain = llm.chat([plain_messages(image) for image in images], params, use_tqdm=False)
    theirs = llm.inputs[:]
    for response, output in zip(responses, said, strict=True):
        assert response.error is None, response.error_detail
        assert response.prompt_tokens == len(output.prompt_token_ids)
    result = Agreement(
        name,
        len(images),
        sum(a.prompt_token_ids == b.prompt_token_ids for a, b in zip(said, plain, strict=True)),
        sum(_same_pictures(a, b) for a, b in zip(ours, theirs, strict=True)),
        sum(_same_answer(r, p) for r, p in zip(responses, plain, strict=True)),
        len({tuple(output.outputs[0].token_ids) for output in plain}),
        sum(output.outputs[0].finish_reason == "stop" for output in plain),
        _tokens_a_picture(llm),
    )
    asyncio.run(engine.close())
    return result


def _same_answer(response: Response, output: Any) -> bool:
    """Whether Onoma says what vLLM said; the tag that the prompt opened may stand in front."""
    done = output.outputs[0]
    counts = len(output.prompt_token_ids), len(done.token_ids)
    return (
        (response.text or "").removeprefix("<think>") == done.text.removeprefix("<think>")
        and response.finish_reason == done.finish_reason
        and (response.prompt_tokens, response.output_tokens) == counts
    )


def _same_pictures(one: Any, other: Any) -> bool:
    """Tensors of the picture, and where in the prompt its features go; at least one tensor."""
    assert one["mm_kwargs"], "no picture reached the engine"
    places = [
        [(place.offset, place.length) for place in each["mm_placeholders"]["image"]]
        for each in (one, other)
    ]
    return places[0] == places[1] and same(dict(one["mm_kwargs"]), dict(other["mm_kwargs"]))


def _tokens_a_picture(llm: Any) -> tuple[int, int, int]:
    """Prompt tokens that a picture adds, as Onoma shows it; nothing is generated."""
    wide = io.BytesIO()
    drawn(4000, 3000, 7).save(wide, "JPEG")
    small = DecodedImage(np.asarray(drawn(500, 375, 1)))
    shown = [
        None,
        small,
        *(decode_for_mllm(wide.getvalue(), ImageLimits(max_side=side)) for side in (1024, 4096)),
    ]
    counts = []
    for image in shown:
        llm.inputs.clear()
        llm.llm_engine.abort_request(llm.enqueue_chat(plain_messages(image), use_tqdm=False))
        counts.append(len(llm.inputs[0]["prompt_token_ids"]))
    without, *rest = counts
    first, second, third = (count - without for count in rest)
    return first, second, third


def main() -> int:
    cache, *names = sys.argv[1:]
    failed = False
    for name in names:
        try:
            print(json.dumps(asdict(agreement(name, Path(cache)))), flush=True)
        except Exception:
            failed = True
            print(f"{name}:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        gc.collect()
        from vllm.distributed import cleanup_dist_env_and_memory

        cleanup_dist_env_and_memory()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
