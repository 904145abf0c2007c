"""The file of weights: which one of a folder, and why one cannot be read."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Final

from methods.errors import InputError

_PREFERRED: Final = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
_SUFFIXES: Final = (".safetensors", ".bin", ".pth")
_EARLIER: Final = (
    "open_clip_model.safetensors",
    "model.safetensors",
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin",
)
_SHARD: Final = re.compile(r"-\d+-of-\d+\.")


def weights_in(folder: Path, what: str) -> Path:
    """Choose the weights of a folder: the file that open_clip would load, else its one ``*.pt``.

    Args:
        folder: which holds them.
        what: the flag and the name that mean the folder, for messages.

    Raises:
        InputError: there are none, or it cannot be told which.
    """
    found = sorted(path for path in folder.iterdir() if path.is_file())
    for name in _PREFERRED:
        if (folder / name) in found:
            return folder / name
    # as open_clip orders them: safetensors first, then by name
    others = [path for path in found if path.suffix in _SUFFIXES]
    for path in sorted(others, key=lambda each: each.suffix != _SUFFIXES[0]):
        if _SHARD.search(path.name):
            raise InputError(
                f"{what}: its weights are in several files ({path.name}, ...); "
                f"save them as one, {_PREFERRED[0]}"
            )
        return path
    checkpoints = [path for path in found if path.suffix == ".pt"]
    if len(checkpoints) == 1:
        return checkpoints[0]
    if checkpoints:
        names = ", ".join(path.name for path in checkpoints[:4])
        raise InputError(
            f"{what}: {folder} holds several checkpoints ({names}); keep the one to use in a "
            "folder of its own, with open_clip_config.json"
        )
    raise InputError(
        f"{what}: {folder} holds no weights; expected {_PREFERRED[0]} or another file of weights "
        "(*.safetensors, *.bin, *.pth, *.pt)"
    )


def is_what_earlier_versions_hashed(path: Path) -> bool:
    """Say whether earlier versions took this file for the weights of its folder, as open_clip.

    They hashed the first of four names, and open_clip loaded by an order of its own. Where a folder
    holds this file alone, or the one that comes first in both, the two were one.
    """
    others = [p for p in path.parent.iterdir() if p.suffix in (*_SUFFIXES, ".pt") and p != path]
    return path.name in _EARLIER and (path.name == _EARLIER[0] or not others)


def check_archive(path: Path, what: str) -> None:
    """Refuse TorchScript archives, such as OpenAI's own files: they hold code.

    Raises:
        InputError: the file is one.
    """
    if path.suffix == ".safetensors" or not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.partition("/")[2].startswith("code/") for name in names):
        raise InputError(
            f"{what}: {path.name} is a TorchScript archive, which holds code; give a file of "
            "weights alone (OpenAI's models are there by tag, such as ViT-B-32/openai)"
        )


def unreadable(what: str, path: Path, error: Exception) -> InputError:
    """Say in a sentence why weights cannot be loaded.

    Args:
        what: the flag and the name of the model.
        path: of the weights.
        error: of torch, safetensors or open_clip.
    """
    text = " ".join(str(error).split())
    if "weights_only" in text or "Weights only load failed" in text:
        return InputError(
            f"{what}: {path.name} holds pickled objects besides weights, which could run code; "
            "save its state_dict alone, best as safetensors"
        )
    if "loading state_dict" in text:
        missing, unexpected = (_keys(text, kind) for kind in ("Missing", "Unexpected"))
        shapes = len(re.findall(r"size mismatch for", text))
        counts = [
            f"{len(missing)} parameters are missing (first {missing[0]})" if missing else "",
            f"{len(unexpected)} have no place (first {unexpected[0]})" if unexpected else "",
            f"{shapes} have another shape" if shapes else "",
        ]
        told = ", ".join(count for count in counts if count) or text[-200:]
        return InputError(
            f"{what}: its weights cannot be loaded: {path.name} does not fit the architecture in "
            f"open_clip_config.json: {told}"
        )
    return InputError(f"{what}: its weights cannot be loaded: {path.name}: {text[:300]}")


def _keys(text: str, kind: str) -> list[str]:
    found = re.search(rf"{kind} key\(s\) in state_dict: (.*?)\.(?: |$)(?=[A-Z]|\s*size|\s*$)", text)
    return re.findall(r'"([^"]+)"', found.group(1)) if found else []
