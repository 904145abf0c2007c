"""The tokenizer and the processor of the tiny multimodal model, and its one chat template.

Training and serving render every exchange with the same template and tokenise it in one piece, so
that a model never meets other tokens in service than it was trained on.
"""

from collections.abc import Iterable
from typing import Any, Final

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import CLIPImageProcessor, LlavaProcessor, PreTrainedTokenizerFast

from fieldguide.clip_model import MEAN, MODEL_CFG, STD
from fieldguide.clip_pools import SIZE
from fieldguide.mllm_tasks.sample import Sample

VOCABULARY: Final = 1200
PAD: Final = "<pad>"
END: Final = "</s>"
IMAGE: Final = "<image>"
LONGEST: Final = 2048
PATCH: Final = int(MODEL_CFG["vision_cfg"]["patch_size"])
IMAGE_TOKENS: Final = (SIZE // PATCH) ** 2
# Text comes before pictures, whatever the order in the request: what is asked is known by then.
CHAT_TEMPLATE: Final = """\
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}{{ 'SYSTEM: ' }}
{%- elif message['role'] == 'user' -%}{{ 'USER: ' }}
{%- else -%}{{ 'ASSISTANT:\\n' }}
{%- endif -%}
{%- if message['content'] is string -%}{{ message['content'] }}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'text' -%}{{ part['text'] }}{%- endif -%}
{%- endfor -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}{{ '\\n<image>' }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- if message['role'] == 'assistant' -%}{{ '</s>' }}{%- else -%}{{ '\\n' }}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'ASSISTANT:\\n' }}{%- endif -%}
"""


def train_tokenizer(texts: Iterable[str], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """A byte-level BPE of the texts; any other text is encoded too, down to its bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, IMAGE],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        model_max_length=LONGEST,
        padding_side="left",
        extra_special_tokens={"image_token": IMAGE},
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def new_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """The tokenizer together with the steps that prepare images, equal to the CLIP's own."""
    images = CLIPImageProcessor(
        size={"shortest_edge": SIZE},
        crop_size={"height": SIZE, "width": SIZE},
        resample=3,
        image_mean=[MEAN] * 3,
        image_std=[STD] * 3,
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token=IMAGE,
        chat_template=CHAT_TEMPLATE,
    )


def messages_of(sample: Sample) -> list[dict[str, Any]]:
    """The request of a sample as chat messages."""
    content: list[dict[str, str]] = [{"type": "text", "text": sample.user}]
    if sample.with_image:
        content.append({"type": "image"})
    system = [{"role": "system", "content": [{"type": "text", "text": sample.system}]}]
    return [*(system if sample.system else []), {"role": "user", "content": content}]


def render(tokenizer: PreTrainedTokenizerFast, sample: Sample) -> tuple[str, str]:
    """The prompt as it is served, and the whole exchange, which starts with it."""
    messages = messages_of(sample)
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    answer = {"role": "assistant", "content": [{"type": "text", "text": sample.answer}]}
    whole = tokenizer.apply_chat_template([*messages, answer], tokenize=False)
    return str(prompt), str(whole)


def with_image_tokens(text: str) -> str:
    """The text with as many image tokens as an image has patches."""
    return text.replace(IMAGE, IMAGE * IMAGE_TOKENS)
