"""Settings of the verb ``serve``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ray_jobs.config.base import VerbConfig
from ray_jobs.config.shared import Positive
from serve.settings import EndpointSettings


class ServeConfig(VerbConfig, EndpointSettings):  # type: ignore[misc]
    """Serve classifiers over HTTP on this machine, until Ctrl-C.

    On a cluster: serve deploy serve/config.yaml.
    """

    classifiers: list[str] = Field(
        min_length=1,
        description="classifier folders or runs, local or s3://; NAME=FOLDER gives a name; the "
        "first answers requests that name none",
    )
    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 is every one")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(8000, description="port to listen on")
    haproxy: bool = Field(
        False,
        description="let HAProxy take the connections: less latency under load, but replicas "
        "listen on every address of this machine",
    )
    check: str | None = Field(
        None,
        description="an archive: label a sample of it by a job and by the endpoint, compare, stop",
    )
    check_images: Positive = Field(200, description="images of that sample")
    check_drift: Annotated[float, Field(gt=0)] = Field(
        1e-3, description="scores may differ by this much"
    )

    def endpoint(self) -> EndpointSettings:
        """The part that the application takes."""
        names = EndpointSettings.model_fields
        return EndpointSettings(**{name: getattr(self, name) for name in names})
