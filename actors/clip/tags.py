"""Models that open_clip publishes: an architecture of its list, and the tag of its weights."""

from __future__ import annotations

from typing import Any

from methods.errors import InputError


def read_tag(flag: str, name: str) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """Find a published model.

    Args:
        flag: which gave the name, for messages.
        name: ``MODEL/TAG``.

    Returns:
        The architecture, the tag, its ``model_cfg`` with the activation that these weights were
        trained with, and what open_clip says of the weights.

    Raises:
        InputError: there is no such architecture, or no such tag of it.
    """
    import open_clip

    models = open_clip.list_models()
    written, _, tag = name.rpartition("/")
    architecture = written.replace("/", "-")  # open_clip's own names have had slashes
    if name.replace("/", "-") in models:
        architecture, tag = name.replace("/", "-"), ""
    if architecture not in models:
        hub = f"; for a model of the hub write hf-hub:{name}" if name.count("/") == 1 else ""
        raise InputError(
            f"{flag} {name}: neither a folder nor an open_clip model; write MODEL/TAG such as "
            f"ViT-L-14/openai, hf-hub:ORG/REPO, a folder, or fieldguide{hub}"
        )
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if not tags:
        raise InputError(
            f"{flag} {name}: open_clip has no weights for {architecture}; give a folder with "
            f"open_clip_config.json and weights"
        )
    if not tag:
        raise InputError(
            f"{flag} {name}: say which weights, as {architecture}/TAG with TAG one of "
            f"{', '.join(tags)}"
        )
    pretrained = open_clip.get_pretrained_cfg(architecture, tag)
    if not pretrained:
        raise InputError(f"{flag} {name}: no weights {tag!r}; {architecture} has {', '.join(tags)}")
    config = dict(open_clip.get_model_config(architecture))
    # open_clip only warns when a tag's activation differs from the architecture's
    config["quick_gelu"] = bool(pretrained.get("quick_gelu", config.get("quick_gelu", False)))
    return architecture, tag, config, dict(pretrained)
