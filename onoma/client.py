"""A client of the endpoint, which needs httpx and pydantic and imports neither torch nor Ray.

    from onoma.client import Client

    with Client("http://127.0.0.1:8000") as client:
        print(client.classify([Path("bird.jpg")]).images[0].labels)

Where torch and Ray shall not be installed: ``pip install --no-deps onoma``, with ``httpx`` and
``pydantic``.
"""

from __future__ import annotations

from serve.client import Client, EndpointError
from serve.messages import (
    ClassifierInfo,
    ClassifierList,
    ClassifyAnswer,
    ImageAnswer,
    LabelScore,
)

__all__ = [
    "ClassifierInfo",
    "ClassifierList",
    "ClassifyAnswer",
    "Client",
    "EndpointError",
    "ImageAnswer",
    "LabelScore",
]
