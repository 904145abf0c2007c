"""What a fit of NeaR works with, checked before Ray or a model starts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import xxhash

from actors.clip.model import ClipModel, resolve_clip
from actors.embedding_store import EmbeddingStore
from actors.mllm.model import MllmModel, resolve_mllm
from methods.discovered_names import read_names
from methods.errors import InputError
from methods.near.settings import NearTrainSettings
from ray_jobs.config import FitNearConfig, settings_from
from ray_jobs.passes.mllm_settings import engine_options
from ray_jobs.passes.read_images import reading_identity
from ray_jobs.passes.stored import store_identity, store_of
from ray_jobs.pipelines.name_query import NameReader, resolve_name_reader
from ray_jobs.pipelines.near.sample_names import samplings
from ray_jobs.runs.text_files import read_text


@dataclass(frozen=True)
class NearInputs:
    """What a fit works with.

    Attributes:
        clip, mllm: the models.
        reader: what the MLLM is asked, and how a name is read.
        merges: a person's decisions, from a name's key to the name to use; empty without any.
        settings: of training.
        context: learned tokens: how many random ones, or words to start from.
        store: of features of images; None without one.
    """

    clip: ClipModel
    mllm: MllmModel
    reader: NameReader
    merges: dict[str, str]
    settings: NearTrainSettings
    context: int | str
    store: EmbeddingStore | None = None
    names: tuple[str, ...] = ()

    def identity(self, config: FitNearConfig) -> dict[str, Any]:
        """What decides the classifier."""
        engine = engine_options(config)
        asked = [
            self.reader.query(config, how).cache_identity(self.mllm, engine)
            for how in samplings(config)
        ]
        decided = repr(sorted(self.merges.items())).encode()
        return {
            **reading_identity(config),
            "clip": self.clip.fingerprint,
            "precision": config.precision,
            **store_identity(self.store),
            "sample": config.sample,
            "spread": config.spread,
            "seed": config.seed,
            "category": self.reader.category,
            "questions": asked,
            "names": xxhash.xxh3_64_hexdigest(decided) if self.merges else None,
            "merge_similarity": config.merge_similarity,
            "label_filter": config.label_filter,
            "neighbours": config.neighbours,
            "context": self.context,
            "training": asdict(self.settings),
        }


def resolve_inputs(config: FitNearConfig) -> NearInputs:
    """Read the files and find the models that the settings name.

    Raises:
        InputError: one of them cannot work.
    """
    clip, mllm = resolve_clip(config.clip), resolve_mllm(config.mllm)
    return NearInputs(
        clip=clip,
        store=store_of(config, clip),
        mllm=mllm,
        reader=resolve_name_reader(config, mllm),
        merges=_decisions(config.names) if config.names is not None else {},
        settings=settings_from(config, NearTrainSettings),
        context=int(config.context) if config.context.isdigit() else config.context,
    )


def _decisions(path: str) -> dict[str, str]:
    text = read_text("--names", path, hint="a fit writes one, names.csv")
    try:
        return read_names(text)
    except InputError as error:
        raise InputError(f"--names {path}: {error}") from error
