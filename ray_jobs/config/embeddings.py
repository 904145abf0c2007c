"""Settings of the embedding store: of ``embed`` and ``search``, and the flag that uses one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from ray_jobs.config.base import VerbConfig
from ray_jobs.config.shared import ArchiveConfig, ClipConfig, Positive


class StoredConfig(ArchiveConfig, ClipConfig):
    """A job that takes CLIP's features of images from a store, where it holds them."""

    embeddings: str | None = Field(
        None,
        description="folder of onoma embed, local or s3://: an image that it holds, with features "
        "of the same CLIP, is not read [default: every image is encoded]",
    )


class EmbedConfig(ArchiveConfig, ClipConfig):
    """Encode an archive by CLIP once, and keep the features for every later job and search."""

    out: str = Field(
        description="embedding folder, local or s3://; run the same command again to resume"
    )
    dtype: Literal["float16", "float32"] = Field(
        "float16",
        description="of the features that are kept: float16 moves a cosine by some 0.0001, so that "
        "a label changes only between classes as close as that; float32 changes nothing and takes "
        "twice the room",
    )
    export_numpy: str | None = Field(
        None,
        description="also write features.npy (n, D), ids.npy (n,) and paths.txt into this local "
        "folder, for NumPy to map into memory",
    )


class SearchConfig(VerbConfig):
    """Find the images of an embedding folder that are nearest to a text or to an image."""

    words: list[str] = Field(
        description='the embedding folder, and what to look for, such as "a bird with a red crest"',
    )
    like: str | None = Field(
        None, description="image to look for, a file or an address, in place of a text"
    )
    duplicates: bool = Field(
        False, description="list near-duplicates; their columns are kept in DIR/neighbours"
    )
    outliers: bool = Field(
        False, description="list the images farthest from all others, kept there as well"
    )
    duplicate_similarity: Annotated[float, Field(gt=0, le=1)] = Field(
        0.97, description="cosine from which on two images are near-duplicates"
    )
    top: Positive = Field(10, description="how many images to list")
    html: str | None = Field(None, description="write a page with these images to this file")
    clip: str | None = Field(
        None, description="the same CLIP model in another place [default: where it was at embed]"
    )

    @field_validator("words")
    @classmethod
    def _folder_and_text(cls, words: list[str]) -> list[str]:
        """A folder, and one text at most."""
        if not words or not words[0].strip():
            raise ValueError('give the embedding folder first: search DIR "what to look for"')
        if len(words) > 2:
            raise ValueError("give the folder and one text; put a text of several words in quotes")
        return words
