"""Lines of an answer: which is prose, which is a sentence and no name, where the answer stands."""

from __future__ import annotations

import re

from methods.prose_words import ANSWER_LINE, CUE, OPENING, SPEAKS, STEP, TALKS


def is_prose(line: str) -> bool:
    """Whether a line says that something is something, and is no name alone."""
    return bool(CUE.search(line))


def is_sentence(line: str) -> bool:
    """Whether a line is a sentence about what is shown or how it is told, and no name at all."""
    speaks = SPEAKS.search(line)
    talks = len(line.split()) > 3 and TALKS.search(line)
    return bool(STEP.match(line) or (speaks and (OPENING.match(line) or talks)))


def final_answer(text: str) -> str:
    """What stands behind the last "Final answer:" of a text of several lines, else the text."""
    *_, last = (None, *ANSWER_LINE.finditer(text))
    return last["answer"] if last else text


def whole_part(text: str) -> str:
    """What stands before the last stop of a text that was cut: the word behind may lack its end."""
    stops = [found.end() for found in re.finditer(r"[.,;:!?(\n]", text)]
    return text[: stops[-1]] if stops else ""
