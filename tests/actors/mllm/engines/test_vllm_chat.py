"""Requests as chats: where the text stands, and where the images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from actors.mllm.engines.vllm_chat import conversation
from actors.mllm.model import Layout
from actors.mllm.request import DecodedImage, Request

IMAGE = DecodedImage(np.zeros((2, 3, 3), np.uint8))


@pytest.mark.parametrize(
    ("layout", "kinds"),
    [
        ("first", [["image_pil", "text"]]),
        ("last", [["text", "image_pil"]]),
        ("alone", ["system", ["image_pil"]]),
    ],
)
def test_images_and_text_stand_as_the_layout_says(layout: Layout, kinds: list[Any]) -> None:
    turns = conversation(Request("what is it?", (IMAGE,)), layout)
    found = [
        [part["type"] for part in turn["content"]] if turn["role"] == "user" else turn["role"]
        for turn in turns
    ]
    assert found == kinds
    assert conversation(Request("text"), layout) == [{"role": "user", "content": "text"}]
