"""SPO, a baseline of the paper: keep whichever of two prompts a judge prefers.

Self-supervised prompt optimisation as AutoSEP's public code has it (``spo/``): in each round a few
images are drawn, the best prompt's descriptions of some of them are reflected on, one new prompt is
written, and a judge sees each drawn image with both prompts' descriptions of it, in random order.
The new prompt replaces the best one if it wins most. The code draws 7 images in each of 10 rounds
and reflects on 3; its judge answers at temperature 0.7 between XML tags.
"""

from __future__ import annotations

from collections.abc import Sequence

from methods.autosep.history import History, PromptRecord, RoundRecord, Tally
from methods.autosep.objective import DescriptionJudge, ErrorShown, numbered
from methods.autosep.parsing import (
    ComparisonReading,
    Verdict,
    read_preference,
    rewritten_prompts,
    verdict_of,
)
from methods.autosep.prompts import PromptTexts
from methods.autosep.requests import Mllm, SearchRequest
from methods.autosep.search import Watch
from methods.autosep.seeded_choice import choose, coin
from methods.autosep.settings import SearchSettings


class PreferenceSearch(DescriptionJudge):
    """One search by a judge's preference."""

    def __init__(
        self,
        mllm: Mllm,
        images: Sequence[int],
        wording: PromptTexts,
        settings: SearchSettings,
        reading: ComparisonReading = "final",
        watch: Watch | None = None,
    ) -> None:
        """Prepare for images, by id; ``watch`` is called with the history after every round."""
        super().__init__(mllm, images, wording, settings, reading)
        self._watch = watch or (lambda history: None)
        self.history = History()

    def run(self) -> History:
        """Search, round by round."""
        best = PromptRecord(self._wording.initial(), 0)
        self.history.add(best)
        self.history.rounds.append(RoundRecord(0, beam=[best.id]))
        for number in range(1, self._settings.rounds + 1):
            round_ = RoundRecord(number)
            self.history.rounds.append(round_)
            best = self._round(round_, best)
            round_.beam = [best.id]
            self._watch(self.history)
        self.history.chosen = best.id
        last = best.scores[-1] if best.scores else {"value": None, "comparisons": 0}
        figures = {key: last[key] for key in ("value", "comparisons")}
        self.history.final = {"stage": "search", **figures}
        self._watch(self.history)
        return self.history

    def _round(self, round_: RoundRecord, best: PromptRecord) -> PromptRecord:
        settings, stage = self._settings, f"round_{round_.round}"
        images = choose(self._images, settings.minibatch, settings.seed, "minibatch", round_.round)
        images.sort()
        self._descriptions.need(f"{stage}_describe_best", [best.text], images)
        child = self._write(round_, best, images)
        if child is None or not self.history.add(child):
            round_.notes.append("no new prompt was written")
            return best
        round_.prompts = 1
        self._descriptions.need(f"{stage}_describe", [child.text], images)
        tally = self._prefer(f"{stage}_prefer", round_.round, child.text, best.text, images)
        child.scored(round_.round, "search", tally)
        if (tally.value or 0.0) <= 0.5:
            return best
        round_.best = tally.value
        return child

    def _write(
        self, round_: RoundRecord, best: PromptRecord, images: Sequence[int]
    ) -> PromptRecord | None:
        """Reflect on what the best prompt says of some images, then write one prompt."""
        settings, stage, number = self._settings, f"round_{round_.round}", f"{round_.round}"
        seen = [
            ErrorShown(image, f'Description: "{text}"')
            for image in choose(images, settings.errors_shown, settings.seed, "seen", number)
            if (text := self._descriptions.of(best.text, image)) is not None
        ]
        shown, texts = tuple(each.image for each in seen), numbered(seen)
        request = SearchRequest(self._wording.spo_reflect(best.text, texts), shown, number)
        (reason,) = self._mllm.generate(f"{stage}_reflect", "reflect", [request])
        if reason is None or not reason.strip():
            return None
        text = self._wording.spo_modify(best.text, texts, reason.strip())
        request = SearchRequest(text, shown, number)
        (reply,) = self._mllm.generate(f"{stage}_modify", "modify", [request])
        prompts = rewritten_prompts(reply, settings.longest_prompt)
        if not prompts:
            return None
        return PromptRecord(prompts[0], round_.round, best.id, "spo", reason.strip())

    def _prefer(self, stage: str, number: int, new: str, best: str, images: Sequence[int]) -> Tally:
        """How often the judge prefers the new prompt's description of an image."""
        requests, sides, missing = [], [], 0
        for image in images:
            ours, theirs = self._descriptions.of(new, image), self._descriptions.of(best, image)
            if ours is None or theirs is None:
                missing += 1
                continue
            sides.append(1 + coin(self._settings.seed, "prefer", number, new, image))
            texts = (ours, theirs) if sides[-1] == 1 else (theirs, ours)
            request = SearchRequest(self._wording.spo_judge(*texts), (image,), f"{number}")
            requests.append(request)
        replies = self._mllm.generate(stage, "prefer", requests)
        verdicts = [
            verdict_of(read_preference(reply, self._reading), side)
            for reply, side in zip(replies, sides, strict=True)
            if reply is not None
        ]
        missing += len(replies) - len(verdicts)
        bad = verdicts.count(Verdict.UNPARSABLE)
        return Tally(verdicts.count(Verdict.RIGHT), len(verdicts) - bad, bad, missing=missing)
