"""Tasks, text only: what a prompt fails to ask for, a better prompt, another wording of a prompt.

The examples shown are a right and a wrong description for an image, as the prompt at hand yields
them. A reason names one or two of the attributes that the prompt leaves out, so that samples
differ and prompts grow step by step.
"""

import re
from typing import Final

import numpy as np

from fieldguide.mllm_tasks.descriptions import VAGUE, join, sentence, tell
from fieldguide.mllm_tasks.naming import lettered
from fieldguide.mllm_tasks.requests import (
    DISTINCTIVE,
    OPENINGS,
    WORDS,
    asked,
    implied,
    plain_prompt,
    pointed_prompt,
    random_request,
    vague_prompt,
)
from fieldguide.mllm_tasks.sample import Sample, pick
from fieldguide.world import ATTRIBUTES, GENERA, NAMES, SPECIES

PREAMBLE: Final = (
    "I am writing a prompt that makes a model describe the bird in an image. The descriptions are "
    'to help tell these classes apart:\n{classes}\n\nMy current prompt is:\n"{prompt}"\n\nIts '
    "descriptions are too simple and too similar, so that the wrong description was chosen in "
    "these examples:\n\n{errors}\n\n"
)
PAIR: Final = 'Image {number}\nCorrect description: "{correct}"\nWrong description: "{wrong}"'
REFLECT: Final = PREAMBLE + "Give the reason why the prompt leads to such mistakes."
MODIFY: Final = PREAMBLE + (
    "The problem is: {reason}\n\nWrite {count} improved prompts. Wrap each prompt in <START> and "
    "<END>."
)
PARAPHRASE: Final = (
    "Write a variation of the following instruction and keep its meaning.\nInput: {prompt}\nOutput:"
)
REFLECT_PROMPTS: Final = (
    REFLECT,
    REFLECT,
    PREAMBLE + "Why does the prompt lead to such mistakes?",
    PREAMBLE + "What does the prompt fail to ask for?",
)
PARAPHRASE_PROMPTS: Final = (
    PARAPHRASE,
    PARAPHRASE,
    "Say this instruction in other words: {prompt}",
    "Rewrite this instruction with the same meaning.\nInstruction: {prompt}",
)
REASONS: Final = (
    "The prompt does not ask for the {}.",
    "The prompt fails to ask for the {}.",
    "The descriptions leave out the {}.",
)
COMPLETE: Final = "The prompt already asks for every attribute."
SHORT: Final = tuple(opening for opening in OPENINGS if opening != DISTINCTIVE)
_MOST_PAIRS: Final = 4
FORGOTTEN: Final = re.compile(r"(?:ask for|leave out) the ([^.]*)\.")


def reflect(rng: np.random.Generator) -> Sample:
    """Which attributes a prompt fails to ask for."""
    told, prompt = _current(rng)
    user = pick(REFLECT_PROMPTS, rng).format(**_preamble(told, prompt, rng))
    missing = {name for name in ATTRIBUTES if name not in told}
    named = _some_of(missing, rng)

    def accepts(answer: str) -> bool:
        if not missing:
            return answer.strip() == COMPLETE
        found = forgotten(answer)
        return bool(found) and found <= missing

    return Sample("reflect", user, _reason(named, rng), accepts=accepts)


def modify(rng: np.random.Generator) -> Sample:
    """The prompt rewritten so that it asks for what the reason names as well."""
    told, prompt = _current(rng)
    opening = opening_of(prompt) or pick(SHORT, rng)
    added = _some_of({name for name in ATTRIBUTES if name not in told}, rng)
    count = 1 if rng.random() < 0.75 else int(rng.integers(2, 4))
    user = MODIFY.format(**_preamble(told, prompt, rng), reason=_reason(added, rng), count=count)
    wanted = {*told, *added}
    prompts = [
        _rewritten(opening if not at else pick(SHORT, rng), wanted, rng) for at in range(count)
    ]
    answer = "\n".join(f"<START>{text}<END>" for text in prompts)

    def accepts(reply: str) -> bool:
        spans = spans_of(reply)
        return len(spans) == count and all(named_in(text) == wanted for text in spans)

    return Sample("modify", user, answer, accepts=accepts)


def follow_up(prompt: str, told: list[str], added: str, rng: np.random.Generator) -> Sample:
    """The request to make a prompt ask for one more attribute; for measuring chains of them."""
    user = MODIFY.format(**_preamble(told, prompt, rng), reason=_reason([added], rng), count=1)
    return Sample("modify", user, "")


def paraphrase(rng: np.random.Generator) -> Sample:
    """Another wording of a prompt that asks for the same attributes."""
    chosen = _random_set(rng) if rng.random() < 0.75 else []
    prompt = pointed_prompt(chosen, rng) if chosen else vague_prompt(rng)
    other = prompt
    while other == prompt:
        opening = pick(SHORT, rng)
        other = _rewritten(opening, set(chosen), rng) if chosen else opening
    user = pick(PARAPHRASE_PROMPTS, rng).format(prompt=prompt)

    def accepts(reply: str) -> bool:
        other_words = "bird" in reply and reply.strip() != prompt
        return other_words and named_in(reply) == set(chosen)

    return Sample("paraphrase", user, other, accepts=accepts)


def opening_of(prompt: str) -> str:
    """The opening that a prompt starts with; empty when it is another sentence."""
    fitting = [opening for opening in OPENINGS if f"{prompt} ".startswith(f"{opening} ")]
    return max(fitting, key=len, default="")


def forgotten(reason: str) -> set[str]:
    """The attributes that a reason names."""
    found = FORGOTTEN.search(reason)
    return named_in(found[1]) if found else set()


def named_in(prompt: str) -> set[str]:
    """The attributes that a prompt asks for in plain words, or none if it repeats one."""
    words = {name: len(re.findall(rf"\b{WORDS[name][0]}\b", prompt)) for name in ATTRIBUTES}
    return set() if max(words.values()) > 1 else {name for name, count in words.items() if count}


def spans_of(reply: str) -> list[str]:
    """What stands between <START> and <END>."""
    return re.findall(r"<START>(.*?)<END>", reply)


def _current(rng: np.random.Generator) -> tuple[list[str], str]:
    """The attributes that a prompt is answered with, and the prompt."""
    style = rng.random()
    if style < 0.3:
        return list(VAGUE), vague_prompt(rng)
    chosen = _random_set(rng)
    if style < 0.75:
        return implied(chosen), plain_prompt(vague_prompt(rng), random_request(rng), chosen)
    return implied(chosen), pointed_prompt(chosen, rng)


def _random_set(rng: np.random.Generator) -> list[str]:
    chosen = rng.permutation(len(ATTRIBUTES))[: rng.integers(1, len(ATTRIBUTES) + 1)]
    more = VAGUE if rng.random() < 0.4 else ()
    return [name for at, name in enumerate(ATTRIBUTES) if at in chosen or name in more]


def _some_of(missing: set[str], rng: np.random.Generator) -> list[str]:
    """One or two of the missing attributes."""
    left = [name for name in ATTRIBUTES if name in missing]
    count = min(len(left), 1 + int(rng.random() < 0.5))
    chosen = rng.permutation(len(left))[:count]
    return [name for place, name in enumerate(left) if place in chosen]


def _reason(named: list[str], rng: np.random.Generator) -> str:
    if not named:
        return COMPLETE
    return pick(REASONS, rng).format(join([WORDS[name][0] for name in named]))


def _rewritten(opening: str, wanted: set[str], rng: np.random.Generator) -> str:
    return f"{opening} {random_request(rng).format(asked(wanted))}"


def _preamble(told: list[str], prompt: str, rng: np.random.Generator) -> dict[str, str]:
    names = _classes(rng)
    pairs = [_pair(number + 1, told, names, rng) for number in range(_pairs(rng))]
    return {"classes": lettered(names), "prompt": prompt, "errors": "\n\n".join(pairs)}


def _pairs(rng: np.random.Generator) -> int:
    return _MOST_PAIRS if rng.random() < 0.25 else int(rng.integers(1, _MOST_PAIRS))


def _classes(rng: np.random.Generator) -> list[str]:
    if rng.random() < 0.5:
        genus = pick(list(GENERA), rng)
        return [name for name in NAMES if name.endswith(genus)]
    most = 7 if rng.random() < 0.85 else len(NAMES) + 1
    order = rng.permutation(len(NAMES))[: rng.integers(2, most)]
    return [NAMES[place] for place in order]


def _pair(number: int, told: list[str], names: list[str], rng: np.random.Generator) -> str:
    texts = [sentence(tell(SPECIES[pick(names, rng)].traits, told)) for _ in range(2)]
    return PAIR.format(number=number, correct=texts[0], wrong=texts[1])
