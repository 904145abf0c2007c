"""Settings of the verb ``submit``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ray_jobs.config.base import VerbConfig


class SubmitConfig(VerbConfig):
    """Run a verb on a cluster, follow its log, and end with its exit code.

    onoma submit --address http://HEAD:8265 -- label slac --images s3://... --out s3://...
    """

    address: str | None = Field(
        None,
        description="the cluster's dashboard, such as http://HEAD:8265 [default: the variable "
        "RAY_API_SERVER_ADDRESS, else RAY_ADDRESS]",
    )
    working_dir: str = Field(
        ".",
        description="folder that goes to the cluster with the job, without what .gitignore and "
        "--exclude name; none where the cluster's image holds the project",
    )
    exclude: list[str] = Field(
        default_factory=list, description="more patterns, as in .gitignore, of what stays here"
    )
    upload_data: bool = Field(
        False,
        description="let the folder go whatever is in it; else one of more than 100 MB, 100 images "
        "or 20,000 files is refused, since a job reads data from where all nodes see it",
    )
    env: list[str] = Field(
        default_factory=list,
        description="NAME=VALUE, or NAME for its value here: environment of the job; the "
        "dashboard shows it, so credentials belong into the cluster's nodes",
    )
    runtime_env: str | None = Field(
        None, description="YAML file with more of Ray's runtime environment: pip, image_uri, ..."
    )
    job: str | None = Field(None, description="name of the job [default: Ray makes one up]")
    driver_cpus: Annotated[float, Field(ge=0)] = Field(
        0.0, description="CPUs that the job's driver takes; 0 lets it run on a head without any"
    )
    driver_memory: Annotated[int, Field(ge=0)] = Field(
        0, description="bytes of memory that the job's driver takes"
    )
    driver_resource: str | None = Field(
        None, description="custom Ray resource of the node that the driver runs on [default: head]"
    )
    wait: bool = Field(True, description="follow the log until the job ends")
    command: list[str] = Field(
        min_length=1, description="the verb and its settings; what comes after -- is meant"
    )
