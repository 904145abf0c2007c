"""The pictures of several requests, prepared for the model in one call of its processor.

A call has a price of its own, which for a small picture is half of preparing it. That what comes of
a picture does not depend on the pictures beside it is what vLLM asks of processors that use its
cache of prepared pictures; one for which it is not so leaves that cache empty. So there is a cache
for the time of one batch: filled by one call, read by each request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from actors.mllm.request import Request

DATA: Final = "multi_modal_data"
NAMES: Final = "multi_modal_uuids"
KIND: Final = "image"
TOKENS: Final = "prompt_token_ids"
"""What vLLM's prompts call media, their names, pictures among media, and tokens."""

_TEXT: Final = "prompt"
_PIXELS: Final = 8 << 20  # of a batch; a large picture costs so much that a call more does not show


class PreparedPictures:
    """Prepared pictures of one batch, and as much of vLLM's ``BaseMultiModalProcessorCache`` as its
    processors ask for."""

    def __init__(self, processor: Any) -> None:
        """Keep vLLM's multimodal processor of the model."""
        self._processor = processor
        self._items: dict[str, Any] = {}

    def fill(self, prompts: Sequence[Mapping[str, Any]]) -> None:
        """Prepare the pictures of prompts that `brings_pictures`, as if all were one prompt.

        Raises:
            Exception: whatever image processors raise.
        """
        tokens = [token for prompt in prompts for token in prompt[TOKENS]]
        images = [image for prompt in prompts for image in prompt[DATA][KIND]]
        names = [name for prompt in prompts for name in prompt[NAMES][KIND]]
        # together they are more than one request may bring
        items = self._processor.info.parse_mm_data({KIND: images}, validate=False)
        self._processor(tokens, items, {KIND: names}, cache=self)

    def hold(self, prompt: Mapping[str, Any]) -> bool:
        """Whether all pictures of a prompt are prepared."""
        return all(self.is_cached(prompt[NAMES][KIND]))

    def read(self, prompt: Mapping[str, Any]) -> Any:
        """Return the engine's input for a prompt whose pictures are prepared.

        Raises:
            VLLMClientError: more pictures than the engine takes.
        """
        items = self._processor.info.parse_mm_data(prompt[DATA])
        made = self._processor(list(prompt[TOKENS]), items, prompt[NAMES], cache=self)
        return {**made, _TEXT: prompt[_TEXT]} if prompt.get(_TEXT) else made

    def is_cached(self, names: Sequence[str]) -> list[bool]:
        """Say of each picture whether it is prepared."""
        return [name in self._items for name in names]

    def get_and_update_item(self, item: Any, name: str) -> Any:
        """Keep what the processor made of a picture, or return what it made before (None)."""
        if item is not None:
            self._items[name] = item
        return self._items[name]

    def touch_sender_cache_item(self, name: str) -> None:
        """Nothing goes before its batch does."""

    def release_sender_touches(self) -> None:
        """Nothing goes before its batch does."""


def brings_pictures(prompt: Any) -> bool:
    """Whether a prompt is tokens and pictures with names, and nothing else."""
    return (
        isinstance(prompt, Mapping)
        and {TOKENS, DATA, NAMES} <= prompt.keys() <= {TOKENS, DATA, NAMES, _TEXT}
        and shows_pictures(prompt)
    )


def shows_pictures(prompt: Mapping[str, Any]) -> bool:
    """Whether the media of a prompt are pictures with names."""
    data, names = prompt.get(DATA), prompt.get(NAMES)
    return data is not None and names is not None and data.keys() == names.keys() == {KIND}


def batches(requests: Sequence[Request]) -> Iterator[Sequence[Request]]:
    """Cut requests into batches whose pictures fit into memory together."""
    begin = total = 0
    for place, request in enumerate(requests):
        pixels = sum(picture.pixels.size // 3 for picture in request.pictures)
        if total + pixels > _PIXELS and place > begin:
            yield requests[begin:place]
            begin, total = place, 0
        total += pixels
    if begin < len(requests):
        yield requests[begin:]
