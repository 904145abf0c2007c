"""From requests to what vLLM's engine takes: token ids, and images prepared for the model.

A text is put into the chat template and made into tokens once: an archive is asked the same
question about every image, and only the pictures change. That is a quarter of preparing a request.
Where each request brings a text of its own, the few that are kept do no harm.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import xxhash
from PIL import Image

from actors.mllm_requests import Picture, Request

_TEXTS_KEPT: Final = 256
_DATA, _NAMES, _KIND = "multi_modal_data", "multi_modal_uuids", "image"


class VllmPrompts:
    """Makes the engine's inputs with vLLM's own renderer; one thread at a time."""

    def __init__(self, renderer: Any, chat: Any) -> None:
        """Keep the renderer of an engine, and vLLM's ``ChatParams``."""
        self._renderer, self._chat = renderer, chat
        self._tokens = renderer.default_chat_tok_params.with_kwargs(add_special_tokens=False)
        self._known: OrderedDict[tuple[str, int], dict[str, Any]] = OrderedDict()

    def prepare(self, request: Request) -> Any:
        """Return the engine's input; raises whatever chat templates and image processors raise."""
        prompt = self._prompt(request)
        return self._renderer.process_for_engine(prompt, time.time(), tok_params=self._tokens)

    async def prepare_beside(self, request: Request) -> Any:
        """The same, with the images prepared in vLLM's own threads."""
        prompt = self._prompt(request)
        return await self._renderer.process_for_engine_async(
            prompt, time.time(), tok_params=self._tokens
        )

    def _prompt(self, request: Request) -> dict[str, Any]:
        """Token ids of the chat, with the pictures as they are."""
        images, names = _shown(request)
        key = (request.text, len(images))
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            ids = list(known["prompt_token_ids"])
            pictures = {_DATA: {_KIND: images}, _NAMES: {_KIND: names}} if images else {}
            return {**known, "prompt_token_ids": ids, **pictures}
        messages = _messages(request.text, images, names)
        _, rendered = self._renderer.render_messages(messages, self._chat)
        (prompt,) = self._renderer.tokenize_prompts([rendered], self._tokens)
        if _holds(prompt, images, names):
            kept = {name: prompt[name] for name in prompt if name not in (_DATA, _NAMES)}
            self._known[key] = {**kept, "prompt_token_ids": tuple(prompt["prompt_token_ids"])}
            if len(self._known) > _TEXTS_KEPT:
                self._known.popitem(last=False)
        return prompt


def _holds(prompt: Any, images: Sequence[Image.Image], names: Sequence[str]) -> bool:
    """Whether a prompt holds the pictures just as they came, so that others can take their place.

    The renderers of a few models bring them into another form.
    """
    if "prompt_token_ids" not in prompt:
        return False
    if not images:
        return _DATA not in prompt and _NAMES not in prompt
    data, called = prompt.get(_DATA), prompt.get(_NAMES)
    if data is None or called is None or data.keys() != {_KIND} or called.keys() != {_KIND}:
        return False
    same = len(data[_KIND]) == len(images) and list(called[_KIND]) == list(names)
    return same and all(a is b for a, b in zip(data[_KIND], images, strict=True))


def conversation(request: Request) -> list[dict[str, Any]]:
    """A request as one message of a chat: the text, then the pictures.

    Pictures come with a name of their own, a hash of their pixels, so that vLLM makes none: what it
    keeps of an image is filed under it, and its own hash takes an eighth of preparing the request.
    """
    return _messages(request.text, *_shown(request))


def _shown(request: Request) -> tuple[list[Image.Image], list[str]]:
    """The pictures of a request as Pillow has them, and their names."""
    pictures = request.pictures
    return [each.image() for each in pictures], [picture_name(each) for each in pictures]


def _messages(
    text: str, images: Sequence[Image.Image], names: Sequence[str]
) -> list[dict[str, Any]]:
    if not images:
        return [{"role": "user", "content": text}]
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
    for image, name in zip(images, names, strict=True):
        parts.append({"type": "image_pil", "image_pil": image, "uuid": name})
    return [{"role": "user", "content": parts}]


def picture_name(picture: Picture) -> str:
    """A hash of a picture's pixels and shape."""
    pixels = np.ascontiguousarray(picture.pixels)
    return xxhash.xxh3_128_hexdigest(pixels.data, seed=pixels.shape[0])
