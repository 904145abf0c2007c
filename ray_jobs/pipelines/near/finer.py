"""FineR, a baseline of NeaR: attributes of a sample, names guessed from them, a vote by CLIP.

features: sample -> CLIP -> stage table.  describe: sample -> MLLM -> stage table.
guess: distinct descriptions -> MLLM, text alone -> stage table.
Names, their text features and the images' votes make the classifier.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from actors import storage
from actors.classifier_store import save_classifier
from actors.clip.model import ClipModel, resolve_clip
from actors.embedding_store import EmbeddingStore
from actors.mllm.model import MllmModel, resolve_mllm
from actors.mllm.prompts import FilledPrompt, ImagePrompt
from actors.mllm.query import Query
from actors.mllm.responses import response_text
from actors.stage import stage
from methods.answers import AnswerError
from methods.class_matrix import PLACEHOLDER
from methods.classifier import Classifier
from methods.discovered_names import build_vocabulary, write_names
from methods.errors import InputError
from methods.near.finer import guessed_names, voted_matrix
from ray_jobs.config import FitFinerConfig
from ray_jobs.passes.encode_names import encode_names
from ray_jobs.passes.fit_job import fit_job
from ray_jobs.passes.generate import cached, generate
from ray_jobs.passes.job import Job
from ray_jobs.passes.mllm_settings import engine_options, image_query, sampling
from ray_jobs.passes.read_images import reading_identity
from ray_jobs.passes.run_pass import Pass, run_pass
from ray_jobs.passes.steps import distinct, fetch, images, rows, table
from ray_jobs.passes.stored import store_identity, store_of
from ray_jobs.pipelines.base import FitMethod
from ray_jobs.pipelines.near.features import compute_features
from ray_jobs.runs.builtin_models import warn_of_found_names
from ray_jobs.runs.folder import RunFolder, versions
from ray_jobs.runs.ledger import batches_of
from ray_jobs.runs.prompts import read_prompt
from ray_jobs.runs.stage_tables import stage_table
from ray_jobs.runs.subsample import draw_sample

METHOD: Final = "finer"
DESCRIBE, GUESS = "describe", "guess"
_NAMES: Final = "names.csv"


@dataclass(frozen=True)
class FinerInputs:
    """What a fit works with.

    Attributes:
        clip, mllm: the models.
        describe, guess: what is asked of an image, and of what was said of it.
        store: of features of images; None without one.
    """

    clip: ClipModel
    mllm: MllmModel
    describe: Query
    guess: Query
    store: EmbeddingStore | None = None
    names: tuple[str, ...] = ()

    def identity(self, config: FitFinerConfig) -> dict[str, Any]:
        """What decides the classifier."""
        engine = engine_options(config)
        return {
            **reading_identity(config),
            "clip": self.clip.fingerprint,
            "precision": config.precision,
            **store_identity(self.store),
            **{name: getattr(config, name) for name in ("sample", "seed", "guesses", "alpha")},
            "category": config.category,
            **{q.name: q.cache_identity(self.mllm, engine) for q in (self.describe, self.guess)},
        }


def resolve_inputs(config: FitFinerConfig) -> FinerInputs:
    """Read the prompts and find the models.

    Raises:
        InputError: one of them cannot work.
    """
    known = {"category": config.category, "unit": config.unit}
    text = read_prompt(METHOD, DESCRIBE, config.describe_prompt, (), tuple(known))
    optional = (*known, "count")
    asked = read_prompt(METHOD, GUESS, config.guess_prompt, ("description",), optional)
    guess = FilledPrompt(asked, "description", {**known, "count": str(config.guesses)})
    how = sampling(config, temperature=config.guess_temperature)
    describe = image_query(config, DESCRIBE, ImagePrompt(text.fill(**known)), sampling(config))
    clip, mllm = resolve_clip(config.clip), resolve_mllm(config.mllm)
    return FinerInputs(clip, mllm, describe, Query(GUESS, guess, how), store_of(config, clip))


def learn(job: Job, inputs: FinerInputs) -> dict[str, Any]:
    """Encode, describe, guess, vote, keep the classifier.

    Raises:
        InputError: no image can be read, or nothing is named.
    """
    config, describe, guess = job.settings(FitFinerConfig), inputs.describe, inputs.guess
    features = compute_features(job, inputs.clip, None, inputs.store)
    with job.mllm_pool():
        said = images() >> fetch() >> cached("bytes", describe) >> generate(describe)
        run_pass(job, Pass(DESCRIBE, said))
        texts = table(DESCRIBE, [DESCRIBE]) >> rows(keep_descriptions, keeps_images=False)
        known = texts >> distinct("description") >> cached("description", guess)
        run_pass(job, Pass(GUESS, known >> generate(guess, images=False)))
    names, unusable = _guessed(job, config)
    vocabulary, _ = build_vocabulary(names)
    if not vocabulary.keys or not len(features.ids):
        why = ", ".join(f"{count} {code}" for code, count in unusable.most_common()) or "no image"
        raise InputError(
            f"no name was guessed ({why}); try another --mllm, --category or --unit, or prompts"
        )
    warn_of_found_names(inputs.clip, inputs.mllm, vocabulary.forms)
    plain = (PLACEHOLDER,)  # names as they are, as in the code
    texts_, record = encode_names(config, inputs.clip, vocabulary.forms, plain, job.capacity)
    kept, matrix = voted_matrix(features.matrix, texts_, config.alpha)
    storage.write_bytes(storage.join(job.run.uri, _NAMES), write_names(names).encode())
    counts = {
        "sample": len(features.ids),
        "errors": dict(sorted(Counter(features.errors.values()).items())),
        "unusable": dict(sorted(unusable.items())),
        "guessed": len(vocabulary.keys),
        "names": len(kept),
    }
    classifier = Classifier(
        labels=tuple(vocabulary.forms[at] for at in kept),
        matrix=matrix,
        clip=record,
        method=METHOD,
        logit_scale=record["logit_scale"],
        logit_bias=record.get("logit_bias"),
        made={"config": config.public(), "sample": counts, "versions": versions()},
    )
    save_classifier(classifier, job.run.uri)
    return counts


@stage("clean", ("description",))
def keep_descriptions(batch: pa.Table) -> pa.Table:
    """The usable descriptions of a batch, one column ``description``."""
    found = []
    for said in batch.column(DESCRIBE).to_pylist():
        try:
            found.append(response_text(said, cut_counts=True))
        except AnswerError:
            continue
    return pa.table({"description": pa.array(found, pa.string())})


def _guessed(job: Job, config: FitFinerConfig) -> tuple[list[str | None], Counter[str]]:
    """All names that were guessed, and the codes of answers without one."""
    names: list[str | None] = []
    unusable: Counter[str] = Counter()
    for batch in batches_of(stage_table(job.run, GUESS), (GUESS,)):
        for said in batch.column(GUESS).to_pylist():
            try:
                text = response_text(said, cut_counts=True)
            except AnswerError as error:
                unusable[error.code] += 1
                continue
            own = guessed_names(text, config.category, config.guesses)
            names += own
            unusable["not_a_name"] += not own
    return names, +unusable


def draw(run: RunFolder, config: FitFinerConfig) -> None:
    """Draw the sample from the listing; no image is read."""
    draw_sample(run, config, config.sample)


def result(run: RunFolder, inputs: FinerInputs) -> dict[str, Any]:
    """What the verb returns."""
    kept = ("images", "sample", "errors", "guessed", "names", "mllm_calls", "answers_reused")
    return {
        "classifier": run.uri,
        "method": METHOD,
        "labels": run.record["names"],
        "clip": inputs.clip.name,
        **{key: run.record[key] for key in kept},
    }


FIT = FitMethod(METHOD, resolve_inputs, learn, result, draw)


def fit(config: FitFinerConfig) -> dict[str, Any]:
    """Make a classifier and write its folder; an interrupted fit goes on where it was.

    Raises:
        InputError: the archive, a model, a prompt or the folder cannot work, or nothing is named.
    """
    return fit_job(FIT, config)
