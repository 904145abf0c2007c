"""Which CLIP model a name means, without loading its weights.

Names: ``fieldguide`` (the small model that comes with the project), an open_clip name with its
pretrained tag (``ViT-L-14/openai``), ``hf-hub:org/repo``, or a folder holding
``open_clip_config.json`` and its weights. Whatever can be wrong with a name is found here, before
Ray or a model starts.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from actors.compat.open_clip import hub_file
from actors.hub import (
    FIELD_GUIDE as FIELD_GUIDE,
)
from actors.hub import (
    folder_of,
    hash_file,
    looks_like_a_path,
    not_from_hub,
    read_config,
    stay_offline_without_a_hub,
)
from actors.images.decode import Preprocessing
from methods.errors import InputError

_CONFIG: Final = "open_clip_config.json"
_WEIGHTS: Final = (
    "open_clip_model.safetensors",
    "model.safetensors",
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin",
)
_CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)
_HOLDS: Final = f"a folder that holds {_CONFIG} and the weights"


@dataclass(frozen=True)
class ClipModel:
    """One CLIP model, resolved: what to pass to open_clip, and what a classifier must agree with.

    Attributes:
        name: as the user wrote it.
        open_clip_name: ``model_name`` for ``open_clip.create_model``.
        pretrained: tag for ``open_clip.create_model``, or None where the name says it all.
        quick_gelu: whether the weights were trained with QuickGELU.
        fingerprint: identity of architecture and weights; equal for a copy in another folder.
        embed_dim: width D of the joint space.
        preprocessing: size and resizing, for the decode stage.
        mean, std: per-channel normalisation of pixels in [0, 1].
        hub_text: whether its text tower is one of transformers.
    """

    name: str
    open_clip_name: str
    pretrained: str | None
    quick_gelu: bool
    fingerprint: str
    embed_dim: int
    preprocessing: Preprocessing
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    hub_text: bool = False

    def record(self) -> dict[str, Any]:
        """What a classifier keeps of the model it was made for."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "embed_dim": self.embed_dim,
            "preprocessing": asdict(self.preprocessing),
            "mean": list(self.mean),
            "std": list(self.std),
        }


def resolve_clip(name: str, flag: str = "--clip") -> ClipModel:
    """Find the model that ``name`` means; a hub model's weights are downloaded to the cache.

    Args:
        name: as the module says.
        flag: which gave the name, for messages.

    Raises:
        InputError: no such model, folder or tag, an unusable folder, or no hub in reach.
    """
    if name == FIELD_GUIDE:
        import fieldguide

        return _from_folder(flag, name, Path(fieldguide.CLIP_FOLDER))
    if name.startswith("hf-hub:"):
        return _from_hub(flag, name)
    folder = folder_of(name)
    if folder is not None:
        return _from_folder(flag, name, folder)
    if looks_like_a_path(name):
        raise InputError(f"{flag} {name}: no such folder; it should hold {_CONFIG} and the weights")
    return _from_tag(flag, name)


def _from_folder(flag: str, name: str, folder: Path) -> ClipModel:
    advice = f"give a folder saved by open_clip ({_CONFIG} and {_WEIGHTS[0]})"
    config = read_config(flag, name, folder, _CONFIG, advice)
    weights = next((folder / file for file in _WEIGHTS if (folder / file).is_file()), None)
    if weights is None:
        raise InputError(f"{flag} {name}: {folder} holds no weights; expected {_WEIGHTS[0]}")
    identity = hash_file(str(folder / _CONFIG)) + hash_file(str(weights))
    return _from_config(flag, name, f"local-dir:{folder.resolve()}", config, f"files:{identity}")


def _from_hub(flag: str, name: str) -> ClipModel:
    repository = name.removeprefix("hf-hub:")
    stay_offline_without_a_hub()
    try:
        config_path = hub_file(repository, _CONFIG)
        weights_path = hub_file(repository)
    except Exception as error:  # the hub client raises many kinds
        raise not_from_hub(flag, name, error, _HOLDS) from error
    config = json.loads(Path(config_path).read_text("utf-8"))
    identity = hash_file(config_path) + hash_file(weights_path)
    return _from_config(flag, name, name, config, f"files:{identity}")


def _from_config(
    flag: str, name: str, open_clip_name: str, config: dict[str, Any], identity: str
) -> ClipModel:
    model = config.get("model_cfg")
    if not isinstance(model, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= model.keys():
        raise InputError(
            f"{flag} {name}: its {_CONFIG} has no model_cfg with embed_dim, vision_cfg and text_cfg"
        )
    return ClipModel(
        name=name,
        open_clip_name=open_clip_name,
        pretrained=None,
        quick_gelu=bool(model.get("quick_gelu", False)),
        fingerprint=identity,
        embed_dim=int(model["embed_dim"]),
        **_preprocess(model, config.get("preprocess_cfg") or {}),
    )


def _from_tag(flag: str, name: str) -> ClipModel:
    import open_clip

    architecture, _, tag = name.rpartition("/")
    models = open_clip.list_models()
    if not architecture and tag in models:
        tags = open_clip.list_pretrained_tags_by_model(tag)
        raise InputError(
            f"{flag} {name}: say which weights, as {name}/TAG with TAG one of {', '.join(tags)}"
        )
    config = open_clip.get_model_config(architecture.replace("/", "-")) if architecture else None
    if config is None:
        raise InputError(
            f"{flag} {name}: neither a folder nor an open_clip model; write MODEL/TAG such as "
            "ViT-L-14/openai, hf-hub:ORG/REPO, a folder, or fieldguide"
        )
    pretrained = open_clip.get_pretrained_cfg(architecture, tag)
    if not pretrained:
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        raise InputError(f"{flag} {name}: no weights {tag!r}; {architecture} has {', '.join(tags)}")
    stay_offline_without_a_hub()
    try:
        weights = open_clip.download_pretrained(pretrained)
    except Exception as error:  # the hub client raises many kinds
        raise not_from_hub(
            flag, name, error, _HOLDS, missing="its weights are not in the cache"
        ) from error
    return ClipModel(
        name=name,
        open_clip_name=architecture,
        pretrained=tag,
        # open_clip only warns when a tag's activation differs from the architecture's
        quick_gelu=bool(pretrained.get("quick_gelu", config.get("quick_gelu", False))),
        fingerprint=f"weights:{architecture}:{hash_file(weights)}",
        embed_dim=int(config["embed_dim"]),
        **_preprocess(config, pretrained),
    )


def _preprocess(model: dict[str, Any], preprocess: dict[str, Any]) -> dict[str, Any]:
    size = preprocess.get("size") or model["vision_cfg"].get("image_size", 224)
    height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    interpolation = preprocess.get("interpolation") or "bicubic"
    return {
        "preprocessing": Preprocessing(
            height=height,
            width=width,
            resize_mode=preprocess.get("resize_mode") or "shortest",
            interpolation="bicubic" if interpolation == "random" else interpolation,
            fill_color=int(preprocess.get("fill_color") or 0),
        ),
        "hub_text": bool(model["text_cfg"].get("hf_model_name")),
        "mean": tuple(preprocess.get("mean") or _CLIP_MEAN),
        "std": tuple(preprocess.get("std") or _CLIP_STD),
    }
