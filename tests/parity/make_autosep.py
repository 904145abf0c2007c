"""Run the published AutoSEP loop on fixed answers and write what it asked and kept.

``python -m tests.parity.make_autosep CHECKOUT`` with a checkout of yq-hong/AutoSEP at 75954d6. Its
optimiser, scorer, evaluator and parsers run as they are, in one process. Replaced are: the model
(`search_answers`), ``liquid`` (learned prompts hold no markup here), and each random draw, by the
counter-based draw that ours makes for the same purpose. One rule is not the published one: its
first prompt, which has no rival in round 0, gets its score there instead of in round 1, so that
both compare it on the pairs of one round. Seeds are tried until a beam is tied neither within nor
with the next prompt, where programs differ, and every parent has errors: without any, ours asks
nothing and the published code asks without an example.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from methods.autosep.history import PromptRecord
from methods.autosep.seeded_choice import choose, coin, others
from tests.parity.search_answers import (
    FIRST_PROMPT,
    IMAGES,
    SETTINGS,
    SearchAnswers,
    errors_in,
    golden,
)

HEADER = "# Task\n"
OUT = Path(__file__).parent / "golden" / "autosep_search.json"


class OtherRule(Exception):
    """A case that ours decides otherwise, and says so: no error to reflect on, too few children."""


class Draws:
    """Our draws in the place of the published ones."""

    def __init__(self, seed: int) -> None:
        self.seed, self.round, self.parent, self.reflections = seed, 0, "", 0
        self.call = ""

    def parent_is(self, prompt: str) -> None:
        self.parent, self.reflections, self.call = prompt, 0, f"mine {self.round}"

    def of_optimizer(self, items: Sequence[Any], k: int) -> list[Any]:
        """The minibatch, errors to show, or children to keep, told apart by what is drawn from."""
        if not items or (isinstance(items[0], str) and len(items) < k):
            raise OtherRule
        if isinstance(items[0], dict):
            ids = [each["id"] for each in items]
            batch = sorted(choose(ids, k, self.seed, "minibatch", self.round))
            return [items[ids.index(each)] for each in batch]
        if isinstance(items[0], int):
            key = (self.seed, "errors", self.round, self.parent, self.reflections)
            self.reflections += 1
            return [items[place] for place in choose(range(len(items)), k, *key)]
        by_id = {PromptRecord(section(each), 0).id: each for each in items}
        kept = choose(sorted(by_id), k, self.seed, "children", self.round, self.parent)
        return [by_id[each] for each in kept]

    def others(self, pool: Sequence[Any], i: int, k: int, *key: object) -> list[int]:
        ids = [each["id"] for each in pool]
        return [ids.index(each) for each in others(ids, ids[i], k, self.seed, *key)]


def section(prompt: str) -> str:
    return prompt.removeprefix(HEADER).strip()


def stub_modules(checkout: Path) -> None:
    """Make the published modules importable without models, markup and processes."""
    sys.path[:0] = [str(checkout), str(checkout / "autosep")]
    liquid = ModuleType("liquid")
    liquid.Template = lambda text: SimpleNamespace(render=lambda: text)  # type: ignore[attr-defined]
    compare = ModuleType("spo.llm_eval")  # scorers.py takes two names of it and uses neither here
    compare.select_k_from_n_excluding_i = compare.prompt_spo_compare = None  # type: ignore[attr-defined]
    sys.modules.update({"liquid": liquid, "spo.llm_eval": compare, "spo": ModuleType("spo")})


class Inline:
    """A pool that works at once, in this process."""

    def __init__(self, max_workers: int = 1) -> None: ...

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, function: Callable[..., Any], *values: Any) -> Any:
        result = function(*values)
        return SimpleNamespace(result=lambda: result)


def model(answers: SearchAnswers) -> Callable[..., list[str]]:
    """The published code's door to its model."""

    def ask(text: str, img_paths: Sequence[str] = (), **_: Any) -> list[str]:
        images = [int(path) for path in img_paths]
        if found := re.match(r"Text 1:\n(.*?)\n\nText 2:\n(.*?)\n\n", text, re.DOTALL):
            return [answers.compare(images[0], found[1], found[2])]
        if found := re.search(r"Input: (.*?)\n\nOutput", text, re.DOTALL):
            return [answers.paraphrase(found[1])]
        if found := re.search(r"My current prompt is:\n\"(.*?)\"\n", text, re.DOTALL):
            errors = errors_in(text, "## Image")
            if reason := re.search(r"problem with this prompt is that (.*?)\n", text):
                count = re.search(r"I wrote (\d+) different", text)
                assert count
                return [answers.modify(found[1], errors, images, reason[1], int(count[1]))]
            return [answers.reflect(found[1], errors, images)]
        return [answers.describe(section(text), images[0])]

    return ask


def run(seed: int) -> dict[str, Any] | None:
    """The published loop; None where prompts are tied that a beam keeps or just loses."""
    import autosep.llm_text_compare as comparing
    import evaluators
    import generator
    import optimizers
    import scorers
    import tasks

    answers, draws = SearchAnswers(seed), Draws(seed)
    compared = comparing.predict_with_compare
    comparing.utils.google_gemini = model(answers)
    for module in (generator, scorers, tasks):
        module.concurrent = SimpleNamespace(
            futures=SimpleNamespace(ProcessPoolExecutor=Inline, as_completed=lambda each: each)
        )
        module.tqdm = lambda each, **_: each
    optimizers.tqdm = lambda each, **_: each

    def ordered(true: Any, false: Any, prompt: str, *rest: Any) -> Any:
        key = ("order", draws.call, section(prompt), true["id"], false["id"])
        comparing.random = SimpleNamespace(randint=lambda *_: int(coin(seed, *key)))
        return compared(true, false, prompt, *rest)

    pool: list[Any] = []
    scorers.predict_with_compare = tasks.predict_with_compare = ordered
    scorers.select_k_from_n_excluding_i = lambda n, k, i: draws.others(
        train, i, k, "score", draws.round
    )
    tasks.select_k_from_n_excluding_i = lambda n, k, i: draws.others(
        pool, i, k, "mine", draws.round, draws.parent
    )
    evaluators.random = SimpleNamespace(sample=lambda items, k: list(items))
    optimizers.random = SimpleNamespace(sample=draws.of_optimizer)

    train = [{"id": image, "img_path": str(image)} for image in IMAGES]
    options = {
        "task_name": "CUB_cuckoo",
        "model": "gemini",
        "gradient_model": "gemini",
        "out": "/dev/null",
        "eval_budget": 2048,
        **{name: 1 for name in ("gradients_per_error", "eval_rounds", "eval_prompts_per_round")},
        "samples_per_eval": 1,
        "reject_on_errors": False,
        "minibatch_size": SETTINGS["minibatch"],
        "n_gradients": SETTINGS["reflections"],
        "errors_per_gradient": SETTINGS["errors_shown"],
        "steps_per_gradient": SETTINGS["prompts_per_reflection"],
        "mc_samples_per_step": SETTINGS["paraphrases"],
        "max_expansion_factor": SETTINGS["max_children"],
    }
    task = tasks.MyClassificationTask("", "", 1)
    mine = task.compare_evaluate

    def mining(prompt: str, batch: Sequence[Any], *rest: Any, **named: Any) -> Any:
        draws.parent_is(section(prompt))
        pool[:] = batch
        return mine(prompt, batch, *rest, **named)

    task.compare_evaluate = mining
    describer = generator.AttrGredictor(options)
    evaluator = evaluators.BruteForceEvaluator(options)
    optimizer = optimizers.ProTeGi(options, evaluator, scorers.CachedCompareScorer(), 1)
    beam, cache, beams = [HEADER + FIRST_PROMPT], {}, []
    for number in range(SETTINGS["rounds"] + 1):
        answers.round = draws.round = number
        if number:
            beam = optimizer.expand_candidates(beam, task, None, train, attribute_cache=cache)
        for prompt in beam:
            if prompt not in cache:
                cache[prompt] = {}
                cache = generator.parallel_generate(describer, prompt, train, cache, 1)
        draws.call = f"score {number}"
        scores = evaluator(beam, train, None, optimizer.scorer, None, cache)
        highest = sorted(scores, reverse=True)[: SETTINGS["beam"] + 1]
        if len(set(highest)) < len(highest):
            return None
        ranked = sorted(zip(scores, beam, strict=True), reverse=True)[: SETTINGS["beam"]]
        beam = [prompt for _, prompt in ranked]
        # theirs is a mean of counts over the others of an image, Psi times their number
        beams.append([[section(p), round(s / SETTINGS["negatives"], 9)] for s, p in ranked])
    return golden(answers, beams)


def tries() -> Iterator[dict[str, Any]]:
    for seed in range(2000):
        with suppress(OtherRule):
            if (found := run(seed)) is not None:
                yield found


if __name__ == "__main__":
    random.seed(0)
    stub_modules(Path(sys.argv[1]).resolve())
    found = next(tries())
    how = {
        "obtained_from": "github.com/yq-hong/AutoSEP at 75954d6",
        "obtained_by": "python -m tests.parity.make_autosep CHECKOUT",
    }
    OUT.write_text(json.dumps({**how, **found}, indent=1, ensure_ascii=False) + "\n")
    print(OUT, found["seed"])
