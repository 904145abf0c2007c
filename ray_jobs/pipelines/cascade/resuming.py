"""A budget held by a run that was killed: answers that were on their way are lost, and were paid.

Calls are written down before they are made (`actors.mllm.journal`). A resumed run counts them, and
leaves out as many of the least uncertain images as calls were lost: CLIP decides those.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors import storage
from actors.mllm.journal import CallsMade, read_calls
from actors.storage.tables import write_table
from methods.cascade.choosing import Ids, affordable
from ray_jobs.config import LabelCascadeConfig
from ray_jobs.passes.generate import open_cached
from ray_jobs.passes.job import Job
from ray_jobs.pipelines.cascade.choosing import decided, doubts_of, ids_of
from ray_jobs.pipelines.cascade.inputs import CascadeInputs
from ray_jobs.pipelines.cascade.spending import ALLOWED, ASK, PILOT, journal_of
from ray_jobs.runs.ledger import ids_committed

logger = logging.getLogger(f"onoma.{__name__}")


def hold_budget(job: Job, config: LabelCascadeConfig, inputs: CascadeInputs, name: str) -> None:
    """Take out of a pass what its budget has no room for, after an attempt that was killed.

    Args:
        job: with replicas of the model.
        config, inputs: of the run.
        name: of the pass that is about to ask.
    """
    run, known = job.run, decided(job.run)
    journal = journal_of(run)
    if ALLOWED not in known or not known[name] or not storage.list_files(journal, ".parquet"):
        return
    done = ids_committed(run.checkpoint(name))
    if len(done) == known[name]:
        return
    responses = {query.name: open_cached(job, query).folder for query in inputs.queries}
    calls = _read_elsewhere(journal, responses)
    path = storage.join(run.uri, f"{name}.parquet")
    filesystem, place = storage.resolve(path)
    listed = pq.read_table(place, filesystem=filesystem, partitioning=None)
    asked = listed.column("image_id").to_numpy()
    if name == ASK:
        earlier = ids_of(run, PILOT)
        done, asked = np.concatenate([done, earlier]), np.concatenate([asked, earlier])
    each = inputs.calls_each
    made, answered = _of_images(calls, asked)
    settled = np.isin(asked, done)
    left = np.where(settled, 0, each - answered)
    ids, doubts = doubts_of(run, config, inputs)
    order = np.argsort(ids, kind="stable")
    own = doubts[order[np.searchsorted(ids[order], asked)]]
    kept = affordable(asked, own, made, left, each, int(known[ALLOWED]))
    lost = int(np.maximum(0, made - np.where(settled, each, answered)).sum())
    known["calls_lost"] = lost
    if not kept.all():
        wanted = pa.array(asked[kept], pa.int64())
        listed = listed.filter(pc.is_in(listed.column("image_id"), wanted))
        write_table(path, listed)
        logger.warning(
            "%d answers were on their way when the job was killed, and count: %d images fewer are "
            "asked about",
            lost,
            int((~kept).sum()),
        )
    if name == ASK:
        known["images_asked"] = int(kept.sum())
    run.save(cascade={**known, name: listed.num_rows})


def _read_elsewhere(journal: str, responses: Mapping[str, str]) -> CallsMade:
    """`read_calls` in a task: keys of a response cache are none of the driver's."""
    import ray

    found: CallsMade = ray.get(
        ray.remote(read_calls).options(num_cpus=0).remote(journal, dict(responses))
    )
    return found


def _of_images(calls: CallsMade, ids: Ids) -> tuple[Ids, Ids]:
    """Calls made and queries answered of some images, int64 (n,) each; 0 where none was made."""
    made, answered = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    at = np.minimum(np.searchsorted(calls.ids, ids), max(len(calls.ids) - 1, 0))
    there = calls.ids[at] == ids if len(calls.ids) else np.zeros(len(ids), np.bool_)
    made[there], answered[there] = calls.made[at[there]], calls.answered[at[there]]
    return made, answered
