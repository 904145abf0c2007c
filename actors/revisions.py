"""A model of the hub at one commit: which commit a branch, a tag or nothing at all means.

A name is ``ORG/MODEL``, ``ORG/MODEL@REVISION``, or either of them after ``hf-hub:``. What the cache
holds counts before what the hub says, so that a job that resumes, or runs where no hub answers, has
the commit that it began with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.hub import not_from_hub, stay_offline_without_a_hub
from methods.errors import InputError

HUB: Final = "hf-hub:"
_NAME: Final = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@(\S+))?", re.ASCII)


@dataclass(frozen=True)
class HubName:
    """A repository, and the revision that is wanted of it: None for its main branch."""

    repository: str
    revision: str | None = None


@dataclass(frozen=True)
class HubCommit:
    """A repository at one commit.

    Attributes:
        repository: ``ORG/MODEL``.
        commit: its full hash.
        config: the first of the files that was asked for which it holds.
    """

    repository: str
    commit: str
    config: str


def parse_hub_name(name: str) -> HubName | None:
    """Read ``[hf-hub:]ORG/MODEL[@REVISION]``; None where a name is no such thing."""
    found = _NAME.fullmatch(name.removeprefix(HUB))
    return HubName(found.group(1), found.group(2)) if found else None


def find_commit(
    flag: str, name: str, wanted: HubName, configs: Sequence[str], holds: str
) -> HubCommit:
    """Find the commit that a name means; of its files, at most the list is asked for.

    Args:
        flag: which gave the name, for messages.
        name: of the model, as the user wrote it.
        wanted: what it says.
        configs: files of which a model has one, the one that counts first.
        holds: what a folder of such a model is, for messages.

    Raises:
        InputError: no such repository or revision, none of the files, or no hub in reach.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, revision = wanted.repository, wanted.revision
    for config in configs:
        cached = try_to_load_from_cache(repository, config, revision=revision)
        if isinstance(cached, str):
            return HubCommit(repository, Path(cached).parent.name, config)
    stay_offline_without_a_hub()
    try:
        info = HfApi().model_info(repository, revision=revision)
    except GatedRepoError as error:
        raise InputError(
            f"{flag} {name}: the hub gives {repository} to those who have accepted its terms; do "
            "so on its page, and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(f"{flag} {name}: the hub has no such model, or it is private") from error
    except RevisionNotFoundError as error:
        raise InputError(
            f"{flag} {name}: {repository} has no revision {revision}; give a branch, a tag or a "
            "full commit of it"
        ) from error
    except Exception as error:  # the hub client raises many kinds
        at = f"revision {revision} is" if revision else "neither a folder nor"
        raise not_from_hub(
            flag, name, error, holds, f"{at} {'not in' if revision else 'in'} the cache,"
        ) from error
    files = {each.rfilename for each in info.siblings or ()}
    config = next((config for config in configs if config in files), configs[0])
    if files and config not in files:
        raise InputError(f"{flag} {name}: {repository} holds no {' or '.join(configs)}")
    return HubCommit(repository, str(info.sha), config)
