"""Models that think on vLLM: what opens a thought, and what ends one.

Templates of some models open the thought at the end of the prompt, so that it is not in the answer:
here it is put in front of what the model said, and whoever reads that sees where the answer begins
(`methods.thoughts`). A constraint on the decoding has to wait for the end of the thought; vLLM does
that where it is given the reasoning parser of the model.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from actors.compat import vllm as compat
from methods.thoughts import is_tag, opened_thought

logger = logging.getLogger(__name__)

ARGUMENT: Final = "reasoning_parser"
"""Engine argument of vLLM that names the parser."""


@dataclass(frozen=True)
class Thoughts:
    """How a model thinks.

    Attributes:
        opened: the tag that each prompt leaves open; empty where it opens none.
        parser: a reasoning parser of vLLM, where the user named one.
        tags_are_special: whether vLLM would leave the tags out of the text.
        parser_name: for vLLM's engine arguments; empty where there is none.
    """

    opened: str = ""
    parser: Any = None
    tags_are_special: bool = False
    parser_name: str = ""

    @property
    def holds_constraints(self) -> bool:
        """Whether a constraint can be kept: it must not begin inside of a thought."""
        return not self.opened or bool(self.parser_name)

    def told(self, text: str) -> str:
        """What a model said, with a tag at the beginning and the end of its thoughts."""
        if self.parser is None:
            return self.opened + text
        reasoning, content = compat.split_reasoning(self.parser, text)
        if reasoning is None:
            return content or ""
        return f"<think>{reasoning}" + ("" if content is None else f"</think>{content}")


def thoughts_of(
    config: Any, chat: Mapping[str, Any], named: str, template: str | None = None
) -> Thoughts:
    """Find out how the model of a configuration thinks, from what its chat template renders.

    A template that refuses a chat without images is left to the requests, unless the user gives it
    something: what he gives may be what it refuses.

    Args:
        config: vLLM's configuration.
        chat: what the template is given.
        named: the reasoning parser that the user named, or empty.
        template: the user's chat template, in place of the model's own.

    Raises:
        Exception: there is no chat template, or it fails with what it is given.
    """
    try:
        prompt, tokenizer = compat.rendered_prompt(config, chat, template)
    except Exception as error:  # chat templates raise anything
        if chat or named or template or compat.lacks_chat_template(error):
            raise
        return Thoughts()
    opened = opened_thought(prompt)
    special = any(is_tag(token) for token in compat.special_tokens(tokenizer))
    if named:
        return Thoughts(opened, compat.reasoning_parser(named, tokenizer, chat), special, named)
    found = compat.reasoning_parser_for(opened, tokenizer) if opened else ""
    if opened and not found:
        logger.warning(
            "no reasoning parser of vLLM knows %s: answers are not held to choices", opened
        )
    return Thoughts(opened, None, special, found)
