"""Run TaI-DPT's loss, scores and average precision on fixed tensors and write what they gave.

``python -m tests.parity.make_tai_dpt CHECKOUT`` with a checkout of guozix/TaI-DPT at 1333eca. The
loss (``trainers/utils.py:ranking_loss``) and AP and mAP (``average_precision``, ``mAP`` of Dassl's
``evaluator.py``) are the public functions themselves. Scores are those of
``trainers/Caption_distill_double.py:DenseCLIP.forward``, which runs as it is on encoders that
return the fixed tensors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from tests.parity.public_code import taken
from tests.parity.tensors import captions, drawn, images, prompts, ranked

OUT = Path(__file__).parent / "golden" / "tai_dpt.json"


def main(checkout: Path) -> None:
    """Write the file."""
    trainers = checkout / "trainers"
    evaluator = checkout / "Dassl.pytorch-master" / "dassl" / "evaluation" / "evaluator.py"
    loss = taken(trainers / "utils.py", "ranking_loss", torch=torch)["ranking_loss"]
    judged = taken(evaluator, "average_precision", "mAP", np=np)
    forward = taken(
        trainers / "Caption_distill_double.py",
        "DenseCLIP.forward",
        torch=torch,
        F=torch.nn.functional,
    )["forward"]
    scores, labels = drawn()
    ranking, positive = ranked()
    whole, dense = images()
    first, second = prompts()
    texts, tokens, _ = captions()
    train = SimpleNamespace(
        IF_LEARN_SCALE=False,
        IF_LEARN_spatial_SCALE=False,
        spatial_SCALE_text=50,
        spatial_SCALE_image=40,
    )
    same = torch.eye(dense.shape[2])  # the projections after the encoder change nothing
    model = SimpleNamespace(
        cfg=SimpleNamespace(TRAIN=train),
        encode_image=lambda _: dense.transpose(1, 2).reshape(len(dense), -1, 2, 2),
        v_linear_weight=same,
        v_linear_bias=None,
        c_linear_weight=same,
        c_linear_bias=None,
        model=SimpleNamespace(visual=SimpleNamespace(attnpool=lambda *_, **__: (whole, None))),
        prompt_learner=lambda: (first, second, torch.tensor(3.0), torch.tensor(3.0), 4.0),
        tokenized_prompts=None,
        text_encoder=lambda given, *_, **__: texts if given is tokens else given,
    )
    image_global, image_local = forward(model, image=torch.zeros(1), if_test=True)[:2]
    text_global, text_local = forward(model, captions=tokens)[:2]
    classes = range(ranking.shape[1])
    found = {
        "obtained_from": "github.com/guozix/TaI-DPT at 1333eca",
        "obtained_by": "python -m tests.parity.make_tai_dpt CHECKOUT",
        "ranking_loss": float(loss(scores.clone(), labels, scale_=1.0, margin_=1)),
        "ranking_loss_of_doubled_scores": float(loss(scores.clone(), labels, scale_=2.0)),
        "average_precision": [
            float(judged["average_precision"](ranking[:, c], positive[:, c])) for c in classes
        ],
        "map_percent": float(judged["mAP"](positive, ranking)),
        "image_global": image_global.tolist(),
        "image_local": image_local.tolist(),
        "text_global": text_global.tolist(),
        "text_local": text_local.tolist(),
    }
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(OUT)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
