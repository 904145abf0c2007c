"""Metrics of the cluster for Prometheus: what Ray's nodes export, of this application and Serve."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import httpx
import ray

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_OURS: Final = ("ray_onoma_", "ray_serve_")
_SECONDS: Final = 5.0


async def node_metrics() -> str:
    """Ask every node that is alive; a node that does not answer is left out, in a comment."""
    nodes = [node for node in await asyncio.to_thread(ray.nodes) if node["Alive"]]
    addresses = [f"{node['NodeManagerAddress']}:{node['MetricsExportPort']}" for node in nodes]
    async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
        texts = await asyncio.gather(*(_of_node(client, address) for address in addresses))
    return merged(texts)


async def _of_node(client: httpx.AsyncClient, address: str) -> str:
    try:
        answer = await client.get(f"http://{address}/metrics")
        answer.raise_for_status()
        return answer.text
    except httpx.HTTPError as error:
        return f"# no metrics of {address}: {type(error).__name__}\n"


def merged(texts: Iterable[str]) -> str:
    """Join what nodes export: our metrics and Serve's, the help of each once, samples together."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    comments: list[str] = []
    for text in texts:
        name = ""
        for line in text.split("\n"):  # a label may hold other separators of lines
            if line.startswith(("# HELP ", "# TYPE ")):
                name = line.split(" ", 3)[2]
                known = heads.setdefault(name, [])
                if not any(line.startswith(head[:7]) for head in known):
                    known.append(line)
            elif line.startswith("#"):
                comments.append(line)
            elif line.strip():
                samples.setdefault(name, []).append(line)
    lines = comments
    for name, own in samples.items():
        if name.startswith(_OURS):
            lines += [*heads.get(name, []), *own]
    return "\n".join(lines) + "\n"
