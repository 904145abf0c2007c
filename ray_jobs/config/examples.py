"""Command lines that ``--help`` shows: whole ones, of models and buckets as people have them."""

from __future__ import annotations

from types import MappingProxyType

_QWEN, _CLIP = "--mllm Qwen/Qwen2.5-VL-7B-Instruct", "--clip ViT-L-14/openai"
_ARCHIVE = "--images s3://bucket/photos --classes names.txt"

EXAMPLES = MappingProxyType(
    {
        "demo": ("onoma demo --count 200",),
        "doctor": ("onoma doctor",),
        "manifest": ("onoma manifest --images s3://bucket/photos --out photos.parquet",),
        "dataset": ("onoma dataset", "onoma dataset eurosat --root DATA --out eurosat"),
        "fit zero_shot": (f"onoma fit zero_shot --classes names.txt {_CLIP} --out classifier",),
        "fit near": (f"onoma fit near --images photos --category bird {_QWEN} {_CLIP} --out c",),
        "fit finer": (f"onoma fit finer --images photos --category bird {_QWEN} {_CLIP} --out c",),
        "fit autosep": (
            f"onoma fit autosep --images terns --classes terns.txt --category bird {_QWEN} --out p",
        ),
        "fit what_do_you_see": (
            f"onoma fit what_do_you_see --classes names.txt {_QWEN} {_CLIP} --out classifier",
        ),
        "fit data_free": (f"onoma fit data_free --classes things.txt {_QWEN} {_CLIP} --out c",),
        "label zero_shot": (
            f"onoma label zero_shot {_ARCHIVE} {_CLIP} --out s3://bucket/runs/photos",
            "onoma label zero_shot ... --update                  # label what is new",
            "onoma label zero_shot ... --retry-errors storage_error",
        ),
        "label slac": (f"onoma label slac {_ARCHIVE} {_QWEN} {_CLIP} --out run",),
        "label tlac": (f"onoma label tlac {_ARCHIVE} {_QWEN} {_CLIP} --out run",),
        "label what_do_you_see": (
            f"onoma label what_do_you_see {_ARCHIVE} {_QWEN} {_CLIP} --out run",
        ),
        "label autosep": (f"onoma label autosep {_ARCHIVE} --prompt p {_QWEN} --out run",),
        "label mllm_names": (
            f"onoma label mllm_names --images photos --category bird {_QWEN} --out run",
        ),
        "label clusters": (
            f"onoma label clusters --images photos --clusters 20 {_CLIP} --out run",
        ),
        "label cased": (
            f"onoma label cased --images photos --captions captions.txt {_CLIP} --out run",
        ),
        "label classifier": ("onoma label --classifier c --images s3://bucket/photos --out run",),
        "label cascade": (f"onoma label cascade {_ARCHIVE} {_QWEN} {_CLIP} --out run",),
        "embed": (f"onoma embed --images s3://bucket/photos {_CLIP} --out features",),
        "search": ("onoma search features 'a red bird'",),
        "audit": ("onoma audit run",),
        "calibrate": ("onoma calibrate run --reviewed reviewed.csv",),
        "repair": ("onoma repair run",),
        "review": ("onoma review run",),
        "export": ("onoma export run --to csv --out labels.csv",),
        "status": ("onoma status s3://bucket/runs/photos", "onoma status run --json"),
        "submit": (
            f"onoma submit --address http://head:8265 -- label slac {_ARCHIVE} {_QWEN} --out run",
        ),
        "evaluate": ("onoma evaluate --labels run --truth truth.csv",),
        "table": ("onoma table run-1 run-2 --format csv",),
        "reproduce": ("onoma reproduce slac --root DATA --dry-run",),
        "report": (
            "onoma report run --truth truth.csv",
            "onoma report run-1 run-2 run-3 --truth truth.csv --out comparison.html",
        ),
        "serve": ("onoma serve classifier --port 8000",),
        "completion": ("onoma completion bash > ~/.local/share/bash-completion/completions/onoma",),
        "fieldguide draw": ("onoma fieldguide draw --out birds --count 100",),
    }
)
"""By command; ``...`` stands for the settings of the example before."""
