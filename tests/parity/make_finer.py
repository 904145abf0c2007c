"""Run FineR's cACC and sACC on fixed names and embeddings and write what they gave.

``python -m tests.parity.make_finer CHECKOUT`` with a checkout of OatmealLiu/FineR at 6a98db0.
``utils/metrics.py:clustering_acc`` and ``utils/semantic_similarity.py:compute_semantic_similarity``
run as they are; the sentence model of the latter is a stand-in with the fixed embeddings.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from tests.parity.public_code import taken
from tests.parity.tensors import NAMED, SAID_NAMES, TRUE_NAMES, TRUTH, tensor

OUT = Path(__file__).parent / "golden" / "finer.json"


class Sentences:
    """Embeds a name as the tensor of that name."""

    def __init__(self, name: str, device: str) -> None: ...

    def encode(self, names: list[str], convert_to_tensor: bool) -> torch.Tensor:
        return torch.stack([tensor(name, 12) for name in names])


def main(checkout: Path) -> None:
    """Write the file."""
    metrics = taken(
        checkout / "utils" / "metrics.py",
        *("cluster_acc", "clustering_acc"),
        np=np,
        linear_assignment=linear_sum_assignment,
        nmi_score=normalized_mutual_info_score,
        ari_score=adjusted_rand_score,
    )
    library = ModuleType("sentence_transformers")
    library.SentenceTransformer = Sentences  # type: ignore[attr-defined]
    sys.modules["sentence_transformers"] = library
    similarity = taken(
        checkout / "utils" / "semantic_similarity.py",
        "compute_semantic_similarity",
        torch=torch,
        F=torch.nn.functional,
        _MODEL_NAMES_BERT={},
        _MODEL_NAMES_CLIP={},
        _MODEL_NAMES_SENTENCE_BERT={"sbert_base": "all-mpnet-base-v2"},
    )["compute_semantic_similarity"]
    cacc, nmi, ari = metrics["clustering_acc"](NAMED, TRUTH)
    sacc = similarity(list(SAID_NAMES), list(TRUE_NAMES), model="sbert_base")
    found = {
        "obtained_from": "github.com/OatmealLiu/FineR at 6a98db0",
        "obtained_by": "python -m tests.parity.make_finer CHECKOUT",
        "cacc": float(cacc),
        "nmi": float(nmi),
        "ari": float(ari),
        "sacc": float(sacc),
    }
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(OUT)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
