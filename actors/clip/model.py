"""Which CLIP model a name means, without loading its weights.

Names: ``fieldguide`` (the small model that comes with the project), an open_clip name with its
pretrained tag (``ViT-L-14/openai``), ``hf-hub:org/repo[@revision]``, or a folder holding
``open_clip_config.json`` and its weights. Whatever can be wrong with a name is found here, before
Ray or a model starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from actors.clip.identity import clip_identity
from actors.clip.preprocessing import Channels, read_preprocessing
from actors.clip.tags import read_tag
from actors.clip.tokenizer import check_text_tower, find_tokenizer
from actors.clip.transformers_folder import is_transformers_folder, read_transformers_folder
from actors.clip.weights import check_archive, is_what_earlier_versions_hashed, weights_in
from actors.compat.open_clip import hub_file
from actors.hub import (
    BUILT_IN,
    folder_of,
    hash_file,
    looks_like_a_path,
    not_from_hub,
    read_config,
    stay_offline_without_a_hub,
)
from actors.hub import FIELD_GUIDE as FIELD_GUIDE
from actors.images.decode import Preprocessing
from actors.revisions import HUB, find_commit, parse_hub_name
from methods.errors import InputError

_CONFIG: Final = "open_clip_config.json"
_HOLDS: Final = f"a folder that holds {_CONFIG} and the weights"
_LOCAL: Final = "local-dir:"  # open_clip's own mark of a folder


@dataclass(frozen=True)
class ClipModel:
    """One CLIP model, resolved: what is built and loaded, and what a classifier must agree with.

    Attributes:
        name: as the user wrote it.
        config: open_clip's ``model_cfg``, with the activation that the weights were trained with.
        source: where a node finds the weights: a file, ``hf-hub:ORG/REPO`` or ``MODEL/TAG``.
        weights_hash: of the file of weights.
        fingerprint: identity of architecture, weights and preprocessing, wherever they come from.
        embed_dim: width D of the joint space.
        preprocessing: size and resizing, for the decode stage.
        mean, std: per-channel normalisation of pixels in [0, 1].
        of_transformers: whether its weights are a ``CLIPModel``'s of transformers.
        tokenizer: folders and repositories of its tokenizer of transformers; none for CLIP's own.
        earlier: fingerprints that earlier versions gave to this very model.
        revision: commit of a hub model, else empty.
    """

    name: str
    config: Mapping[str, Any] = field(compare=False)
    source: str
    weights_hash: str
    fingerprint: str
    embed_dim: int
    preprocessing: Preprocessing
    mean: Channels
    std: Channels
    of_transformers: bool = False
    tokenizer: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    revision: str = ""

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

    def is_of(self, record: Mapping[str, Any]) -> bool:
        """Say whether a classifier's record of its model is one of this very model."""
        made_for = str(record["fingerprint"])
        return made_for in (self.fingerprint, *self.earlier) or (
            _named_before(made_for, str(record["name"])) == self.fingerprint
        )


def resolve_clip(name: str, flag: str = "--clip") -> ClipModel:
    """Find the model that ``name`` means; a hub model's weights are downloaded to the cache.

    Args:
        name: as the module says.
        flag: which gave the name, for messages.

    Raises:
        InputError: no such model, folder or tag, an unusable folder, or no hub in reach.
    """
    if name in BUILT_IN:
        import fieldguide

        return _from_folder(flag, name, fieldguide.EDITIONS[name].clip)
    if not name.strip():
        raise InputError(
            f"{flag} is empty; give MODEL/TAG, hf-hub:ORG/REPO, a folder or fieldguide"
        )
    if name.startswith("local-dir:"):
        raise InputError(
            f"{flag} {name}: give the folder itself, {name.removeprefix('local-dir:')}"
        )
    if name.startswith(HUB):
        return _from_hub(flag, name)
    folder = folder_of(name)
    if folder is not None:
        return _from_folder(flag, name, folder)
    if looks_like_a_path(name):
        raise InputError(f"{flag} {name}: no such folder; it should hold {_CONFIG} and the weights")
    return _from_tag(flag, name)


def weights_of(model: ClipModel) -> Path:
    """Find a model's weights on this node; those of the hub come from its cache, or the hub.

    Raises:
        InputError: the file is not the one that the model was resolved to.
    """
    if model.source.startswith(HUB):
        path = Path(hub_file(model.source.removeprefix(HUB)))
    elif Path(model.source).is_absolute():
        path = Path(model.source)
    else:
        import open_clip

        architecture, _, tag = model.source.rpartition("/")
        pretrained = open_clip.get_pretrained_cfg(architecture, tag)
        path = Path(open_clip.download_pretrained(pretrained))
    if not path.is_file():
        raise InputError(f"--clip {model.name}: its weights, {path}, are not on this node")
    if hash_file(str(path)) != model.weights_hash:
        raise InputError(
            f"--clip {model.name}: its weights, {path}, are not those that this job began with; "
            "they were replaced meanwhile, or another node holds others"
        )
    return path


def _from_folder(flag: str, name: str, folder: Path) -> ClipModel:
    what = f"{flag} {name}"
    preprocess: Mapping[str, Any] | None
    theirs = not (folder / _CONFIG).is_file() and is_transformers_folder(folder)
    if theirs:
        config, preprocess = read_transformers_folder(folder, what)
    else:
        advice = f"give a folder saved by open_clip ({_CONFIG} and open_clip_model.safetensors)"
        whole = read_config(flag, name, folder, _CONFIG, advice)
        config, preprocess = _model_config(whole, what), whole.get("preprocess_cfg")
    weights = weights_in(folder.resolve(), what)
    check_archive(weights, what)
    earlier: tuple[str, ...] = ()
    if (folder / _CONFIG).is_file() and is_what_earlier_versions_hashed(weights):
        earlier = (_files_fingerprint(folder / _CONFIG, weights),)
    tokenizer = (str(folder.resolve()),)
    found = _resolved(what, name, config, preprocess, str(weights), weights, tokenizer, earlier)
    return replace(found, of_transformers=theirs)


def _from_hub(flag: str, name: str) -> ClipModel:
    wanted = parse_hub_name(name)
    if wanted is None:
        raise InputError(f"{flag} {name}: write hf-hub:ORG/REPO or hf-hub:ORG/REPO@REVISION")
    at = find_commit(flag, name, wanted, (_CONFIG,), _HOLDS)
    pinned = f"{at.repository}@{at.commit}"
    stay_offline_without_a_hub()
    try:
        config_path = Path(hub_file(pinned, _CONFIG))
        weights = Path(hub_file(pinned))
    except Exception as error:  # the hub client raises many kinds
        raise not_from_hub(flag, name, error, _HOLDS) from error
    whole = read_config(flag, name, config_path.parent, config_path.name, "")
    config = _model_config(whole, f"{flag} {name}")
    named = str(config["text_cfg"].get("hf_tokenizer_name") or pinned)
    named = pinned if named == at.repository else named
    found = _resolved(
        f"{flag} {name}",
        name,
        config,
        whole.get("preprocess_cfg"),
        f"{HUB}{pinned}",
        weights,
        tuple(dict.fromkeys((named, pinned))),
        (_files_fingerprint(config_path, weights),),
    )
    return replace(found, revision=at.commit)


def _from_tag(flag: str, name: str) -> ClipModel:
    import open_clip

    architecture, tag, config, pretrained = read_tag(flag, name)
    stay_offline_without_a_hub()
    try:
        weights = Path(open_clip.download_pretrained(pretrained))
    except Exception as error:  # the hub client raises many kinds
        raise not_from_hub(
            flag, name, error, _HOLDS, missing="its weights are not in the cache"
        ) from error
    return _resolved(
        f"{flag} {name}",
        name,
        config,
        pretrained,
        f"{architecture}/{tag}",
        weights,
        (str(config["text_cfg"].get("hf_tokenizer_name")),),
        (f"weights:{architecture}:{hash_file(str(weights))}",),
    )


def _named_before(fingerprint: str, name: str) -> str | None:
    """What is today the fingerprint of a model of a tag that earlier versions wrote down."""
    kind, _, rest = fingerprint.partition(":")
    if kind != "weights":
        return None
    try:
        _, _, config, pretrained = read_tag("--clip", name)
    except InputError:
        return None
    prepared = read_preprocessing(config, pretrained, name)
    return clip_identity(rest.rpartition(":")[2], config, *prepared)


def _model_config(config: dict[str, Any], what: str) -> dict[str, Any]:
    model = config.get("model_cfg") if isinstance(config, dict) else None
    parts = [model.get(part) for part in ("vision_cfg", "text_cfg")] if model else []
    if not isinstance(model, dict) or "embed_dim" not in model or None in parts:
        raise InputError(
            f"{what}: its {_CONFIG} has no model_cfg with embed_dim, vision_cfg and text_cfg"
        )
    return model


def _files_fingerprint(config: Path, weights: Path) -> str:
    return f"files:{hash_file(str(config))}{hash_file(str(weights))}"


def _resolved(
    what: str,
    name: str,
    config: dict[str, Any],
    preprocess: Mapping[str, Any] | None,
    source: str,
    weights: Path,
    tokenizer: tuple[str, ...],
    earlier: tuple[str, ...],
) -> ClipModel:
    prepared = read_preprocessing(config, preprocess, what)
    if config["text_cfg"].get("hf_tokenizer_name"):
        find_tokenizer(config, tokenizer, what)
    else:
        tokenizer = ()
    check_text_tower(config, what)
    digest = hash_file(str(weights))
    return ClipModel(
        name=name,
        config=config,
        source=source,
        weights_hash=digest,
        fingerprint=clip_identity(digest, config, *prepared),
        embed_dim=int(config["embed_dim"]),
        **prepared._asdict(),
        tokenizer=tokenizer,
        earlier=earlier,
    )
