"""Requests to engine inputs: what is kept of a text, and what never is."""

from __future__ import annotations

from typing import Any

import numpy as np

from actors.mllm.engines.vllm_prompts import VllmPrompts, picture_name
from actors.mllm.request import DecodedImage, Request


class Renderer:
    """As much of vLLM's renderer as prompts need; remembers how often it was asked for a chat."""

    def __init__(self, copies: bool = False) -> None:
        self.chats = 0
        self._copies = copies

    @property
    def default_chat_tok_params(self) -> Renderer:
        return self

    def with_kwargs(self, **kwargs: Any) -> Renderer:
        return self

    def render_messages(self, messages: Any, params: Any) -> tuple[Any, dict[str, Any]]:
        self.chats += 1
        content = messages[0]["content"]
        if isinstance(content, str):
            return messages, {"prompt": content}
        images = [part["image_pil"] for part in content[1:]]
        names = [part["uuid"] for part in content[1:]]
        if self._copies:
            images = [image.copy() for image in images]
        data = {"multi_modal_data": {"image": images}, "multi_modal_uuids": {"image": names}}
        return messages, {"prompt": content[0]["text"], **data}

    def tokenize_prompts(self, prompts: Any, params: Any) -> list[dict[str, Any]]:
        return [
            {**prompt, "prompt_token_ids": list(prompt["prompt"].encode())} for prompt in prompts
        ]

    def process_for_engine(self, prompt: Any, arrived: float, tok_params: Any) -> Any:
        return prompt


def request(text: str, *shades: int) -> Request:
    pictures = tuple(DecodedImage(np.full((4, 5, 3), shade, np.uint8)) for shade in shades)
    return Request(text, pictures)


def prepare(prompts: VllmPrompts, asked: Request) -> Any:
    (made,) = prompts.prepare([asked])
    return made


def shades(prompt: dict[str, Any]) -> list[int]:
    return [image.getpixel((0, 0))[0] for image in prompt["multi_modal_data"]["image"]]


def test_a_text_is_made_into_tokens_once_and_pictures_are_each_requests_own() -> None:
    renderer = Renderer()
    prompts = VllmPrompts(renderer, None)
    made = [prepare(prompts, request("what?", shade)) for shade in (1, 2, 3)]
    assert renderer.chats == 1
    assert [shades(prompt) for prompt in made] == [[1], [2], [3]]
    assert all(prompt["prompt_token_ids"] == list(b"what?") for prompt in made)
    names = [prompt["multi_modal_uuids"]["image"] for prompt in made]
    assert names == [[picture_name(request("", shade).pictures[0])] for shade in (1, 2, 3)]
    made[0]["prompt_token_ids"].clear()  # the engine may do with it what it likes
    assert prepare(prompts, request("what?", 4))["prompt_token_ids"] == list(b"what?")


def test_other_texts_and_other_numbers_of_pictures_are_other_prompts() -> None:
    renderer = Renderer()
    prompts = VllmPrompts(renderer, None)
    first = prepare(prompts, request("what?", 1, 2))
    second = prepare(prompts, request("what?", 3))
    third = prepare(prompts, request("what?"))
    assert renderer.chats == 3
    assert (shades(first), shades(second)) == ([1, 2], [3])
    assert "multi_modal_data" not in third
    assert "multi_modal_data" not in prepare(prompts, request("what?"))
    assert renderer.chats == 3


def test_a_model_whose_chat_changes_pictures_is_asked_for_each_chat() -> None:
    renderer = Renderer(copies=True)
    prompts = VllmPrompts(renderer, None)
    assert [shades(prepare(prompts, request("what?", shade))) for shade in (1, 2)] == [[1], [2]]
    assert renderer.chats == 2


def test_only_so_many_texts_are_kept() -> None:
    renderer = Renderer()
    prompts = VllmPrompts(renderer, None)
    for number in range(300):
        prepare(prompts, request(f"{number}?", 1))
    prepare(prompts, request("299?", 2))
    assert renderer.chats == 300
    prepare(prompts, request("0?", 2))
    assert renderer.chats == 301
