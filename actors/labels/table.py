"""The labels table: its columns, for methods that give one label an image or several."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

IMAGE_COLUMNS: Final = ("image_id", "path", "uri")
"""What a row of the labels table takes from the image's row of the manifest; nothing else."""
TOP_LABELS: Final = 5
"""Classes that ``top_labels`` ranks where an image has one label."""

LABELS_SCHEMA = pa.schema(
    [
        ("image_id", pa.int64()),
        ("path", pa.string()),
        ("uri", pa.string()),
        ("label", pa.string()),
        ("score", pa.float32()),
        ("top_labels", pa.list_(pa.string())),
        ("top_scores", pa.list_(pa.float32())),
        ("method", pa.string()),
        ("error", pa.string()),
        ("error_detail", pa.string()),
    ]
)
"""One label an image."""

MULTI_LABELS_SCHEMA = pa.schema(
    [
        *(LABELS_SCHEMA.field(i) for i in range(3)),
        ("labels", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
        *(LABELS_SCHEMA.field(i) for i in range(5, len(LABELS_SCHEMA))),
    ]
)
"""Several labels an image."""

_DISTANCE = pa.field("distance", pa.float32())

CUT = "cut"
"""Column with the names of the answers that the token limit cut (``answer``, ``description and
prediction``), null where it cut none. A cut answer is used as far as it goes."""

CLASSIFIER_LABELS_SCHEMA = pa.schema([*LABELS_SCHEMA, _DISTANCE])
"""One label an image from a classifier, and how far the image is from the closest class: 1 less
the cosine of their CLIP features (null with an error)."""

CLASSIFIER_MULTI_LABELS_SCHEMA = pa.schema([*MULTI_LABELS_SCHEMA, _DISTANCE])
"""The same for several labels an image."""

PART_LABELS_SCHEMA = pa.schema(
    [
        *LABELS_SCHEMA,
        *(
            field
            for part in ("image", "description", "prediction")
            for field in ((f"{part}_label", pa.string()), (f"{part}_score", pa.float32()))
        ),
        ("mllm_label", pa.string()),
        ("description", pa.string()),
        ("prediction", pa.string()),
        ("description_problem", pa.string()),
        ("prediction_problem", pa.string()),
        (CUT, pa.string()),
    ]
)
"""One label an image from parts that are fused (What Do You See): what each part alone would say,
the class that the multimodal LLM's prediction names, if it names one, the words of both answers,
what kept an answer from being used (null where nothing did), and `CUT`."""

ANSWER_LABELS_SCHEMA = pa.schema(
    [
        *LABELS_SCHEMA,
        ("answer", pa.string()),
        ("choice", pa.string()),
        ("answer_path", pa.string()),
        (CUT, pa.string()),
    ]
)
"""One label an image, from what a multimodal LLM said: what it said of the image, what it chose of
the class list (null where there was no such stage), and how the label came of it (exact,
normalised, clip_fallback or failed; null for images that were never asked about), and `CUT`."""

CHOICE_LABELS_SCHEMA = pa.schema(
    [
        *LABELS_SCHEMA,
        ("description", pa.string()),
        ("answer", pa.string()),
        (CUT, pa.string()),
    ]
)
"""One label an image that a multimodal LLM chose of the class list (AutoSEP): the description that
it was shown (null without one), what it answered, several answers in lines, and `CUT`."""

CASCADE_LABELS_SCHEMA = pa.schema(
    [
        *CLASSIFIER_LABELS_SCHEMA,
        ("decided_by", pa.string()),
        ("confidence", pa.float32()),
        ("clip_label", pa.string()),
        ("clip_score", pa.float32()),
        ("mllm_label", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("description", pa.string()),
        ("answer", pa.string()),
        ("mllm_problem", pa.string()),
        (CUT, pa.string()),
    ]
)
"""One label an image from CLIP, or from a multimodal LLM where it was asked (cascade): who decided
(``clip``, ``head`` or ``mllm``; null with an error), CLIP's confidence in its best class at the
temperature of the run, what each alone says, the classes that were shown in their order (null where
nothing was asked), the model's words, what kept its answer from being used, and `CUT`."""

TAUGHT_LABELS_SCHEMA = CASCADE_LABELS_SCHEMA.append(pa.field("head_label", pa.string()))
"""The same where the answers taught a head: what it says of each image."""
