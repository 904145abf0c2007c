"""From requests to what vLLM's engine takes: token ids, and images prepared for the model.

A text is put into the chat template and made into tokens once: an archive is asked the same
question about every image, and only the pictures change. That is a quarter of preparing a request.
Where each request brings a text of its own, the few that are kept do no harm. The pictures of
requests that come together are prepared together (`actors.mllm.engines.vllm_pictures`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import xxhash
from PIL import Image

from actors.mllm.engines.vllm_pictures import (
    DATA,
    KIND,
    NAMES,
    TOKENS,
    PreparedPictures,
    batches,
    brings_pictures,
    shows_pictures,
)
from actors.mllm.request import DecodedImage, Request

_TEXTS_KEPT: Final = 256


class VllmPrompts:
    """Makes the engine's inputs with vLLM's own renderer; one thread at a time."""

    def __init__(self, renderer: Any, chat: Any) -> None:
        """Keep the renderer of an engine, and vLLM's ``ChatParams``."""
        self._renderer, self._chat = renderer, chat
        self._tokens = renderer.default_chat_tok_params.with_kwargs(add_special_tokens=False)
        self._known: OrderedDict[tuple[str, int], dict[str, Any]] = OrderedDict()
        self._together = True

    def prepare(self, requests: Sequence[Request]) -> list[Any]:
        """Return the engine's input of each request, or what its chat template or image processor
        raised."""
        return [made for batch in batches(requests) for made in self._prepare(batch)]

    async def prepare_beside(self, request: Request) -> Any:
        """Return the engine's input of one request, with images prepared in vLLM's own threads.

        Raises:
            Exception: whatever chat templates and image processors raise.
        """
        prompt = self._prompt(request)
        return await self._renderer.process_for_engine_async(
            prompt, time.time(), tok_params=self._tokens
        )

    def _prepare(self, requests: Sequence[Request]) -> list[Any]:
        prompts = [_attempt(self._prompt, each) for each in requests]
        fit = [prompt for prompt in prompts if brings_pictures(prompt)]
        if not self._together or len(fit) < 2:
            return [_attempt(self._input, prompt) for prompt in prompts]
        pictures = PreparedPictures(self._renderer.get_mm_processor())
        failed = isinstance(_attempt(pictures.fill, fit), Exception)
        made = [_attempt(self._input, prompt, pictures) for prompt in prompts]
        if not all(pictures.hold(prompt) for prompt in fit):
            # unless one picture is to blame, those of this model depend on each other
            self._together = failed and any(isinstance(each, Exception) for each in made)
        return made

    def _input(self, prompt: Any, pictures: PreparedPictures | None = None) -> Any:
        """The engine's input of a prompt, if it could be made."""
        if isinstance(prompt, Exception):
            raise prompt
        if pictures is None or not brings_pictures(prompt) or not pictures.hold(prompt):
            return self._renderer.process_for_engine(prompt, time.time(), tok_params=self._tokens)
        return {**pictures.read(prompt), "arrival_time": time.time()}

    def _prompt(self, request: Request) -> dict[str, Any]:
        """Token ids of the chat, with the pictures as they are."""
        images, names = _shown(request)
        key = (request.text, len(images))
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            ids = list(known[TOKENS])
            pictures = {DATA: {KIND: images}, NAMES: {KIND: names}} if images else {}
            return {**known, TOKENS: ids, **pictures}
        messages = _messages(request.text, images, names)
        _, rendered = self._renderer.render_messages(messages, self._chat)
        (prompt,) = self._renderer.tokenize_prompts([rendered], self._tokens)
        if _holds(prompt, images, names):
            kept = {name: prompt[name] for name in prompt if name not in (DATA, NAMES)}
            self._known[key] = {**kept, TOKENS: tuple(prompt[TOKENS])}
            if len(self._known) > _TEXTS_KEPT:
                self._known.popitem(last=False)
        return prompt


def chat_params() -> Any:
    """How vLLM is to fill in a chat template, as its ``LLM.chat`` and its server have it: the
    model's turn is opened, no second start token."""
    from vllm.renderers import ChatParams

    opened = {"add_generation_prompt": True, "continue_final_message": False}
    return ChatParams(chat_template_kwargs=opened)


def _attempt(make: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns, or the exception that it raises: those of models are of any kind."""
    try:
        return make(*arguments)
    except Exception as error:
        return error


def _holds(prompt: Any, images: Sequence[Image.Image], names: Sequence[str]) -> bool:
    """Whether a prompt holds the pictures just as they came, so that others can take their place.

    The renderers of a few models bring them into another form.
    """
    if TOKENS not in prompt:
        return False
    if not images:
        return DATA not in prompt and NAMES not in prompt
    if not shows_pictures(prompt):
        return False
    shown = prompt[DATA][KIND]
    same = len(shown) == len(images) and list(prompt[NAMES][KIND]) == list(names)
    return same and all(a is b for a, b in zip(shown, images, strict=True))


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


def picture_name(picture: DecodedImage) -> str:
    """A hash of a picture's pixels and shape."""
    pixels = np.ascontiguousarray(picture.pixels)
    return xxhash.xxh3_128_hexdigest(pixels.data, seed=pixels.shape[0])
