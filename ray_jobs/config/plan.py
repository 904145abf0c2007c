"""Settings of the verb ``plan``: those of the job that is planned, and a few of its own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, create_model

from ray_jobs.config.base import VerbConfig
from ray_jobs.config.shared import ArchiveConfig, Positive

Price = Annotated[float, Field(ge=0)] | None


class PlanConfig(VerbConfig):
    """What a plan takes beside the settings of the job; prices are of any one currency."""

    pilot: Positive = Field(512, description="images of the pilot, in eight places drawn at random")
    price_gpu_hour: Price = Field(None, description="price of a GPU for an hour")
    price_cpu_hour: Price = Field(None, description="price of a CPU core for an hour")
    price_prompt_tokens: Price = Field(None, description="price of a million tokens of prompts")
    price_output_tokens: Price = Field(None, description="price of a million tokens of answers")


def plan_of(job: type[ArchiveConfig]) -> type[ArchiveConfig]:
    """The config of a plan of a labelling job."""
    bases: Any = (PlanConfig, job)
    make: Any = create_model
    made: type[ArchiveConfig] = make(
        f"Plan{job.__name__}",
        __base__=bases,
        __doc__="Run a pilot of a labelling job on a few images, and forecast the job.\n\n"
        "Takes the settings of the job; --out is the run folder it will have, and the pilot goes "
        "beside it.",
    )
    return made
