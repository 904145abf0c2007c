"""Prompt builders: from a row to the request that a model gets, all but how it is sampled.

A builder says in `identity` everything it puts into a request that the row's ``key`` does not
stand for, so that a response can be kept and found again (`actors.mllm.query`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import ray

from actors.mllm.request import DecodedImage, Request, ResponseFormat, Sampling
from methods.prompt import Prompt


class PromptBuilder(Protocol):
    """Builds the request of one row; a small picklable object."""

    def identity(self) -> dict[str, Any]:
        """What decides a response beside the row's key: texts, class lists, response form."""
        ...

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the request of a row; ``image`` is its decoded image, None for rows of text."""
        ...


class ImagePrompt:
    """The same text about every image."""

    def __init__(
        self, text: str, text_field: str = "", response_format: ResponseFormat = "none"
    ) -> None:
        """Keep the text, and the form of the response as `Request` has it."""
        self._text, self._field, self._format = text, text_field, response_format

    def identity(self) -> dict[str, Any]:
        """The text, and the form of the response if it has one."""
        form = {"form": [self._field, self._format]} if self._field else {}
        return {"prompt": self._text, **form}

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the text with the row's image."""
        assert image is not None
        return Request(
            self._text, (image,), how, text_field=self._field, response_format=self._format
        )


class ImageAfterOthersPrompt:
    """The same text about every image, with the same images shown before it."""

    def __init__(
        self, text: str, others: Sequence[ray.ObjectRef[DecodedImage]], keys: Sequence[str]
    ) -> None:
        """Keep the text, the other images in the object store, and what their bytes are known by.

        Args:
            text: of the request.
            others: shown before the row's image, in this order.
            keys: a hash of the encoded bytes of each.
        """
        self._text, self._others, self._keys = text, tuple(others), tuple(keys)

    def identity(self) -> dict[str, Any]:
        """The text, and which images are shown before the row's."""
        return {"prompt": self._text, "shown": list(self._keys)}

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the text with the other images and the row's."""
        assert image is not None
        return Request(self._text, (*ray.get(list(self._others)), image), how)


class SampleImagesPrompt:
    """The text that each row brings along, with images of a sample that all rows share."""

    def __init__(
        self, images: Mapping[int, ray.ObjectRef[DecodedImage]], column: str = "text"
    ) -> None:
        """Keep images in the object store by image id, and the column of the text."""
        self._images, self._column = images, column

    def identity(self) -> dict[str, Any]:
        """Nothing but its kind: a row's key stands for its text and its images."""
        return {"prompt": "of each row, with images of a sample"}

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the row's text with the images of the ids in its column ``images``."""
        references = [self._images[number] for number in row["images"]]
        shown = ray.get(references) if references else []
        return Request(row[self._column], tuple(shown), how)


class FilledPrompt:
    """A prompt that a column of each row is filled into, about no image."""

    def __init__(self, prompt: Prompt, column: str, values: Mapping[str, str]) -> None:
        """Keep the prompt, the column, which is a placeholder's name too, and the other values."""
        self._prompt, self._column, self._values = prompt, column, dict(values)

    def identity(self) -> dict[str, Any]:
        """The prompt and the values; a row's key stands for its own."""
        return {"prompt": self._prompt.text, "values": self._values}

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the prompt with the row's text."""
        text = self._prompt.fill(**self._values, **{self._column: row[self._column]})
        return Request(text, (), how)


class ColumnPrompt:
    """The text that each row brings along, in a column."""

    def __init__(self, column: str) -> None:
        """Keep the column's name."""
        self._column = column

    def identity(self) -> dict[str, Any]:
        """Nothing but its kind: a row's key stands for its text."""
        return {"prompt": "of each row"}

    def build(self, row: Mapping[str, Any], image: DecodedImage | None, how: Sampling) -> Request:
        """Return the row's text."""
        return Request(row[self._column], (), how)
