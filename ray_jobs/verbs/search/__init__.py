"""The verb ``search``: images of an embedding folder by a text, by an image, or by each other.

Nothing of Ray is started: a store is read as a stream, and one text or image is encoded here.
"""

from __future__ import annotations

from typing import Any

from actors.embedding_store import open_store
from methods.errors import InputError
from ray_jobs.config import SearchConfig
from ray_jobs.verbs.search.neighbours import find_duplicates, find_outliers
from ray_jobs.verbs.search.page import check_page, write_page
from ray_jobs.verbs.search.query import find_nearest, image_query, text_query


def search(config: SearchConfig) -> dict[str, Any]:
    """Find images, and write a page with them where that is asked for.

    Returns:
        What was looked for, and ``results``, best first: ``image_id``, ``path``, ``uri`` and a
        number (``similarity`` or ``outlier_score``); a near-duplicate also has ``duplicate_of``
        and ``duplicate_of_path``.

    Raises:
        InputError: the folder is no whole store, its CLIP is another one now, there is nothing to
            look for or several things, or an image cannot be read.
    """
    folder, *texts = config.words
    text = texts[0].strip() if texts else None
    asked = {
        "a text": texts,
        "--like": config.like is not None,
        "--duplicates": config.duplicates,
        "--outliers": config.outliers,
    }
    given = [name for name, value in asked.items() if value]
    if len(given) != 1:
        said = f"{' and '.join(given)} are given" if given else "nothing to look for is given"
        raise InputError(f"search {folder}: {said}; give one of {', '.join(asked)}")
    if text == "":
        raise InputError(f'search {folder}: the text is empty; say what to look for, "a red bird"')
    store = open_store(folder, "search")
    if config.html is not None:
        check_page(config.html)
    if config.duplicates:
        what = {"looked_for": "near-duplicates", **find_duplicates(store, config)}
    elif config.outliers:
        what = {"looked_for": "outliers", **find_outliers(store, config)}
    else:
        query = text_query(store, config, text) if text else image_query(store, config)
        what = {
            "looked_for": text or f"images like {config.like}",
            "results": find_nearest(store, query, config.top),
        }
    page = {} if config.html is None else {"html": write_page(store, what, config.html)}
    return {"embeddings": store.uri, "images": store.count, **what, **page}
