"""What the generated reference says of columns, files and figures: `.ci/reference.py` reads it.

A column of a table or a figure of `onoma evaluate` that has no words here makes the reference fail,
and so does a word for what is no longer there.
"""

from __future__ import annotations

COLUMNS = {
    "image_id": "64 bits of a hash of the image's path in the archive; stable",
    "path": "the image's path in the archive, with `/`",
    "uri": "where it is read from; of a tar's member, the tar",
    "label": "the label, an id of the class file; null with an error",
    "score": "of the label, as the method scores; null with an error, or where a method has none",
    "labels": "the classes above their thresholds; may be empty; null with an error",
    "scores": "theirs, in the same order",
    "top_labels": "the best classes, best first: five, or all where an image has several",
    "top_scores": "theirs",
    "method": "the method that made the row",
    "error": "null, or one of the [error codes](error_codes.md)",
    "error_detail": "what is wrong, at most 300 characters",
    "distance": "1 less the cosine to the closest class; null with an error",
    "image_label": "what CLIP's feature of the image alone would say",
    "image_score": "its score",
    "description_label": "what the description alone would say",
    "description_score": "its score",
    "prediction_label": "what the prediction alone would say",
    "prediction_score": "its score",
    "mllm_label": "the class that the MLLM's own words name; null where they name none",
    "description": "the MLLM's description",
    "prediction": "the MLLM's guess",
    "description_problem": "why the description was not used; null where it was",
    "prediction_problem": "why the prediction was not used; null where it was",
    "cut": "names of the answers that the token limit cut; null where it cut none",
    "answer": "what the MLLM said",
    "choice": "what it chose of the class list; null where that was not asked",
    "answer_path": "how the label came of it: `exact`, `normalised`, `clip_fallback`, `failed`",
    "decided_by": "`clip`, `head` or `mllm`; null with an error",
    "confidence": "CLIP's in its best class, at the temperature of the run",
    "clip_label": "CLIP's best class",
    "clip_score": "its score",
    "head_label": "the best class of the head that the answers taught",
    "choices": "the classes that the MLLM was shown, in their order; null where it was not asked",
    "mllm_problem": "why its answer was of no use; null where it was of use",
    "member": "name in the tar; null elsewhere",
    "offset": "where a tar's member begins, in bytes",
    "length": "its bytes",
    "column": "of a table: which column holds the image; null elsewhere",
    "row_group": "of a table: the row group",
    "row": "of a table: the row in it",
}
"""Of the columns that tables have, by name."""

TABLES = (
    ("One label an image", "LABELS_SCHEMA", "", ("mllm_names", "clusters", "cased")),
    ("Several labels an image", "MULTI_LABELS_SCHEMA", "", ()),
    ("CLIP and a class matrix", "CLASSIFIER_LABELS_SCHEMA", "LABELS_SCHEMA",
     ("zero_shot", "classifier")),
    ("The same, several labels an image", "CLASSIFIER_MULTI_LABELS_SCHEMA", "MULTI_LABELS_SCHEMA",
     ()),
    ("Words of an MLLM, matched", "ANSWER_LABELS_SCHEMA", "LABELS_SCHEMA", ("slac", "tlac")),
    ("Parts that are fused", "PART_LABELS_SCHEMA", "LABELS_SCHEMA", ("what_do_you_see",)),
    ("A class that an MLLM chose", "CHOICE_LABELS_SCHEMA", "LABELS_SCHEMA", ("autosep",)),
    ("CLIP, or an MLLM", "CASCADE_LABELS_SCHEMA", "CLASSIFIER_LABELS_SCHEMA", ()),
    ("The same, and a head that its answers taught", "TAUGHT_LABELS_SCHEMA",
     "CASCADE_LABELS_SCHEMA", ("cascade",)),
)  # fmt: skip
"""Heading, name in `actors/labels/table.py`, the one that it adds to, and methods that label so."""

SHARED = {
    "VerbConfig": "Every verb",
    "TablesConfig": "Tables",
    "ArchiveConfig": "Archive",
    "GrowingConfig": "Archives that grow",
    "ClipConfig": "CLIP",
    "MllmConfig": "MLLM",
    "AskingConfig": "Response cache",
    "TemplatesConfig": "Templates",
    "StoredConfig": "Embedding store",
    "PublishedConfig": "As published",
}
"""Headings of settings that many verbs share, by the class that declares them."""

FILES = (
    (
        "A run folder: `onoma label ... --out RUN`",
        (
            ("run.json", "what the run is, how far it is, and what came of it ([keys](#runjson))"),
            ("labels/*.parquet", "one row for every image ([columns](columns.md))"),
            ("manifest/*.parquet", "the images of the archive, as they were listed"),
            ("classifier/", "the classifier that the run labels with, where it has one"),
            ("start/", "of a cascade: the classifier that its head, in `classifier/`, started at"),
            ("report.html", "made by `onoma report`"),
            ("progress.json", "how far the job is, while it runs; `onoma status` reads it"),
            ("claim.json", "of the job that writes to the folder now; gone when the job is"),
            ("stages/", "what a pass wrote for the next: answers of an MLLM, scores"),
            ("calls/", "of a cascade: calls of the MLLM, written down before they are made"),
            ("checkpoint/", "which units of work are done, for resuming"),
            (
                "evaluation/",
                "the last `onoma evaluate`: `figures.json`, `images.parquet` (a row an image)",
            ),
            ("audit.json", "the last `onoma audit`"),
            ("audit.html", "the same, with pictures"),
            ("calibration.json", "the last `onoma calibrate`"),
            ("reviewed.csv", "what reviewers said, by `onoma review`"),
            ("clusters.parquet", "`clusters`: the cluster of each image; `examples.parquet`"),
            ("captions.npy", "`cased`: features of the captions"),
            ("shots.parquet", "`autosep --shots`: the images shown before each"),
            ("forecast.json", "what `onoma plan` expected, where it was run with this `--out`"),
        ),
    ),
    (
        "Beside run folders",
        (("answers/", "the response cache: what an MLLM said, by model, question and content"),),
    ),
    (
        "A classifier: `onoma fit ... --out DIR`, or `RUN/classifier`",
        (
            ("classifier.json", "labels, thresholds, the CLIP it needs, how it was made"),
            ("weights.safetensors", "the class matrix, a row a class"),
            ("class_texts.json", "`what_do_you_see`: what an LLM wrote of each class"),
            ("reference.json", "of a run: label mix and distances, which drift is measured by"),
        ),
    ),
    (
        "More of a fit",
        (
            (
                "names.csv",
                "`near`, `finer`: key, name as said, name that stands for it, votes; to be edited",
            ),
            ("sample.csv", "`near`: what became of each image of the sample"),
            ("epochs.jsonl", "`near`, `data_free`: a line an epoch"),
            ("prompt.json", "`autosep`: the learned prompt"),
            ("history.html", "`autosep`: every prompt that was tried; `history.json` for programs"),
        ),
    ),
    (
        "Embeddings: `onoma embed --out DIR`",
        (
            ("embeddings.json", "the CLIP, its preprocessing, the dtype, counts"),
            ("embeddings/*.parquet", "id, address, digest and feature of every image"),
            ("neighbours/", "made by `onoma search --duplicates` and `--outliers`"),
        ),
    ),
)
"""Heading, and (file, what it is), by folder."""

RECORD = (
    ("state", "`running` or `finished`"),
    ("identity", "what decides the rows; another identity is refused in the same folder"),
    ("config", "the settings, without secrets; `as_published` lists what that flag has set"),
    ("models", "names, revisions and fingerprints of the models"),
    ("manifest", "images, what was skipped, a fingerprint of all ids"),
    ("images", "how many there are"),
    ("labelled", "rows with a label"),
    ("errors", "rows with an error, by [code](error_codes.md)"),
    ("error_examples", "a few rows of each code"),
    ("ledger", "the labels table as counted: rows, labelled, errors, distinct ids"),
    ("resumed_images", "labelled by an earlier attempt"),
    ("seconds", "of the last attempt"),
    ("images_per_second", "of the last attempt"),
    ("timings", "seconds and work by pass and stage"),
    ("mllm_calls", "requests made, those that failed included"),
    ("answers_reused", "answers that the response cache knew"),
    ("prompt_tokens", "tokens of the requests made"),
    ("output_tokens", "tokens of their answers"),
    ("engine_starts", "engine starts that gave answers"),
    ("forecast", "what `onoma plan` expected"),
    ("finished_at", "UTC"),
)
"""Keys of ``run.json`` that every labelling run has, or may have."""

FIGURES = {
    "images": "images with a truth",
    "errors": "of those, without a label because of an error; they count as wrong",
    "accuracy": "share of images whose label is the true one",
    "top5": "share of images whose true label is among the five best; where five are ranked",
    "macro_f1": "mean F1 over classes that occur in truth or prediction",
    "macro_f1_true_classes": "mean F1 over classes that occur in the truth (Dassl's)",
    "cacc": "accuracy under the best one-to-one matching of names with classes",
    "sacc": "mean cosine of predicted and true name, by a sentence model; in [-1, 1]",
    "sentences": "the sentence model of sACC",
    "nmi": "normalised mutual information, arithmetic mean",
    "ari": "adjusted Rand index; in [-0.5, 1]",
    "per_class": "a dictionary a class: images, predicted, correct, precision, recall, F1",
    "confusions": "the most frequent pairs of true and predicted",
    "note": "a sentence on what was left out, or null",
    "parts": "accuracy of each part alone, where a method fuses parts",
    "names": "the class that each found name was matched with",
    "names_found": "how many distinct names the labels use",
    "map": "mean average precision over classes",
    "cf1": "F1 by class, then the mean (DualCoOp's definition)",
    "of1": "F1 of pooled counts",
    "top3": "`cp, cr, cf1, op, or, of1` of the three best labels of an image",
    "false_positives": "classes wrongly given beside one that is there",
}
"""Of what `onoma evaluate` prints, by key."""
