"""Requests as vLLM's chats take them, and what comes back; both vLLM engines speak through this."""

from __future__ import annotations

from typing import Any

import numpy as np
import xxhash

from actors.mllm.engines.vllm_thoughts import Thoughts
from actors.mllm.model import Layout
from actors.mllm.request import DecodedImage, Request, Response, failed, rejected


def conversation(request: Request, layout: Layout = "first") -> list[dict[str, Any]]:
    """A request as a chat: one message with images and text, or two where images stand alone.

    Images come with a name of their own, so that vLLM makes none: what it keeps of an image is
    filed under it, and its own hash takes an eighth of preparing the request.
    """
    if not request.pictures:
        return [{"role": "user", "content": request.text}]
    text = [{"type": "text", "text": request.text}]
    images = [
        {"type": "image_pil", "image_pil": image.image(), "uuid": image_name(image)}
        for image in request.pictures
    ]
    if layout == "alone":
        return [
            {"role": "system", "content": request.text},
            {"role": "user", "content": images},
        ]
    parts = [*images, *text] if layout == "first" else [*text, *images]
    return [{"role": "user", "content": parts}]


def image_name(image: DecodedImage) -> str:
    """A hash of an image's pixels and shape."""
    pixels = np.ascontiguousarray(image.pixels)
    return xxhash.xxh3_128_hexdigest(pixels.data, seed=pixels.shape[0])


def sampling_params(request: Request, thoughts: Thoughts) -> Any:
    """vLLM's sampling parameters of a request, for how the model thinks."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    constraint = request.constraint() if thoughts.holds_constraints else {}
    sampling = request.sampling
    return SamplingParams(
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed if sampling.temperature else None,
        structured_outputs=StructuredOutputsParams(**constraint) if constraint else None,
        skip_special_tokens=not thoughts.tags_are_special,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def response_of(output: Any, thoughts: Thoughts) -> Response:
    """What vLLM's finished ``RequestOutput`` says, with the tags of its thoughts."""
    completion = output.outputs[0]
    return Response(
        text=thoughts.told(completion.text),
        finish_reason=completion.finish_reason,
        prompt_tokens=len(output.prompt_token_ids or ()),
        output_tokens=len(completion.token_ids),
    )


def refused(error: Exception) -> Response:
    """The response to a request that cannot be asked: chat templates, image processors and vLLM's
    own checks raise anything."""
    return rejected(str(error) or type(error).__name__)


def overdue(seconds: float) -> Response:
    """The response that did not come in the seconds that it had."""
    return failed(
        "mllm_timeout", f"no answer in {seconds:g} s; --mllm-deadline says how long one may take"
    )
