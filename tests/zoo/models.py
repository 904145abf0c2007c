"""Every model of the zoo by its name, and the folder of one, written once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.zoo.families import gemma, glm, internvl, llava, minicpm, mistral, qwen_vl, smol
from tests.zoo.folder import ZooModel

FAMILIES = (qwen_vl, gemma, smol, internvl, glm, llava, mistral, minicpm)

ZOO: dict[str, ZooModel] = {model.name: model for family in FAMILIES for model in family.MODELS}


def folder_of(name: str, cache: Path) -> Path:
    """The folder of a model below ``cache``; it is there whole or not at all."""
    folder = cache / name
    if not folder.is_dir():
        unfinished = cache / f".{name}.{os.getpid()}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        ZOO[name].write(unfinished)
        unfinished.rename(folder)
    return folder
