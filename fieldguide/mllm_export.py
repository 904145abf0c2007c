"""Write the model folder as transformers and vLLM read it: fp16 weights, to be served in float32.

transformers 5 saves the tower as `vision_tower.*`; vLLM wants `vision_tower.vision_model.*`, which
transformers reads as well.
"""

import json
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor
from transformers import GenerationConfig, LlavaForConditionalGeneration, LlavaProcessor

_WEIGHTS = "model.safetensors"


def export(model: LlavaForConditionalGeneration, processor: LlavaProcessor, folder: Path) -> None:
    """Write configuration, weights, tokenizer, chat template and image preparation."""
    folder.mkdir(parents=True, exist_ok=True)
    processor.save_pretrained(folder)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    _declare_dtype(folder / "config.json")
    tokens = processor.tokenizer
    GenerationConfig(
        do_sample=False, eos_token_id=tokens.eos_token_id, pad_token_id=tokens.pad_token_id
    ).save_pretrained(folder)
    save_file(serving_weights(model), folder / _WEIGHTS, metadata={"format": "pt"})
    # the chat template writes text, then images; whoever asks the model should know
    (folder / "onoma.json").write_text('{"image_position": "last"}\n', "utf-8")


def serving_weights(model: LlavaForConditionalGeneration) -> dict[str, Tensor]:
    """The weights in fp16 under the names that checkpoints of LLaVA have."""
    return {
        _serving_name(name): value.half().contiguous() for name, value in model.state_dict().items()
    }


def _serving_name(name: str) -> str:
    if name.startswith("lm_head"):
        return f"language_model.{name}"
    name = name.removeprefix("model.")
    part, rest = name.split(".", 1)
    if part == "vision_tower" and not rest.startswith("vision_model."):
        return f"vision_tower.vision_model.{rest}"
    return f"language_model.model.{rest}" if part == "language_model" else name


def _declare_dtype(path: Path) -> None:
    config = json.loads(path.read_text("utf-8"))
    config["dtype"] = "float32"
    for part in ("text_config", "vision_config"):
        config[part]["dtype"] = "float32"
    path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")
