"""CaSED, a baseline of vocabulary-free recognition: a label is a word of the nearest captions.

captions: file -> CLIP text features, kept in the run.
label: manifest -> fetch -> decode -> CLIP -> nearest captions -> their words -> labels.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from actors import storage
from actors.clip.model import ClipModel, resolve_clip
from actors.labels.cased import CaptionMatrix, CasedLabels
from actors.labels.table import LABELS_SCHEMA
from methods.class_matrix import PLACEHOLDER
from ray_jobs.config import LabelCasedConfig
from ray_jobs.passes.encode_names import encode_names
from ray_jobs.passes.job import Job
from ray_jobs.passes.run_pass import LABEL, Call, Pass
from ray_jobs.passes.steps import Late, clip, decode, fetch, images, in_object_store
from ray_jobs.pipelines.base import LabelMethod
from ray_jobs.runs.captions import Captions, read_captions

_FILE: Final = "captions.npy"


@dataclass(frozen=True)
class CasedInputs:
    """What CaSED works with.

    Attributes:
        clip: the model.
        captions: n of them.
    """

    clip: ClipModel
    captions: Captions
    mllm: None = None
    names: tuple[str, ...] = ()

    def identity(self, config: LabelCasedConfig) -> dict[str, Any]:
        """What decides the rows."""
        return {
            "clip": self.clip.fingerprint,
            "precision": config.precision,
            "captions": self.captions.digest,
            "retrieved": config.retrieved,
            "candidates": config.candidates,
            "alpha": config.alpha,
        }


def resolve_inputs(config: LabelCasedConfig) -> CasedInputs:
    """Read the captions and find the model.

    Raises:
        InputError: one of them cannot work.
    """
    return CasedInputs(resolve_clip(config.clip), read_captions(config.captions))


def passes(config: LabelCasedConfig, inputs: CasedInputs) -> Sequence[Pass | Call]:
    """Encode the captions once, then label."""
    labels = clip(
        CasedLabels,
        inputs.clip,
        captions=Late(lambda job: in_object_store(_kept(job, inputs))),
        retrieved=config.retrieved,
        alpha=config.alpha,
        whole=config.candidates == "lines",
        method=config.method,
    )
    return [
        Call("captions", lambda job: _encode(job, config, inputs)),
        Pass(LABEL, images() >> fetch() >> decode(inputs.clip.preprocessing) >> labels),
    ]


def _encode(job: Job, config: LabelCasedConfig, inputs: CasedInputs) -> None:
    """Encode the captions in a task of its own, once."""
    uri = storage.join(job.run.uri, _FILE)
    if storage.exists(uri):
        return
    arguments = config, inputs.clip, inputs.captions.texts, (PLACEHOLDER,), job.capacity
    matrix, _ = encode_names(*arguments)
    written = io.BytesIO()
    np.save(written, matrix, allow_pickle=False)
    storage.write_bytes(uri, written.getvalue())


def _kept(job: Job, inputs: CasedInputs) -> CaptionMatrix:
    kept = io.BytesIO(storage.read_bytes(storage.join(job.run.uri, _FILE)))
    return CaptionMatrix(inputs.captions.texts, np.load(kept, allow_pickle=False))


METHOD = LabelMethod(name="cased", columns=LABELS_SCHEMA, resolve=resolve_inputs, passes=passes)
