"""From a resolved model to one in memory: built, loaded, cast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from actors.clip.model import ClipModel, weights_of
from actors.clip.tokenizer import find_tokenizer
from actors.clip.transformers_folder import open_clip_names
from actors.clip.weights import unreadable
from actors.compat.open_clip import make_model
from methods.errors import InputError

if TYPE_CHECKING:
    import torch


class Loaded(NamedTuple):
    """A model in memory.

    Attributes:
        model: of open_clip, in eval mode.
        tokenizer: texts in, int64 tokens out.
        logit_scale: what cosines are multiplied by, read in fp32.
        logit_bias: what a SigLIP adds to them, None for others.
    """

    model: Any
    tokenizer: Any
    logit_scale: float
    logit_bias: float | None


def load_clip(model: ClipModel, device: torch.device, dtype: torch.dtype) -> Loaded:
    """Build a model, and load the very weights that it was resolved to.

    In bf16 all of it is cast, once it is loaded. open_clip's own ``bf16`` casts what its ViTs have
    and leaves CoCa's and transformers' towers half cast, which then fail.

    Raises:
        InputError: the weights do not fit the architecture or cannot be read.
    """
    what = f"--clip {model.name}"
    path = weights_of(model)
    try:
        made: Any = make_model(model.config)
        _load(made, model, str(path))
    except InputError:
        raise
    except Exception as error:  # torch and open_clip raise many kinds on broken weights
        raise unreadable(what, path, error) from error
    bias = getattr(made, "logit_bias", None)
    numbers = float(made.logit_scale.detach().exp()), None if bias is None else float(bias.detach())
    made = made.to(device, dtype).eval()
    return Loaded(made, find_tokenizer(model.config, model.tokenizer, what), *numbers)


def _load(made: Any, model: ClipModel, path: str) -> None:
    import open_clip

    if not model.of_transformers:
        open_clip.load_checkpoint(made, path, strict=True, weights_only=True)
        return
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        import torch

        state = torch.load(path, map_location="cpu", weights_only=True)
    made.load_state_dict(open_clip_names(state), strict=True)
