"""Sentence embeddings of names: any model that sentence-transformers loads.

Names of models: one of the hub (``all-mpnet-base-v2``, ``ORG/MODEL``; without an organisation it is
``sentence-transformers``' own), or a folder that sentence-transformers has saved. The package is
imported when a model is loaded: nothing else needs it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from actors.hub import (
    first_line,
    folder_of,
    looks_like_a_path,
    not_from_hub,
    stay_offline_without_a_hub,
)
from methods.errors import InputError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger(f"onoma.{__name__}")

_MODULES: Final = "modules.json"  # what every folder of sentence-transformers holds
_OWN: Final = "sentence-transformers"
_HUB_ANSWERS_S: Final = 5.0
_BATCH: Final = 64
_HOLDS: Final = "a folder saved by sentence-transformers"
_FOLDER_ADVICE: Final = f"give {_HOLDS} ({_MODULES} and the weights)"
_INSTALL_ADVICE: Final = (
    "install it with uv sync --extra sentences (on a GPU machine with --extra gpu --no-dev as well)"
)


class SentenceEncoder:
    """A sentence-transformers model; embeddings are float32, L2-normalised, on the CPU.

    Attributes:
        name: the model, as the user wrote it.
    """

    def __init__(self, name: str, *, device: str | None = None, flag: str = "--sentences") -> None:
        """Load the model; one of the hub is downloaded to the cache unless it is there.

        Args:
            name: a model of the hub or a folder.
            device: a torch device; by default the first GPU visible, else the CPU.
            flag: which gave the name, for messages.

        Raises:
            InputError: sentence-transformers is not installed, there is no such folder, it holds no
                model that can be loaded, or the hub does not give the model.
        """
        self.name = name
        self._device, self._flag = device, flag
        if find_spec("sentence_transformers") is None:
            raise InputError(
                f"{flag} {name}: sentence-transformers is not installed; {_INSTALL_ADVICE}"
            )
        folder = folder_of(name)
        if folder is not None:
            self._model = self._from_folder(folder)
        elif looks_like_a_path(name) or name.count("/") > 1:
            raise InputError(f"{flag} {name}: no such folder; {_FOLDER_ADVICE}")
        else:
            self._model = self._from_hub(name if "/" in name else f"{_OWN}/{name}")
        logger.debug("sentence model %s on %s", name, self._model.device)

    def encode(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return unit embeddings of names, without any prompt around them.

        Args:
            names: n names, at least one.

        Returns:
            float32 (n, D), rows of unit length; a name of which the model knows no token at all may
            give a row of zeros, which is unlike every name.
        """
        embeddings = self._model.encode(
            list(names),
            prompt="",  # a model's own default prompt would stand before every name
            batch_size=_BATCH,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        rows = np.asarray(embeddings, dtype=np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)

    def _from_folder(self, folder: Path) -> SentenceTransformer:
        if not (folder / _MODULES).is_file():
            raise InputError(
                f"{self._flag} {self.name}: {folder} holds no {_MODULES}; {_FOLDER_ADVICE}"
            )
        try:
            return self._load(str(folder), local_files_only=True)
        except Exception as error:  # the library raises whatever its modules do
            raise InputError(
                f"{self._flag} {self.name}: {folder} cannot be loaded ({first_line(error)}); "
                f"{_FOLDER_ADVICE}"
            ) from error

    def _from_hub(self, repository: str) -> SentenceTransformer:
        from huggingface_hub import HfApi, try_to_load_from_cache

        if isinstance(try_to_load_from_cache(repository, _MODULES), str):
            try:
                return self._load(repository, local_files_only=True)
            except Exception:  # as many kinds; the hub has the rest
                logger.debug("the cache holds %s only in part", repository)
        stay_offline_without_a_hub()
        try:
            # one short question first: the library itself asks again and again behind a proxy or a
            # firewall that lets nothing through
            HfApi().model_info(repository, timeout=_HUB_ANSWERS_S)
            logger.info("getting the sentence model %s from the hub", repository)
            return self._load(repository, local_files_only=False)
        except Exception as error:  # the hub client raises many kinds
            raise not_from_hub(self._flag, self.name, error, _HOLDS) from error

    def _load(self, source: str, *, local_files_only: bool) -> SentenceTransformer:
        import torch
        from sentence_transformers import SentenceTransformer

        device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
        with _without_bars():
            return SentenceTransformer(source, device=device, local_files_only=local_files_only)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep transformers and the hub client from drawing bars while a model is loaded."""
    from transformers.utils import logging as transformers_logging

    drawn = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            transformers_logging.enable_progress_bar()
