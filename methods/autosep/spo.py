"""SPO, a baseline of the paper: keep whichever of two prompts a judge prefers.

Self-supervised prompt optimisation as far as it fits here: each round one new prompt is written
from the best one and what it said of a few images; the judge sees each image with both prompts'
descriptions of it, in random order, and the new prompt replaces the best one if it wins most. A
round costs two calls an image, as the paper counts (section 4.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from methods.autosep.history import History, PromptRecord, RoundRecord, Tally
from methods.autosep.objective import DescriptionJudge, ErrorShown, numbered
from methods.autosep.parsing import ComparisonReading, Verdict, judge, rewritten_prompts
from methods.autosep.prompts import PromptTexts
from methods.autosep.requests import Mllm, SearchRequest
from methods.autosep.search import Watch
from methods.autosep.seeded_choice import choose, coin
from methods.autosep.settings import SearchSettings

_REASON = "the descriptions should say more of what tells the classes apart."
_SHOWN = 3


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
        self._descriptions.need("round_0_describe", [best.text], self._images)
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
        child = self._write(round_, best)
        if child is None or not self.history.add(child):
            round_.notes.append("no new prompt was written")
            return best
        round_.prompts = 1
        stage = f"round_{round_.round}"
        self._descriptions.need(f"{stage}_describe", [child.text], self._images)
        tally = self._prefer(f"{stage}_compare", round_.round, child.text, best.text)
        child.scored(round_.round, "search", tally)
        if (tally.value or 0.0) <= 0.5:
            return best
        round_.best = tally.value
        return child

    def _write(self, round_: RoundRecord, best: PromptRecord) -> PromptRecord | None:
        shown = choose(self._images, _SHOWN, self._settings.seed, "seen", round_.round)
        seen = [
            ErrorShown(image, f'Description: "{self._descriptions.of(best.text, image)}"')
            for image in shown
            if self._descriptions.of(best.text, image) is not None
        ]
        text = self._wording.modify(best.text, numbered(seen), _REASON, 1)
        request = SearchRequest(text, tuple(error.image for error in seen), f"{round_.round}")
        (reply,) = self._mllm.generate(f"round_{round_.round}_modify", "modify", [request])
        prompts = rewritten_prompts(reply, self._settings.longest_prompt)
        return PromptRecord(prompts[0], round_.round, best.id, "spo", _REASON) if prompts else None

    def _prefer(self, stage: str, number: int, new: str, best: str) -> Tally:
        """How often the judge prefers the new prompt's description of an image."""
        requests, sides, missing = [], [], 0
        for image in self._images:
            ours, theirs = self._descriptions.of(new, image), self._descriptions.of(best, image)
            if ours is None or theirs is None:
                missing += 1
                continue
            sides.append(1 + coin(self._settings.seed, "prefer", number, new, image))
            texts = (ours, theirs) if sides[-1] == 1 else (theirs, ours)
            requests.append(SearchRequest(self._wording.compare(*texts), (image,)))
        replies = self._mllm.generate(stage, "compare", requests)
        verdicts = [
            judge(reply, side, self._reading)
            for reply, side in zip(replies, sides, strict=True)
            if reply is not None
        ]
        missing += len(replies) - len(verdicts)
        bad = verdicts.count(Verdict.UNPARSABLE)
        return Tally(verdicts.count(Verdict.RIGHT), len(verdicts) - bad, bad, missing=missing)
