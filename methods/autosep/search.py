"""The search for a description prompt: describe, compare, reflect, modify, score, keep the best.

Algorithm 1 of the paper (arXiv 2506.03195), with the steps that only the published code has as
settings. The search asks through `requests.Mllm` and is the same whoever answers; all draws are by
counter, so the same answers give the same search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from methods.autosep.history import History, PromptRecord, RoundRecord, Tally
from methods.autosep.objective import ErrorShown, Objective, Reflection
from methods.autosep.parsing import paraphrased_prompt, rewritten_prompts
from methods.autosep.prompts import PromptTexts
from methods.autosep.requests import Mllm, RequestKind, SearchRequest
from methods.autosep.seeded_choice import choose
from methods.autosep.settings import SearchSettings

_FIRST_PART = 4
"""Halving scores prompts on a quarter of the images first, then on a half, then on all."""

Watch = Callable[[History], None]


class Search:
    """One search over the images of a sample."""

    def __init__(
        self,
        mllm: Mllm,
        objective: Objective,
        images: Sequence[int],
        held_out: Sequence[int],
        wording: PromptTexts,
        settings: SearchSettings,
        watch: Watch | None = None,
    ) -> None:
        """Prepare a search.

        Args:
            mllm: answers.
            objective: judges prompts.
            images: ids that the search uses.
            held_out: ids kept for the choice among the last beam.
            wording: the prompts, for the category and the classes.
            settings: of the search.
            watch: called with the history after every round.
        """
        self._mllm, self._objective = mllm, objective
        self._images, self._held_out = sorted(images), sorted(held_out)
        self._wording, self._settings = wording, settings
        self._watch = watch or (lambda history: None)
        self.history = History()
        self._scores: dict[str, float] = {}
        self._outdated = False

    def run(self) -> History:
        """Search, round by round, and choose."""
        first = PromptRecord(self._wording.initial(), 0)
        self.history.add(first)
        start = RoundRecord(0, beam=[first.id])
        self.history.rounds.append(start)
        self._settle(start)
        self._score(start, [first])
        self._keep(start, [first])
        for number in range(1, self._settings.rounds + 1):
            if number > 1:
                self._settle(self.history.rounds[-1])
            self._round(number)
        self._choose()
        return self.history

    def _round(self, number: int) -> None:
        round_ = RoundRecord(number)
        parents = [self.history.prompts[id_] for id_ in self.history.rounds[-1].beam]
        self.history.rounds.append(round_)
        children = self._expand(round_, parents)
        known_ids = {prompt.id for prompt in self.history.prompts.values()}
        # a prompt made again that had been dropped competes with the score it has
        again = [
            prompt for prompt in children if prompt.id in known_ids and prompt.id in self._scores
        ]
        new = [prompt for prompt in children if self.history.add(prompt)]
        round_.prompts = len(new)
        rescored = self._outdated or "rescored" in self._settings.improvements
        rivals = [*parents, *again] if rescored else []
        scored = self._score(round_, new, rivals)
        self._keep(round_, [*parents, *again, *scored])

    def _expand(self, round_: RoundRecord, parents: list[PromptRecord]) -> list[PromptRecord]:
        """Make new prompts of the beam's."""
        mined = self._objective.mine(
            round_.round, self._stage(round_, "mine"), [parent.text for parent in parents]
        )
        round_.errors_found = sum(map(len, mined.values()))
        reflections = self._reflect(round_, parents, mined)
        children = self._modify(round_, reflections)
        children = self._paraphrase(round_, parents, children)
        return [
            child for parent in parents for child in self._cap_children(round_, parent, children)
        ]

    def _reflect(
        self,
        round_: RoundRecord,
        parents: list[PromptRecord],
        mined: dict[str, list[ErrorShown]],
    ) -> list[Reflection]:
        settings, drafts = self._settings, []
        for parent in parents:
            if not mined[parent.text]:
                round_.notes.append(f"no errors of {parent.id}: nothing to reflect on")
                continue
            for number in range(settings.reflections):
                errors = mined[parent.text]
                key = (settings.seed, "errors", round_.round, parent.text, number)
                places = choose(range(len(errors)), settings.errors_shown, *key)
                drafts.append(Reflection(parent, number, [errors[place] for place in places], ""))
        requests = [
            draft.request(self._wording.reflect(draft.parent.text, draft.texts()), round_.round)
            for draft in drafts
        ]
        reasons = self._generate(round_, "reflect", requests)
        return [
            Reflection(draft.parent, draft.number, draft.errors, reason.strip())
            for draft, reason in zip(drafts, reasons, strict=True)
            if reason is not None and reason.strip()
        ]

    def _modify(self, round_: RoundRecord, reflections: list[Reflection]) -> list[PromptRecord]:
        count = self._settings.prompts_per_reflection
        requests = [
            reflection.request(
                self._wording.modify(
                    reflection.parent.text, reflection.texts(), reflection.reason, count
                ),
                round_.round,
            )
            for reflection in reflections
        ]
        replies = self._generate(round_, "modify", requests)
        children, useless = [], 0
        for reflection, reply in zip(reflections, replies, strict=True):
            texts = rewritten_prompts(reply, self._settings.longest_prompt)
            useless += not texts
            # a reply of thirty prompts does not make the round thirty times as dear
            texts = [text for text in texts if text != reflection.parent.text][:count]
            shown = [
                {"image": str(error.image), "text": text}
                for error, text in zip(reflection.errors, reflection.texts(), strict=True)
            ]
            children += [
                PromptRecord(
                    text, round_.round, reflection.parent.id, "modify", reflection.reason, shown
                )
                for text in texts
            ]
        if useless:
            round_.notes.append(f"{useless} replies without a usable <START> ... <END>")
        return children

    def _paraphrase(
        self, round_: RoundRecord, parents: list[PromptRecord], children: list[PromptRecord]
    ) -> list[PromptRecord]:
        """Add paraphrases of the new prompts and of their parents, as the published code does."""
        sources = [
            (source, parent)
            for parent in parents
            for source in (*(c for c in children if c.parent == parent.id), parent)
            for _ in range(self._settings.paraphrases)
        ]
        if not sources:
            return children
        requests = [
            SearchRequest(self._wording.paraphrase(source.text), (), f"{round_.round} {place}")
            for place, (source, _) in enumerate(sources)
        ]
        replies = self._generate(round_, "paraphrase", requests)
        paraphrases = []
        for (source, parent), reply in zip(sources, replies, strict=True):
            text = paraphrased_prompt(reply, self._settings.longest_prompt)
            if text is not None:
                paraphrases.append(
                    PromptRecord(text, round_.round, parent.id, "paraphrase", source.reason)
                )
        return [*children, *paraphrases]

    def _cap_children(
        self, round_: RoundRecord, parent: PromptRecord, children: list[PromptRecord]
    ) -> list[PromptRecord]:
        """One parent's new prompts, each once, at most ``max_children`` of them at random."""
        distinct: dict[str, PromptRecord] = {}
        for child in children:
            if child.parent == parent.id != child.id:
                distinct.setdefault(child.id, child)
        most = self._settings.max_children
        if most is None:
            return list(distinct.values())
        key = (self._settings.seed, "children", round_.round, parent.text)
        drawn = choose(sorted(distinct), most, *key)
        return [child for child in distinct.values() if child.id in drawn]

    def _score(
        self, round_: RoundRecord, prompts: list[PromptRecord], rivals: Sequence[PromptRecord] = ()
    ) -> list[PromptRecord]:
        """Score new prompts, on all images beside their rivals; returns what was scored on all."""
        left = prompts
        for number, images in enumerate(self._parts(round_) if prompts else [], start=1):
            whole = len(images) == len(self._images)
            if whole:
                left = list({prompt.id: prompt for prompt in (*left, *rivals)}.values())
            name = "score" if whole else f"part_{number}"
            stage = self._stage(round_, name)
            tallies = self._objective.score(
                round_.round, stage, [prompt.text for prompt in left], images
            )
            for prompt in left:
                prompt.scored(round_.round, "search" if whole else "part", tallies[prompt.text])
            self._note_unparsable(round_, tallies)
            ranked = sorted(left, key=lambda prompt: -(tallies[prompt.text].value or 0.0))
            left = ranked if whole else ranked[: max(self._settings.beam, -(-len(ranked) // 2))]
        for prompt in left:
            value = prompt.scores[-1]["value"]
            if value is not None:
                self._scores[prompt.id] = value
        return [prompt for prompt in left if prompt.id in self._scores]

    def _parts(self, round_: RoundRecord) -> list[list[int]]:
        """The images that prompts are scored on, one part after another, the last being all."""
        if "halving" not in self._settings.improvements or round_.round == 0:
            return [self._images]
        count = len(self._images)
        order = choose(self._images, count, self._settings.seed, "parts", round_.round)
        fewest = self._settings.negatives + 1
        sizes = sorted({max(fewest, -(-count // _FIRST_PART)), max(fewest, -(-count // 2)), count})
        return [order[:size] for size in sizes if size <= count]

    def _keep(self, round_: RoundRecord, prompts: list[PromptRecord]) -> None:
        """Keep the best; of equal ones, those made earlier."""
        order = {id_: place for place, id_ in enumerate(self.history.prompts)}
        scored = {prompt.id for prompt in prompts if prompt.id in self._scores}
        ranked = sorted(scored, key=lambda id_: (-self._scores[id_], order[id_]))
        # without any score the search goes on from what it had
        round_.beam = ranked[: self._settings.beam] or [prompt.id for prompt in prompts][:1]
        round_.best = self._scores.get(round_.beam[0])
        self._watch(self.history)

    def _settle(self, round_: RoundRecord) -> None:
        """Tell the objective which prompt is the best one."""
        best = self.history.prompts[round_.beam[0]].text
        self._outdated = self._objective.settle(round_.round, self._stage(round_, "votes"), best)

    def _choose(self) -> None:
        """Choose of the last beam: by the scores it has, or by new ones."""
        last = self.history.rounds[-1]
        beam = [self.history.prompts[id_] for id_ in last.beam]
        if {"fresh_choice", "held_out"} & self._settings.improvements:
            best = self._choose_afresh(last, beam)
            stage = "choice"
        else:
            best, stage = beam[0], "search"
        self.history.chosen = best.id
        scores = [score for score in best.scores if score["stage"] == stage]
        if scores:
            figures = {name: scores[-1][name] for name in ("value", "comparisons")}
            self.history.final = {"stage": stage, **figures}
        self._watch(self.history)

    def _choose_afresh(self, last: RoundRecord, beam: list[PromptRecord]) -> PromptRecord:
        """Score the beam once more; the first prompt stands beside it, and may win.

        The winner's score is the highest of several and flatters it again, so it and the first
        prompt are scored a last time: that is what is reported.
        """
        first = next(iter(self.history.prompts.values()))
        tallies = self._score_afresh(last, "choice", [*beam, first])
        best = max(beam + [first] * (first not in beam), key=lambda prompt: tallies[prompt.id])
        self._score_afresh(last, "final", [best, first])
        return best

    def _score_afresh(
        self, last: RoundRecord, name: str, prompts: list[PromptRecord]
    ) -> dict[str, float]:
        """Score prompts on fresh pairs of the images for it; returns the scores by id."""
        distinct = list({prompt.id: prompt for prompt in prompts}.values())
        images = self._held_out or self._images
        texts = [prompt.text for prompt in distinct]
        tallies = self._objective.choose(self._stage(last, name), texts, images)
        for prompt in distinct:
            prompt.scored(last.round, "choice", tallies[prompt.text])
        return {prompt.id: tallies[prompt.text].value or 0.0 for prompt in distinct}

    def _note_unparsable(self, round_: RoundRecord, tallies: dict[str, Tally]) -> None:
        bad = sum(tally.unparsable for tally in tallies.values())
        compared = sum(tally.comparisons - tally.ties for tally in tallies.values())
        if "three_states" in self._settings.improvements:
            compared += bad
        if bad > 0.05 * max(compared, bad, 1):
            round_.notes.append(f"{bad} of {max(compared, bad)} comparisons could not be read")

    def _stage(self, round_: RoundRecord, name: str) -> str:
        return f"round_{round_.round}_{name}"

    def _generate(
        self, round_: RoundRecord, kind: RequestKind, requests: Sequence[SearchRequest]
    ) -> list[str | None]:
        replies = self._mllm.generate(self._stage(round_, kind), kind, requests)
        missing = sum(reply is None for reply in replies)
        if missing:
            round_.notes.append(f"{missing} of {len(replies)} {kind} questions without an answer")
        return replies
