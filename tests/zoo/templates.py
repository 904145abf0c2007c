"""Chat templates in the forms that families have, in our own words."""

from __future__ import annotations

_PARTS = """\
{%- for part in message['content'] -%}
{%- if part['type'] == 'text' -%}{{ part['text'] }}
{%- elif part['type'] == 'image' -%}{{ 'IMAGE' }}
{%- endif -%}
{%- endfor -%}"""


def parts(image: str) -> str:
    """Jinja that writes a message's content: a text, or parts in the order in which they came."""
    of_parts = _PARTS.replace("IMAGE", image)
    return (
        "{%- if message['content'] is string -%}{{ message['content'] }}"
        "{%- else -%}" + of_parts + "{%- endif -%}"
    )


def images_first(image: str) -> str:
    """Jinja that writes the images of a message, then its texts, whatever the order was."""
    return (
        "{%- if message['content'] is string -%}{{ message['content'] }}{%- else -%}"
        "{%- for part in message['content'] if part['type'] == 'image' -%}{{ '"
        + image
        + "' }}{%- endfor -%}"
        "{%- for part in message['content'] if part['type'] == 'text' -%}{{ part['text'] }}"
        "{%- endfor -%}{%- endif -%}"
    )


def chatml(content: str, *, system: str = "", opening: str = "") -> str:
    """Turns between ``<|im_start|>`` and ``<|im_end|>``.

    Args:
        content: Jinja for the content of a message.
        system: said where no message of the system stands.
        opening: Jinja that follows the opening of the model's turn, such as a thought's beginning.
    """
    said = (
        "{%- if messages[0]['role'] != 'system' -%}{{ '<|im_start|>system\\n"
        + system
        + "<|im_end|>\\n' }}{%- endif -%}"
    )
    return (
        (said if system else "")
        + "{%- for message in messages -%}"
        + "{{ '<|im_start|>' + message['role'] + '\\n' }}"
        + content
        + "{{ '<|im_end|>\\n' }}"
        + "{%- endfor -%}"
        + "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}"
        + opening
        + "{%- endif -%}"
    )
