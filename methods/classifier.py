"""The classifier: labels, a class matrix and how both were made; what every method ends in.

A folder of two files, ``classifier.json`` and ``weights.safetensors`` (never pickle). This module
turns one into bytes and back and checks it; where the bytes live is somebody else's business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import xxhash
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from methods.class_names import ClassNames
from methods.errors import InputError
from methods.json_text import json_text

CONFIG_FILE: Final = "classifier.json"
WEIGHTS_FILE: Final = "weights.safetensors"
FORMAT: Final = 1


@dataclass(frozen=True)
class Classifier:
    """A CLIP classifier.

    Attributes:
        labels: C distinct names, or ids where a class file had such, in the order of the matrix's
            rows.
        matrix: float32 (C, D), rows of unit length (those of a cascade's head on average), D the
            joint width of the CLIP model.
        clip: the CLIP model it was made for: ``name``, ``fingerprint``, ``embed_dim``, ...
        method: the method that made it.
        logit_scale: factor on cosines before the softmax that gives scores.
        logit_bias: what is added to them; with one, scores are sigmoids, each class's for itself.
        names: C spoken names where labels are ids; None where labels are names.
        others: with ``names``, other names of each class.
        multi_label: whether an image can have several labels.
        local_matrix: float32 (C, D) for dense features, multi-label only.
        thresholds: float32 (C,) above which a label is given, multi-label only: of scores without
            their mean over classes. Without thresholds an image gets its three best.
        scoring: how images are scored, multi-label only: ``scale``, ``kappa_image``, ``fusion``,
            ``dense_mode`` and ``global_positions``.
        abstain_below: with C scores below which a label is not given, one label an image only
            (`methods.calibration`); None where every image gets a label.
        made: how it was made: config, seed, counts, versions.
    """

    labels: tuple[str, ...]
    matrix: NDArray[np.float32]
    clip: Mapping[str, Any]
    method: str
    logit_scale: float
    multi_label: bool = False
    local_matrix: NDArray[np.float32] | None = None
    thresholds: NDArray[np.float32] | None = None
    scoring: Mapping[str, Any] | None = None
    made: Mapping[str, Any] = field(default_factory=dict)
    logit_bias: float | None = None
    names: tuple[str, ...] | None = None
    others: tuple[tuple[str, ...], ...] = ()
    abstain_below: tuple[float, ...] | None = None

    @property
    def classes(self) -> ClassNames:
        """The labels with their names."""
        if self.names is None:
            return ClassNames.plain(self.labels)
        return ClassNames(self.labels, self.names, self.others)

    def __post_init__(self) -> None:
        """Check that the parts fit each other.

        Raises:
            InputError: what does not fit, with the sizes found.
        """
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise InputError("a classifier needs at least one label, and no label twice")
        if self.names is not None and {len(self.names), len(self.others)} != {len(self.labels)}:
            raise InputError(f"there are {len(self.names)} names of {len(self.labels)} labels")
        if self.abstain_below is not None and len(self.abstain_below) != len(self.labels):
            raise InputError(
                f"there are {len(self.abstain_below)} thresholds of {len(self.labels)}"
            )
        shape = (len(self.labels), int(self.clip["embed_dim"]))
        for name in ("matrix", "local_matrix"):
            matrix = getattr(self, name)
            if matrix is None:
                continue
            if matrix.shape != shape or matrix.dtype != np.float32:
                raise InputError(f"{name} is {matrix.dtype} {matrix.shape}, not float32 {shape}")
            if not np.isfinite(matrix).all():
                raise InputError(f"{name} holds values that are not finite")

    def dump(self) -> dict[str, bytes]:
        """Return the folder's files, by name."""
        arrays = {"matrix": self.matrix}
        if self.local_matrix is not None:
            arrays["local_matrix"] = self.local_matrix
        if self.thresholds is not None:
            arrays["thresholds"] = self.thresholds
        weights = save_safetensors({name: np.ascontiguousarray(a) for name, a in arrays.items()})
        config = {
            "format": FORMAT,
            "method": self.method,
            **_written(self.classes),
            "multi_label": self.multi_label,
            "logit_scale": self.logit_scale,
            **({} if self.logit_bias is None else {"logit_bias": self.logit_bias}),
            **({"scoring": dict(self.scoring)} if self.scoring else {}),
            **({"abstain_below": list(self.abstain_below)} if self.abstain_below else {}),
            "clip": dict(self.clip),
            "weights_hash": xxhash.xxh3_128_hexdigest(weights),
            "made": dict(self.made),
        }
        text = json_text(config, indent=1)
        return {CONFIG_FILE: text.encode(), WEIGHTS_FILE: weights}

    @property
    def identity(self) -> str:
        """A hash of what decides labels: names, weights, scale and CLIP model."""
        digest = xxhash.xxh3_128()
        for part in (self.method, *self.labels, str(self.logit_scale), self.clip["fingerprint"]):
            digest.update(part.encode() + b"\0")
        for array in (self.matrix, self.local_matrix, self.thresholds):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        if self.logit_bias is not None:
            digest.update(f"bias {self.logit_bias}".encode())
        if self.names is not None:
            digest.update(json.dumps([self.names, self.others]).encode())
        if self.abstain_below is not None:
            digest.update(f"abstain {self.abstain_below}".encode())
        if self.scoring:
            digest.update(json.dumps(dict(self.scoring), sort_keys=True).encode())
        return digest.hexdigest()


def with_classes(classifier: Classifier, classes: ClassNames) -> Classifier:
    """The classifier with what its labels are called, where they are ids."""
    if classes.is_plain:
        return classifier
    return replace(classifier, names=classes.names, others=classes.others)


def abstains(classifier: Classifier, label: int, score: float) -> bool:
    """Whether a score is too low for its label to be given."""
    below = classifier.abstain_below
    return below is not None and score < below[label]


def _written(classes: ClassNames) -> dict[str, Any]:
    """How a folder has them: ``labels``, and ``class_names`` where there is more to say."""
    said = classes.identity()
    return {"labels": said.pop("classes"), **said}


def zero_shot_classifier(
    names: Sequence[str],
    matrix: NDArray[np.float32],
    clip: Mapping[str, Any],
    made: Mapping[str, Any],
) -> Classifier:
    """A classifier of class names in prompt templates (Radford et al. 2021, 3.1.4).

    Args:
        names: of C classes, or ids, as `with_classes` then says.
        matrix: their features, float32 (C, D), unit rows.
        clip: what is kept of the CLIP model, with its ``logit_scale``, and ``logit_bias`` if it has
            one.
        made: how it was made.
    """
    return Classifier(
        labels=tuple(names),
        matrix=matrix,
        clip=dict(clip),
        method="zero_shot",
        logit_scale=clip["logit_scale"],
        logit_bias=clip.get("logit_bias"),
        made=dict(made),
    )


def parse_classifier(files: Mapping[str, bytes], where: str) -> Classifier:
    """Make a classifier from the files of its folder.

    Args:
        files: content by file name, at least `CONFIG_FILE` and `WEIGHTS_FILE`.
        where: the folder's name, for messages.

    Raises:
        InputError: one sentence on what is missing or corrupt.
    """
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if name not in files:
            raise InputError(f"{where} is no classifier folder: it holds no {name}")
    try:
        config = json.loads(files[CONFIG_FILE])
        labels, clip = tuple(config["labels"]), config["clip"]
        words = config.get("class_names")
        names = words and tuple(str(own[0]) for own in words)
        others = tuple(tuple(own[1:]) for own in words or ())
        written = config["format"], config["weights_hash"], float(config["logit_scale"])
        below = config.get("abstain_below")
        abstain_below = None if below is None else tuple(float(each) for each in below)
        bias = None if config.get("logit_bias") is None else float(config["logit_bias"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{where}/{CONFIG_FILE} is corrupt ({error!r}); fit it again") from error
    if written[0] != FORMAT:
        raise InputError(f"{where} has format {written[0]}, this version reads format {FORMAT}")
    if xxhash.xxh3_128_hexdigest(files[WEIGHTS_FILE]) != written[1]:
        raise InputError(
            f"{where}/{WEIGHTS_FILE} is corrupt: its hash is not the one in {CONFIG_FILE}; "
            "copy or fit it again"
        )
    try:
        arrays = load_safetensors(files[WEIGHTS_FILE])
        return Classifier(
            labels=labels,
            matrix=arrays["matrix"],
            clip=clip,
            method=config["method"],
            logit_scale=written[2],
            multi_label=bool(config["multi_label"]),
            local_matrix=arrays.get("local_matrix"),
            thresholds=arrays.get("thresholds"),
            scoring=config.get("scoring"),
            made=config["made"],
            logit_bias=bias,
            names=names,
            others=others,
            abstain_below=abstain_below,
        )
    except (SafetensorError, KeyError, TypeError) as error:
        raise InputError(f"{where} is corrupt ({error!r}); fit it again") from error
    except InputError as error:
        raise InputError(f"{where} is corrupt: {error}") from error
