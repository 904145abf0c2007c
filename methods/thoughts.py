"""What a model that thinks says aloud: its answer without the thoughts and the box around it.

Models open a thought with a tag and close it with another; which tags, their makers choose. Chat
templates of some open the thought themselves, so that only the closing tag is in the answer. What
stands in a thought is no answer: a thought weighs names that it then rejects.
"""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = r"(?:[a-z]+:)?(?:think|thinking|thoughts?|reasoning)(?::[a-z0-9]+)?"
_TAGS: Final = (
    (rf"<{_NAMES}>", rf"</{_NAMES}>"),  # most of all
    ("◁think▷", "◁/think▷"),  # Kimi
    (r"\[THINK\]", r"\[/THINK\]"),  # Mistral
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),  # Cohere
    (r"<\|channel>", r"<channel\|>"),  # Gemma
)
_OPENED: Final = re.compile("|".join(opened for opened, _ in _TAGS), re.IGNORECASE)
_CLOSED: Final = re.compile("|".join(closed for _, closed in _TAGS), re.IGNORECASE)
_BOXES: Final = (
    (r"<\|begin_of_box\|>", r"<\|end_of_box\|>"),  # GLM
    (r"<answer>", r"</answer>"),  # GLM, Hunyuan
    (r"<\|START_RESPONSE\|>", r"<\|END_RESPONSE\|>"),  # Cohere
)
_BOX: Final = re.compile(
    "|".join(f"{opened}(.*?){closed}" for opened, closed in _BOXES), re.DOTALL | re.IGNORECASE
)
_BOX_TAG: Final = re.compile("|".join(tag for pair in _BOXES for tag in pair), re.IGNORECASE)


def spoken(text: str) -> str | None:
    """Return the answer in a text, without thoughts; a text without any tag as it is.

    The answer is what follows the last thought; where nothing does, what was said outside of
    thoughts. Of an answer with a box in it, the last box's content is the answer.

    Returns:
        None where the last thought does not end: there is no answer in such a text.
    """
    rest, outside = text, ""
    while closed := _CLOSED.search(rest):
        opened = _OPENED.search(rest, 0, closed.start())
        outside += rest[: opened.start()] if opened else ""
        rest = rest[closed.end() :]
    if _OPENED.search(rest):
        return None
    said = _unboxed(rest if rest.strip() else outside + rest)
    return said if said == text else said.strip()


def opened_thought(prompt: str) -> str:
    """The tag with which a prompt leaves a thought open at its end; empty where it opens none."""
    *_, last = (None, *_OPENED.finditer(prompt))
    return last.group() if last and not prompt[last.end() :].strip() else ""


def is_tag(token: str) -> bool:
    """Whether a token of a vocabulary opens or closes a thought or a box."""
    return any(each.fullmatch(token) for each in (_OPENED, _CLOSED, _BOX_TAG))


def _unboxed(text: str) -> str:
    while contents := ["".join(filter(None, box.groups())) for box in _BOX.finditer(text)]:
        filled = [content for content in contents if content.strip()]
        if not filled:
            break
        text = filled[-1]
    return _BOX_TAG.sub("", text)
