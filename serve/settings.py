"""Settings of the endpoint: ``args`` of a Serve config file, and flags of ``onoma serve``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from actors.clip.precision import PRECISION_HELP, Precision

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
_MIB = 1024 * 1024


class EndpointSettings(BaseModel):
    """What one endpoint is: its CLIP model, replicas, batches, queue and limits.

    Classifiers are not among them: they are the ``user_config`` of the deployment ``Classifiers``,
    which can be changed while it runs.
    """

    model_config = ConfigDict(extra="forbid")

    clip: str | None = Field(
        None, description="the CLIP model, as label takes it [default: where it was at fit]"
    )
    precision: Precision = Field("auto", description=PRECISION_HELP)
    replicas: Positive = Field(1, description="CLIP replicas at least")
    max_replicas: Positive | None = Field(
        None, description="CLIP replicas at most, scaled by requests [default: --replicas]"
    )
    gpus: Annotated[float, Field(ge=0)] | None = Field(
        None, description="GPUs of each CLIP replica [default: 1 if the cluster has any]"
    )
    threads: Positive | None = Field(
        None, description="CPU threads of each CLIP replica [default: the cores, shared out]"
    )
    ingress_replicas: Positive = Field(1, description="processes that read requests")
    max_batch: Positive = Field(16, description="images in a forward pass, at most")
    max_ongoing: Positive = Field(
        160,
        description="requests that a CLIP replica has at once: those of a batch, and those that "
        "wait for the next; they bound the longest wait",
    )
    max_queued: Positive = Field(
        32,
        description="requests that wait for a replica to have room; one more is told to come back "
        "(429)",
    )
    retry_after: Positive = Field(1, description="seconds after which to come back")
    max_body: Positive = Field(32 * _MIB, description="bytes of a request, at most")
    max_held: Positive = Field(
        512 * _MIB,
        description="bytes of all requests that one ingress process reads or has unanswered, at "
        "most; one more is told to come back (429)",
    )
    max_images: Positive = Field(32, description="images in a request, at most")
    max_pixels: Positive = Field(
        50_000_000, description="pixels of an image, at most; told from its header, before decoding"
    )
    exact_decode: bool = Field(
        False, description="decode all of every JPEG; very large ones are decoded at a lower scale"
    )
    as_stored: bool = Field(
        False,
        description="take images as they are stored, as published code does: no EXIF turn, and "
        "alpha is dropped, not laid on white",
    )
    upload_seconds: Seconds = Field(30, description="time for a request to arrive")
    answer_seconds: Seconds = Field(30, description="time for its answer after that")
    allow_urls: list[str] = Field(
        [],
        description="hosts from which images named by URL are fetched, such as images.example.org; "
        "none unless given",
    )
    drift_window: Positive = Field(1000, description="latest images that drift is measured on")
