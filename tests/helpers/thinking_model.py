"""The field guide's multimodal LLM as one that thinks: its template opens a thought.

A token that it says early in an answer becomes the tag that closes the thought, so that what comes
before is one and what follows is none.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import fieldguide

TEMPLATE = """
{%- if add_generation_prompt -%}
{{ '<think>\n' if enable_thinking | default(true) else '<think>\n\n</think>\n\n' }}
{%- endif -%}
"""


def thinking_model(folder: Path, closes: str = "\u0120is", opens: str = "}]}") -> Path:
    """Make the model's folder.

    Args:
        folder: to be made.
        closes, opens: tokens whose numbers the tags get.
    """
    shutil.copytree(fieldguide.MLLM_FOLDER, folder)
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + TEMPLATE.strip())
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    model, added = tokenizer["model"], tokenizer["added_tokens"]
    for token, tag in ((opens, "<think>"), (closes, "</think>")):
        number = model["vocab"].pop(token)
        model["vocab"][tag] = number
        model["merges"] = [
            pair
            for pair in model["merges"]
            if token not in (*_pieces(pair), "".join(_pieces(pair)))
        ]
        added.append({**added[0], "id": number, "content": tag, "special": False})
    file.write_text(json.dumps(tokenizer, ensure_ascii=False))
    return folder


def _pieces(pair: str | list[str]) -> list[str]:
    return pair.split(" ") if isinstance(pair, str) else pair
