"""Measure a saved tiny CLIP on freshly drawn images and print the figures.

    python -m fieldguide.clip_evaluation --seed 1 [--clip FOLDER] [--json]

Images are of the `dev` domain, drawn as files of an archive are. Nothing is trained here.
"""

import argparse
import json
import logging
import sys
from pathlib import Path

import numpy as np
import torch
from open_clip.model import CLIP
from sklearn.metrics import average_precision_score
from torch.nn.functional import normalize

from fieldguide import CLIP_FOLDER
from fieldguide.captions import full_caption
from fieldguide.clip_model import Tokenizer, load_folder, patch_tokens, text_features, to_input
from fieldguide.clip_pools import GRID, Pool, draw_pool
from fieldguide.keys import Domain
from fieldguide.scenes import CATEGORIES, scene
from fieldguide.world import ATTRIBUTES, NAMES, genus_majority

NAME_TEXT = "a photo of a {}."
_BATCH = 250

Figures = dict[str, float]


class Measured:
    """A model and its texts, asked about pools of images."""

    def __init__(self, model: CLIP, tokenizer: Tokenizer) -> None:
        self._model, self._tokenizer = model, tokenizer

    @torch.inference_mode()
    def texts(self, texts: list[str]) -> np.ndarray:
        """L2-normalised text features."""
        return text_features(self._model, self._tokenizer(texts)).float().numpy()

    @torch.inference_mode()
    def images(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """L2-normalised global features (N, D) and patch features (N, 36, D)."""
        dense = []
        for start in range(0, len(pixels), _BATCH):
            tokens = patch_tokens(self._model, to_input(pixels[start : start + _BATCH]))
            dense.append(tokens.float() @ self._model.visual.proj.float())
        patches = torch.cat(dense)
        globals_ = normalize(patches.mean(dim=1), dim=-1)
        return globals_.numpy(), normalize(patches, dim=-1).numpy()


def evaluate(
    model: CLIP, tokenizer: Tokenizer, seed: int, count: int = 600, domain: Domain = "dev"
) -> Figures:
    """All figures, on `count` images each of independent birds, of species and of scenes."""
    measured = Measured(model, tokenizer)
    independent = draw_pool("independent", domain, seed, count, True)
    species = draw_pool("species", domain, seed, count, True)
    scenes = draw_pool("scenes", domain, seed, count, True)
    return {
        **_attributes(measured, independent),
        **species_figures(measured, species),
        **_scenes(measured, scenes, domain, seed),
    }


def _attributes(measured: Measured, pool: Pool) -> Figures:
    """By full text (the other five attributes true) and by a text of the one attribute only."""
    images, _ = measured.images(pool.pixels)
    names, values = list(ATTRIBUTES), list(ATTRIBUTES.values())
    truth = [
        {name: values[place][row[place]] for place, name in enumerate(names)} for row in pool.traits
    ]
    majority = genus_majority()
    figures = {}
    for place, name in enumerate(names):
        options = values[place]
        texts = [full_caption({**told, name: option}) for told in truth for option in options]
        distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        features = measured.texts(list(distinct))[[distinct[text] for text in texts]]
        scores = np.einsum("nd,nod->no", images, features.reshape(len(truth), len(options), -1))
        alone = images @ measured.texts([full_caption({name: option}) for option in options]).T
        right = pool.traits[:, place]
        figures[f"{name}, full text"] = float((scores.argmax(1) == right).mean())
        figures[f"{name}, alone"] = float((alone.argmax(1) == right).mean())
        figures[f"{name}, genus majority"] = majority[name]
    return figures


def species_figures(measured: Measured, pool: Pool) -> Figures:
    """How often the name alone, among all species, is right; and the genus; and who is named."""
    images, _ = measured.images(pool.pixels)
    named = (images @ measured.texts([NAME_TEXT.format(name) for name in NAMES]).T).argmax(1)
    genera = np.array([name.split()[1] for name in NAMES])
    return {
        "species from names": float((named == pool.species).mean()),
        "genus from names": float((genera[named] == genera[pool.species]).mean()),
        "species named at all": len(set(named.tolist())) / len(NAMES),
    }


def _scenes(measured: Measured, pool: Pool, domain: Domain, seed: int) -> Figures:
    images, patches = measured.images(pool.pixels)
    texts = measured.texts([NAME_TEXT.format(category) for category in CATEGORIES])
    scores = images @ texts.T
    dense = patches @ texts.T
    hits, areas = [], []
    for index in range(len(images)):
        for thing in scene(domain, seed, index).things:
            best = int(dense[index, :, CATEGORIES.index(thing.category)].argmax())
            x, y = (best % GRID + 0.5) / GRID, (best // GRID + 0.5) / GRID
            left, top, right, bottom = thing.box
            hits.append(left <= x <= right and top <= y <= bottom)
            areas.append((right - left) * (bottom - top))
    return {
        "scene mAP, global": float(average_precision_score(pool.categories, scores)),
        "scene mAP, best patch": float(average_precision_score(pool.categories, dense.max(1))),
        "scene mAP, chance": float(pool.categories.mean()),
        "patch in box": float(np.mean(hits)),
        "patch in box, chance": float(np.mean(areas)),
    }


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(description="Held-out figures of the field guide's CLIP.")
    parser.add_argument("--clip", type=Path, default=CLIP_FOLDER, help="open_clip model folder")
    parser.add_argument("--seed", type=int, default=0, help="seed of the dev images")
    parser.add_argument("--count", type=int, default=1000, help="images of each kind")
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
