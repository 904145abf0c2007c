"""A LoRA adapter in peft's format: what it is, and whether it is one of the model it is given with.

``adapter_config.json`` says its rank, ``adapter_model.safetensors`` holds two thin matrices for
each module that it changes. vLLM copies them into room that it keeps for the model's own shapes: a
matrix that is too small fits as well, and gives answers of no model. So shapes are compared here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from actors.hub import folder_of, not_from_hub
from actors.mllm.model_files import files_fingerprint, read_json
from actors.revisions import find_commit, parse_hub_name
from methods.errors import InputError

_CONFIG: Final = "adapter_config.json"
_WEIGHTS: Final = ("adapter_model.safetensors", "adapter_model.bin", "adapter_model.pt")
_HOLDS: Final = f"a folder that holds {_CONFIG} and {_WEIGHTS[0]}"
_RANKS: Final = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks that vLLM keeps room for."""
_TOWER: Final = re.compile(
    r"vision|visual|image|\bvit\b|projector|connector|merger|aligner|resampler|perceiver"
)
"""In names of modules that are not the language model's."""
_SAME_EVERYWHERE: Final = frozenset({"base_model", "model", "language_model", "text_model"})
"""Parts of a module's name in which checkpoints of one model differ."""
_FLOATS: Final = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})

Shape = tuple[int, int]


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter, resolved.

    Attributes:
        name: as the user wrote it.
        source: its folder, or its repository of the hub.
        fingerprint: of its files, or repository and commit.
        max_rank: the smallest rank of vLLM's that has room for it.
        tower: whether it changes modules beside the language model's.
        revision: commit of a hub adapter, else empty.
    """

    name: str
    source: str
    fingerprint: str
    max_rank: int
    tower: bool
    revision: str = ""

    def folder(self) -> str:
        """Find its folder on this node; a hub adapter comes from the cache, or the hub."""
        if not self.revision:
            return self.source
        from huggingface_hub import snapshot_download

        return snapshot_download(self.source, revision=self.revision)


def resolve_adapter(flag: str, whole: str, name: str, model: Path | None) -> Adapter:
    """Find the adapter that ``name`` means, and check what can be checked before a model is loaded.

    Args:
        flag: which gave the name, for messages.
        whole: what the user wrote, model and adapter.
        name: of the adapter: a folder, or ``ORG/ADAPTER[@REVISION]`` of the hub.
        model: folder of the model that it is given with, None where it is not on this machine.

    Raises:
        InputError: no such adapter, one that vLLM cannot use, or one of another model.
    """
    folder, revision = folder_of(name), ""
    wanted = parse_hub_name(name)
    if folder is None and wanted is None:
        raise InputError(f"{flag} {whole}: no such folder as the adapter {name}; give {_HOLDS}")
    if folder is None and wanted is not None:
        from huggingface_hub import snapshot_download

        commit = find_commit(flag, whole, wanted, (_CONFIG,), _HOLDS)
        revision = commit.commit
        try:
            folder = Path(snapshot_download(wanted.repository, revision=revision))
        except Exception as error:  # the hub client raises many kinds
            missing = f"the adapter {name} is not in the cache"
            raise not_from_hub(flag, whole, error, _HOLDS, missing) from error
        source, fingerprint = wanted.repository, f"hub:{wanted.repository}@{revision}"
    else:
        assert folder is not None
        folder = folder.resolve()
        source, fingerprint = str(folder), files_fingerprint(folder)
    what = f"{flag} {whole}: the adapter {name}"
    rank = _read_rank(flag, whole, what, folder)
    shapes = _shapes(folder, what)
    if model is not None:
        _check_fits(what, shapes, _model_shapes(model))
    tower = any(_TOWER.search(module) for module in shapes)
    return Adapter(name, source, fingerprint, rank, tower, revision)


def check_fits(flag: str, whole: str, adapter: Adapter, model: Path) -> None:
    """Check an adapter against a model whose weights have come to this machine meanwhile.

    Raises:
        InputError: it is one of another model.
    """
    what = f"{flag} {whole}: the adapter {adapter.name}"
    _check_fits(what, _shapes(Path(adapter.folder()), what), _model_shapes(model))


def _read_rank(flag: str, whole: str, what: str, folder: Path) -> int:
    """The rank that vLLM has to keep room for."""
    if not (folder / _CONFIG).is_file():
        raise InputError(f"{what} holds no {_CONFIG}; give {_HOLDS}")
    config = read_json(flag, whole, folder / _CONFIG)
    if not any((folder / file).is_file() for file in _WEIGHTS):
        raise InputError(f"{what} holds no weights; expected {_WEIGHTS[0]}")
    kind = config.get("peft_type", "LORA")
    if kind != "LORA":
        raise InputError(f"{what} is one of {kind}; vLLM knows LORA")
    for setting, plain in (("use_dora", False), ("bias", "none"), ("modules_to_save", None)):
        if (found := config.get(setting)) and found != plain:
            raise InputError(
                f"{what} has {setting} {found}, which vLLM does not apply; merge it into the "
                "model's weights and give that folder"
            )
    ranks = [config.get("r"), *(config.get("rank_pattern") or {}).values()]
    if not all(isinstance(rank, int) and rank > 0 for rank in ranks):
        raise InputError(f"{what} has the rank {ranks[0]!r} in {_CONFIG}; it is a positive number")
    room = next((each for each in _RANKS if each >= max(ranks)), None)
    if room is None:
        raise InputError(
            f"{what} has rank {max(ranks)}, vLLM takes {_RANKS[-1]} at most; merge it into the "
            "model's weights and give that folder"
        )
    return room


def _shapes(folder: Path, what: str) -> dict[str, Shape]:
    """Numbers out of and into each module that an adapter changes, by name.

    None of a pickle, which is not read.
    """
    path = folder / _WEIGHTS[0]
    if not path.is_file():
        return {}
    found: dict[str, Shape] = {}
    try:
        tensors = {name: shape for name, shape, _ in _tensors(path)}
    except Exception as error:  # safetensors raises a kind of its own
        raise InputError(f"{what}: {path} cannot be read ({error})") from error
    for name, shape in tensors.items():
        module, half, _ = name.partition(".lora_A.")
        other = tensors.get(f"{module}.lora_B.weight")
        if half and other and len(shape) == len(other) == 2:
            found[_plain(module)] = (other[0], shape[1])
    return found


def _model_shapes(folder: Path) -> dict[str, Shape | None]:
    """The same of a model's modules; None where a module is quantized, or no matrix."""
    found: dict[str, Shape | None] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            for name, shape, kind in _tensors(path):
                module, _, part = name.rpartition(".")
                if part == "weight" and len(shape) == 2 and kind in _FLOATS:
                    found[_plain(module)] = (shape[0], shape[1])
                else:
                    found.setdefault(_plain(module))
        except Exception:  # of a model that cannot be read, its engine says more
            return {}
    return found


def _tensors(path: Path) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Name, shape and type of each tensor of a file; the tensors themselves are not read."""
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        for name in file.keys():  # noqa: SIM118 (a file is no mapping)
            view = file.get_slice(name)
            yield name, tuple(view.get_shape()), str(view.get_dtype())


def _check_fits(what: str, adapter: Mapping[str, Shape], model: Mapping[str, Shape | None]) -> None:
    """Refuse an adapter of another model, as far as names and shapes tell."""
    if not adapter or not model:
        return
    kinds = {_any_layer(module) for module in model}
    if not any(_any_layer(module) in kinds for module in adapter):
        raise InputError(
            f"{what} is one of another model: there is no {next(iter(adapter))} in this one"
        )
    for module, shape in adapter.items():
        if module not in model and _any_layer(module) in kinds:
            raise InputError(f"{what} is one of another model: there is no {module} in this one")
        theirs = model.get(module)
        if theirs is not None and theirs != shape:
            raise InputError(
                f"{what} is one of another model: its {module} is for {_by(shape)}, the model's "
                f"is {_by(theirs)}"
            )


def _plain(module: str) -> str:
    """A module's name without the parts in which checkpoints of one model differ."""
    return ".".join(part for part in module.split(".") if part not in _SAME_EVERYWHERE)


def _any_layer(module: str) -> str:
    return re.sub(r"\.\d+(?=\.)", ".*", f".{module}")


def _by(shape: Shape) -> str:
    return f"{shape[0]} x {shape[1]}"


def engine_arguments_of(adapter: Adapter) -> dict[str, Any]:
    """Engine arguments of vLLM that an adapter needs."""
    tower = {"enable_tower_connector_lora": True} if adapter.tower else {}
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": adapter.max_rank, **tower}
