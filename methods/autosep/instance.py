"""AutoSEP's objective: can a judge tell an image's own description from another image's?

Section 3.3.1 of the paper (arXiv 2506.03195): the sampled score is the share of right choices over
k other images drawn for each image. No label is read; the other image may be of the same class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from methods.autosep.history import Tally
from methods.autosep.objective import DescriptionJudge, ErrorShown
from methods.autosep.parsing import ComparisonReading, Verdict, judge
from methods.autosep.prompts import PromptTexts
from methods.autosep.requests import Mllm, SearchRequest
from methods.autosep.seeded_choice import choose, coin, others
from methods.autosep.settings import SearchSettings


@dataclass(frozen=True)
class Pair:
    """An image, and another one whose description is set against its own."""

    image: int
    other: int


class InstanceObjective(DescriptionJudge):
    """Pairwise checks of descriptions on the images of a search."""

    def __init__(
        self,
        mllm: Mllm,
        images: Sequence[int],
        wording: PromptTexts,
        settings: SearchSettings,
        reading: ComparisonReading = "final",
    ) -> None:
        """Prepare for images, by id.

        Raises:
            ValueError: fewer images than an image needs others.
        """
        if len(images) <= settings.negatives:
            raise ValueError(
                f"{len(images)} images are too few to compare each with {settings.negatives} others"
            )
        super().__init__(mllm, images, wording, settings, reading)
        self._judged: dict[str, dict[Pair, Verdict | None]] = {}
        self._round_pairs: dict[int, dict[int, list[Pair]]] = {}
        self._drawn: set[Pair] = set()

    def score(
        self, round_: int, stage: str, prompts: Sequence[str], images: Sequence[int]
    ) -> dict[str, Tally]:
        """Judge prompts on k pairs of each image; the pairs are the same for all of a round."""
        self._descriptions.need(f"{stage}_describe", prompts, images)
        pairs = self._draw_pairs(round_, sorted(images))
        fresh = {
            prompt: [pair for pair in pairs if pair not in self._judged.get(prompt, {})]
            for prompt in prompts
        }
        for prompt, verdicts in self._compare(f"{stage}_compare", f"score {round_}", fresh).items():
            self._judged.setdefault(prompt, {}).update(verdicts)
        if "rescored" in self._settings.improvements:  # all on the same pairs, and on no others
            return {
                prompt: self._tally({pair: self._judged[prompt][pair] for pair in pairs})
                for prompt in prompts
            }
        return {prompt: self._tally(self._judged[prompt]) for prompt in prompts}

    def mine(self, round_: int, stage: str, prompts: Sequence[str]) -> dict[str, list[ErrorShown]]:
        """Find pairs that were judged wrong: of a random minibatch, or of those that scored it."""
        if "reuse" in self._settings.improvements:
            judged = {prompt: self._judged[prompt] for prompt in prompts}
        else:
            judged = self._mine_afresh(round_, stage, prompts)
        return {prompt: self._errors(prompt, verdicts) for prompt, verdicts in judged.items()}

    def choose(self, stage: str, prompts: Sequence[str], images: Sequence[int]) -> dict[str, Tally]:
        """Judge prompts on pairs that no score has drawn, as far as there are so many."""
        self._descriptions.need(f"{stage}_describe", prompts, images)
        pairs = [
            pair for image in sorted(images) for pair in self._fresh_pairs(stage, image, images)
        ]
        self._drawn |= set(pairs)
        judged = self._compare(f"{stage}_compare", stage, dict.fromkeys(prompts, pairs))
        return {prompt: self._tally(verdicts) for prompt, verdicts in judged.items()}

    def _fresh_pairs(self, stage: str, image: int, images: Sequence[int]) -> list[Pair]:
        """Pairs of an image; those that were drawn before come last."""
        others_ = [other for other in images if other != image]
        order = choose(others_, len(others_), self._settings.seed, stage, image)
        order.sort(key=lambda other: Pair(image, other) in self._drawn)
        return [Pair(image, other) for other in order[: self._settings.choice_negatives]]

    def _mine_afresh(
        self, round_: int, stage: str, prompts: Sequence[str]
    ) -> dict[str, dict[Pair, Verdict | None]]:
        settings = self._settings
        batch = sorted(choose(self._images, settings.minibatch, settings.seed, "minibatch", round_))
        # the others come from the minibatch, unless that is too small for so many
        pool = batch if len(batch) > settings.negatives else self._images
        pairs = {}
        for prompt in prompts:
            drawn = self._others(pool, settings.negatives, "mine", round_, prompt, of=batch)
            pairs[prompt] = [pair for image in batch for pair in drawn[image]]
        return self._compare(stage, f"mine {round_}", pairs)

    def _draw_pairs(self, round_: int, images: list[int]) -> list[Pair]:
        """The pairs of a round; of more images than before, only those of the new ones are drawn.

        Others come from the images at hand: only they have been described.
        """
        drawn = self._round_pairs.setdefault(round_, {})
        new = [image for image in images if image not in drawn]
        count = min(self._settings.negatives, len(images) - 1)
        drawn |= self._others(images, count, "score", round_, of=new)
        self._drawn |= {pair for image in new for pair in drawn[image]}
        return [pair for image in images for pair in drawn[image]]

    def _others(
        self, images: Sequence[int], count: int, *key: object, of: Sequence[int] | None = None
    ) -> dict[int, list[Pair]]:
        seed = self._settings.seed
        return {
            image: [Pair(image, other) for other in others(images, image, count, seed, *key)]
            for image in (images if of is None else of)
        }

    def _compare(
        self, stage: str, call: str, pairs: dict[str, list[Pair]]
    ) -> dict[str, dict[Pair, Verdict | None]]:
        """Judge pairs: a verdict each, None where a description or an answer is missing."""
        judged: dict[str, dict[Pair, Verdict | None]] = {prompt: {} for prompt in pairs}
        compared: list[tuple[str, Pair, int]] = []
        requests = []
        for prompt, prompt_pairs in pairs.items():
            for pair in prompt_pairs:
                true_text = self._descriptions.of(prompt, pair.image)
                other_text = self._descriptions.of(prompt, pair.other)
                if true_text is None or other_text is None:
                    judged[prompt][pair] = None
                elif true_text == other_text and "ties" in self._settings.improvements:
                    judged[prompt][pair] = Verdict.TIE
                else:
                    side = 1 + self._second(call, prompt, pair)
                    texts = (true_text, other_text) if side == 1 else (other_text, true_text)
                    compared.append((prompt, pair, side))
                    requests.append(SearchRequest(self._wording.compare(*texts), (pair.image,)))
        replies = self._mllm.generate(stage, "compare", requests)
        for (prompt, pair, side), reply in zip(compared, replies, strict=True):
            verdict = None if reply is None else judge(reply, side, self._reading)
            judged[prompt][pair] = verdict
        return judged

    def _second(self, call: str, prompt: str, pair: Pair) -> bool:
        """Whether the true description comes second."""
        paired = "paired" in self._settings.improvements
        shown = "" if paired else prompt
        return coin(self._settings.seed, "order", call, shown, pair.image, pair.other)

    def _tally(self, verdicts: dict[Pair, Verdict | None]) -> Tally:
        outcomes = list(verdicts.values())
        count = {verdict: outcomes.count(verdict) for verdict in (*Verdict, None)}
        unparsable, ties = count[Verdict.UNPARSABLE], count[Verdict.TIE]
        decided = count[Verdict.RIGHT] + count[Verdict.WRONG]
        counted = 0 if "three_states" in self._settings.improvements else unparsable
        return Tally(
            right=count[Verdict.RIGHT] + ties / 2,
            comparisons=decided + ties + counted,
            unparsable=unparsable,
            ties=ties,
            missing=count[None],
        )

    def _errors(self, prompt: str, verdicts: dict[Pair, Verdict | None]) -> list[ErrorShown]:
        wrong = {Verdict.WRONG, Verdict.TIE}
        if "three_states" not in self._settings.improvements:
            wrong.add(Verdict.UNPARSABLE)
        errors = []
        for pair, verdict in verdicts.items():
            if verdict in wrong:
                true_text = self._descriptions.of(prompt, pair.image)
                other_text = self._descriptions.of(prompt, pair.other)
                text = f'Correct description: "{true_text}"\nWrong description: "{other_text}"'
                errors.append(ErrorShown(pair.image, text))
        return errors
