"""Run CoOp's prompt learner and text encoder on a tiny CLIP and write the features of names.

``python -m tests.parity.make_coop CHECKOUT`` with a checkout of KaiyangZhou/CoOp at ff61507. Its
``PromptLearner`` and ``TextEncoder`` (``trainers/coop.py``), CLIP and tokenizer (``clip/``) run as
they are; the weights of the text tower and the context are fixed tensors.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Union

import torch
from torch import nn

from tests.parity.public_code import taken
from tests.parity.tensors import NAMES, context, weights

OUT = Path(__file__).parent / "golden" / "coop.json"


def main(checkout: Path) -> None:
    """Write the file."""
    sys.path.insert(0, str(checkout / "clip"))  # the modules alone: the package wants torchvision
    clip_model = importlib.import_module("model")
    tokenizer = importlib.import_module("simple_tokenizer").SimpleTokenizer()
    known = {"torch": torch, "Union": Union, "List": list, "_tokenizer": tokenizer}
    tokenize = taken(checkout / "clip" / "clip.py", "tokenize", **known)["tokenize"]
    coop = taken(
        checkout / "trainers" / "coop.py",
        *("TextEncoder", "PromptLearner"),
        torch=torch,
        nn=nn,
        _tokenizer=tokenizer,
        clip=SimpleNamespace(tokenize=tokenize),
    )
    vision = {"vision_layers": 1, "vision_width": 64, "vision_patch_size": 16}
    text = {"transformer_width": 32, "transformer_heads": 2, "transformer_layers": 2}
    model = clip_model.CLIP(
        embed_dim=16,
        image_resolution=32,
        context_length=77,
        vocab_size=49408,
        **vision,
        **text,
    ).eval()
    shapes = {
        name: tuple(value.shape)
        for name, value in model.state_dict().items()
        if not name.startswith("visual") and name != "logit_scale"
    }
    model.load_state_dict(weights(shapes), strict=False)
    cfg = SimpleNamespace(
        TRAINER=SimpleNamespace(
            COOP=SimpleNamespace(
                N_CTX=len(context()), CTX_INIT="", CSC=False, CLASS_TOKEN_POSITION="end"
            )
        ),
        INPUT=SimpleNamespace(SIZE=(32, 32)),
    )
    learner = coop["PromptLearner"](cfg, list(NAMES), model)
    learner.ctx.data = context()
    with torch.no_grad():
        features = coop["TextEncoder"](model)(learner(), learner.tokenized_prompts)
        features = features / features.norm(dim=-1, keepdim=True)
    found = {
        "obtained_from": "github.com/KaiyangZhou/CoOp at ff61507",
        "obtained_by": "python -m tests.parity.make_coop CHECKOUT",
        "shapes": {name: list(shape) for name, shape in shapes.items()},
        "features": features.tolist(),
    }
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(OUT)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
