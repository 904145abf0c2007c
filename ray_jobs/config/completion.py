"""Settings of the verb ``completion``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ray_jobs.config.base import VerbConfig

Shell = Literal["bash", "zsh", "fish"]


class CompletionConfig(VerbConfig):
    """Print a script that completes verbs, methods, settings and their words in a shell."""

    shell: Shell = Field(description="which shell")
