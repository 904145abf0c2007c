"""Measure the second edition's CLIP on freshly drawn pictures and print the figures.

    python -m fieldguide.second.clip_evaluation --seed 1 [--clip FOLDER] [--json]

Pictures are of the `dev` domain, drawn as files of an archive are. Attributes are measured on birds
with independently drawn attributes. Nothing is trained here.
"""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Final

import numpy as np
from open_clip.model import CLIP
from sklearn.metrics import average_precision_score

from fieldguide.clip_evaluation import Measured
from fieldguide.clip_model import Tokenizer, load_folder
from fieldguide.keys import Domain
from fieldguide.second.birds import ATTRIBUTES, NAMES, SPECIES, genus_majority
from fieldguide.second.captions import full_caption
from fieldguide.second.pools import CLIP_SIZE, GRID, Pictures, draw_pictures
from fieldguide.second.scenes import CATEGORIES, UNSAID, sight

NAME_TEXT: Final = "a photo of a {}."
CLIP_FOLDER: Final = Path(__file__).parent / "clip"

Figures = dict[str, float]


def evaluate(
    model: CLIP, tokenizer: Tokenizer, seed: int, count: int = 600, domain: Domain = "dev"
) -> Figures:
    """All figures, on `count` pictures each of independent birds, of species and of scenes."""
    measured = Measured(model, tokenizer)
    indices = range(count)
    independent = draw_pictures("independent", domain, seed, indices, CLIP_SIZE)
    species = draw_pictures("species", domain, seed, indices, CLIP_SIZE)
    scenes = draw_pictures("scenes", domain, seed, indices, CLIP_SIZE)
    return {
        **_attributes(measured, independent),
        **_species(measured, species),
        **_scenes(measured, scenes, domain, seed),
    }


def names_known(model: CLIP, tokenizer: Tokenizer, pool: Pictures) -> float:
    """The share of pictures that list names alone get right."""
    return _species(Measured(model, tokenizer), pool)["species from list names"]


def _attributes(measured: Measured, pool: Pictures) -> Figures:
    """By a text of the whole and the one attribute, the whole being true, and by it alone."""
    images, _ = measured.images(pool.pixels)
    majority, figures = genus_majority(), {}
    for place, (name, values) in enumerate(ATTRIBUTES.items()):
        alone = images @ measured.texts([full_caption({name: value}) for value in values]).T
        right = pool.traits[:, place]
        figures[f"{name}, alone"] = float((alone.argmax(1) == right).mean())
        figures[f"{name}, genus majority"] = majority[name]
        figures[f"{name}, chance"] = 1 / len(values)
    return figures


def _species(measured: Measured, pool: Pictures) -> Figures:
    images, _ = measured.images(pool.pixels)
    birds = list(SPECIES.values())

    def right(texts: list[str]) -> np.ndarray:
        return np.asarray((images @ measured.texts(texts).T).argmax(1) == pool.species)

    named = (images @ measured.texts([NAME_TEXT.format(name) for name in NAMES]).T).argmax(1)
    genera = np.array([bird.genus for bird in birds])
    folk = [bird.folk if bird.folk_read else bird.name for bird in birds]
    read = np.array([bird.folk_read for bird in birds])[pool.species]
    facts = [full_caption(bird.plumage._asdict()) for bird in birds]
    frequent = np.array([bird.rank <= 15 for bird in birds])[pool.species]
    known = named == pool.species
    return {
        "species from list names": float(known.mean()),
        "the same, 15 most frequent": float(known[frequent].mean()),
        "the same, all others": float(known[~frequent].mean()),
        "genus from list names": float((genera[named] == genera[pool.species]).mean()),
        "species from read folk names": float(
            right([NAME_TEXT.format(name) for name in folk])[read].mean()
        ),
        "species from all attributes": float(right(facts).mean()),
        "species named at all": len(set(named.tolist())) / len(NAMES),
    }


def _scenes(measured: Measured, pool: Pictures, domain: Domain, seed: int) -> Figures:
    images, patches = measured.images(pool.pixels)
    texts = measured.texts([NAME_TEXT.format(category) for category in CATEGORIES])
    dense = patches @ texts.T
    hits, areas = [], []
    for index in range(len(images)):
        for item in sight(domain, seed, index).items:
            best = int(dense[index, :, CATEGORIES.index(item.category)].argmax())
            x, y = (best % GRID + 0.5) / GRID, (best // GRID + 0.5) / GRID
            left, top, right, bottom = item.box
            hits.append(left <= x <= right and top <= y <= bottom)
            areas.append((right - left) * (bottom - top))
    there = np.asarray(pool.categories.any(axis=0))
    unsaid = np.array([category in UNSAID for category in CATEGORIES])

    def precision(scores: np.ndarray, which: np.ndarray) -> float:
        return float(average_precision_score(pool.categories[:, which], scores[:, which]))

    scores = images @ texts.T
    return {
        "scene mAP, global": precision(scores, there),
        "scene mAP, said": precision(scores, np.asarray(there & ~unsaid)),
        "scene mAP, unsaid": precision(scores, np.asarray(there & unsaid)),
        "scene mAP, best patch": precision(dense.max(1), there),
        "scene mAP, chance": float(pool.categories[:, there].mean()),
        "patch in box": float(np.mean(hits)),
        "patch in box, chance": float(np.mean(areas)),
    }


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(description="Held-out figures of the second edition's CLIP.")
    parser.add_argument("--clip", type=Path, default=CLIP_FOLDER, help="open_clip model folder")
    parser.add_argument("--seed", type=int, default=0, help="seed of the dev pictures")
    parser.add_argument("--count", type=int, default=1000, help="pictures of each kind")
    parser.add_argument("--json", action="store_true", help="one JSON object, not a table")
    options = parser.parse_args()
    figures = evaluate(*load_folder(options.clip), seed=options.seed, count=options.count)
    if options.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        lines = (f"| {name} | {value:.3f} |\n" for name, value in figures.items())
        sys.stdout.write("| figure | value |\n|---|---|\n" + "".join(lines))


if __name__ == "__main__":
    main()
