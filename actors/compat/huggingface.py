"""What huggingface_hub has no public way for: going offline once it is imported."""

from __future__ import annotations

import os


def hub_address() -> tuple[str, int]:
    """Host and port of the hub, the public one or that of ``HF_ENDPOINT``.

    Why: the client tells its address in a module of constants only.
    """
    from huggingface_hub import constants

    host = constants.ENDPOINT.partition("://")[2].partition("/")[0]
    name, _, port = host.partition(":")
    return name, int(port or 443)


def go_offline() -> None:
    """Make the client look at its cache only, in this process and in those that it starts.

    Why: the client reads ``HF_HUB_OFFLINE`` once, when it is imported, and has no call for it.
    """
    from huggingface_hub import constants

    constants.HF_HUB_OFFLINE = True
    os.environ["HF_HUB_OFFLINE"] = "1"
