"""Label an archive: describe each image with the learned prompt, then choose a class."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from actors import storage
from actors.labels.autosep import (
    ABOUT,
    CLASSIFY,
    DESCRIBE,
    DescribedChoicePrompt,
    join_description,
    label_by_choice,
)
from actors.mllm.generate import ImagePrompt
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.request import Sampling
from methods.autosep.prompts import PromptTexts
from methods.errors import InputError
from methods.prompt import Prompt
from ray_jobs.config import LabelAutosepConfig
from ray_jobs.passes.generate import FollowUp, PassQuery, generate_for_images
from ray_jobs.passes.label_job import LABEL, label_archive
from ray_jobs.passes.mllm_pool import mllm_replicas, size_mllm_pool
from ray_jobs.passes.session import Capacity, pass_settings
from ray_jobs.pipelines.autosep.inputs import METHOD, PROMPT, make_wording
from ray_jobs.runs.class_names import say_what_the_mllm_knows
from ray_jobs.runs.folder import RunFolder
from ray_jobs.runs.stage_tables import read_stage, stage_table
from ray_jobs.runs.usage import count_usage

ANSWERS = "answers"
"""Name of the stage that asks about images."""

_CATEGORY = "object"


@dataclass(frozen=True)
class LabelInputs:
    """What a labelling run works with.

    Attributes:
        mllm: the model.
        wording: the prompts, with the category and the classes.
        prompt: that descriptions are asked for with; None where the class is asked for at once.
    """

    mllm: MllmModel
    wording: PromptTexts
    prompt: str | None

    def first(self, config: LabelAutosepConfig) -> list[PassQuery]:
        """What is asked about each image: a description, or votes for a class."""
        if self.prompt is not None:
            sampling = Sampling(config.max_tokens, config.temperature, config.top_p, config.seed)
            return [self._asked(config, DESCRIBE, self.prompt, sampling)]
        several = config.votes > 1
        temperature = config.vote_temperature if several else 0.0
        drawn = Sampling(config.answer_tokens, temperature, config.top_p, config.seed)
        return [
            self._asked(
                config, f"{CLASSIFY}_{vote}", self.wording.vanilla(),
                replace(drawn, seed=drawn.seed * config.votes + vote),
            )
            for vote in range(config.votes)
        ]  # fmt: skip

    def then(self, config: LabelAutosepConfig) -> FollowUp | None:
        """What is asked when there is a description."""
        if self.prompt is None:
            return None
        sampling = Sampling(config.answer_tokens)
        identity = self._identity(config, self.wording.prompts[CLASSIFY].text, sampling)
        identity |= {
            "category": self.wording.category,
            "classes": list(self.wording.classes),
            "after": self.prompt,
        }
        asked = PassQuery(CLASSIFY, DescribedChoicePrompt(self.wording, sampling), identity)
        return FollowUp(asked, join_description, ABOUT)

    def _asked(
        self, config: LabelAutosepConfig, name: str, text: str, sampling: Sampling
    ) -> PassQuery:
        return PassQuery(name, ImagePrompt(text, sampling), self._identity(config, text, sampling))

    def _identity(
        self, config: LabelAutosepConfig, text: str, sampling: Sampling
    ) -> dict[str, Any]:
        return {
            "model": self.mllm.fingerprint,
            "prompt": text,
            "sampling": sampling.identity(),
            "max_side": config.max_side,
        }


def label(config: LabelAutosepConfig) -> dict[str, Any]:
    """Label an archive; returns the content of ``run.json``.

    Raises:
        InputError: the classes, a prompt, the model, the archive or the folder cannot work.
    """
    inputs = resolve_label_inputs(config)
    say_what_the_mllm_knows(inputs.mllm.name, inputs.wording.classes)
    then = inputs.then(config)
    identity = {
        "method": METHOD,
        "classes": list(inputs.wording.classes),
        "reading": config.reading,
        **{each.name: dict(each.identity) for each in inputs.first(config)},
        **({CLASSIFY: dict(then.asked.identity)} if then else {}),
    }

    def work(run: RunFolder, capacity: Capacity) -> None:
        run_stages(run, config, inputs, capacity)

    return label_archive(config, identity, work, asking=ANSWERS)


def run_stages(
    run: RunFolder, config: LabelAutosepConfig, inputs: LabelInputs, capacity: Capacity
) -> None:
    """Ask, then read the answers; each resumes."""
    first, then = inputs.first(config), inputs.then(config)
    asks = [each.name for each in first]
    with (
        mllm_replicas(inputs.mllm, size_mllm_pool(config, inputs.mllm, capacity)) as replicas,
        run.timed(ANSWERS),
    ):
        generate_for_images(run, config, ANSWERS, first, replicas, then=then)
    with run.timed(LABEL):
        label_pass(run, config, inputs, asks if then is None else [CLASSIFY])
    used = count_usage(run, {ANSWERS: asks if then is None else [*asks, CLASSIFY]})
    run.save(prompt=inputs.prompt, **used.record())


def label_pass(
    run: RunFolder, config: LabelAutosepConfig, inputs: LabelInputs, asks: list[str]
) -> None:
    """Read what was chosen and write ``labels/``, finished images aside."""
    from ray.data import SaveMode

    filesystem, labels = storage.resolve(run.labels)
    with pass_settings(run.checkpoint(LABEL)):
        read_stage(stage_table(run, ANSWERS)).map_batches(
            label_by_choice,
            batch_format="pyarrow",
            fn_kwargs={
                "names": inputs.wording.classes,
                "asks": asks,
                "method": METHOD,
                "reading": config.reading,
            },
        ).write_parquet(labels, filesystem=filesystem, mode=SaveMode.APPEND)


def resolve_label_inputs(config: LabelAutosepConfig) -> LabelInputs:
    """Read the files and find the model that the settings name.

    Raises:
        InputError: one of them cannot work, or settings contradict each other.
    """
    if config.votes > 1 and config.description:
        raise InputError("--votes is for --no-description: a described image is classified once")
    if config.prompt is not None and not config.description:
        raise InputError("--prompt and --no-description contradict each other; give one of them")
    learned = read_learned(config.prompt) if config.prompt is not None else {}
    category = config.category or learned.get("category", _CATEGORY)
    wording = make_wording(config, category)
    if config.reading == "published" and len(wording.classes) != 3:
        raise InputError("--reading published is for three classes, as in the published code")
    prompt = learned.get("prompt") or wording.initial()
    return LabelInputs(resolve_mllm(config.mllm), wording, prompt if config.description else None)


def read_learned(path: str) -> dict[str, Any]:
    """Read a learned prompt: from the folder of a fit, or from a text file that holds one.

    Raises:
        InputError: neither.
    """
    file = storage.join(storage.absolute(path), PROMPT)
    try:
        if storage.exists(file):
            return dict(json.loads(storage.read_bytes(file)))
        text = storage.read_bytes(path).decode("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"--prompt {path}: neither a folder made by fit autosep (with {PROMPT}) nor a UTF-8 "
            f"text file with a prompt ({reason})"
        ) from error
    if not text:
        raise InputError(f"--prompt {path} holds no prompt; write what the model is to be asked")
    return {"prompt": Prompt(text).text}
