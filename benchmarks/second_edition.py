"""What each method is for, on the second edition of the drawn world: the table of claims.

    uv run python -m benchmarks.second_edition [--claims names fusion ...] [--count 1000]
        [--seeds A B C]

Claims are measured by the real commands on
three archives of seeds used for nothing else; printed are the mean of the differences, the lowest
and the highest, what was wanted, and whether it shows: the mean reaches what was wanted, and no
archive says the opposite. Weights of fusion are chosen with `benchmarks.fusion_weights` on other
seeds. What does not show stays in the table.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.second_world import Claim, World

SEEDS = (260_101, 260_102, 260_103)
"""Of the archives; no model was developed on them."""
_JUDGED = 2000
"""Images that NeaR is judged on."""
GROUPS = ("wetock", "quorol", "grequul")
"""Genera that AutoSEP is tried on, one for each seed."""
_BIRD: dict[str, Any] = {"category": "bird", "unit": "species"}


def names(world: World) -> Iterator[Claim]:
    """TLAC, SLAC, zero-shot."""
    found: dict[str, list[float]] = {"zero_shot": [], "slac": [], "tlac": []}
    for seed in world.seeds:
        archive = world.archive("birds", seed, world.count)
        for method, config in (
            ("zero_shot", "LabelZeroShotConfig"),
            ("slac", "LabelSlacConfig"),
            ("tlac", "LabelTlacConfig"),
        ):
            found[method].append(world.labelled(archive, method, config)["accuracy"])
    _say("accuracy", found)
    yield Claim("TLAC above SLAC", 0.04, _less(found["tlac"], found["slac"]))
    yield Claim("SLAC above zero_shot", 0.04, _less(found["slac"], found["zero_shot"]))


def fusion(world: World) -> Iterator[Claim]:
    """What Do You See: fused, its parts, the model alone; equal weights beside them."""
    found: dict[str, list[float]] = {
        key: [] for key in ("fused", "equal", "image", "description", "prediction", "mllm")
    }
    image, description, prediction = world.weights
    weighing = {
        "fused": {
            "image_weight": image,
            "description_weight": description,
            "prediction_weight": prediction,
        },
        "equal": {"image_weight": 1.0, "description_weight": 1.0, "prediction_weight": 1.0},
    }
    for seed in world.seeds:
        archive = world.archive("birds", seed, world.count)
        for name, settings in weighing.items():
            run = world.labelled(archive, f"wdys-{name}", "LabelWhatDoYouSeeConfig", **settings)
            found[name].append(run["accuracy"])
        for part in ("image", "description", "prediction", "mllm"):
            found[part].append(run["parts"][part])
    _say("accuracy", found)
    parts = zip(found["image"], found["description"], found["prediction"], strict=True)
    best = [max(each) for each in parts]
    yield Claim("what_do_you_see fused above its best part", 0.02, _less(found["fused"], best))
    yield Claim("fused above the MLLM alone", 0.02, _less(found["fused"], found["mllm"]))
    yield Claim("the same with equal weights, above its best part", 0.02,
                _less(found["equal"], best))  # fmt: skip


def autosep(world: World) -> Iterator[Claim]:
    """The learned prompt, the first one, no description, and the published loop."""
    from fieldguide.second.birds import NAMES

    ways: dict[str, dict[str, Any]] = {
        "improved": {"improvements": ["all"]},
        "published": {"paraphrases": 1, "max_children": 5},
    }
    found: dict[str, list[float]] = {key: [] for key in ("vanilla", "initial", *ways)}
    calls: dict[str, list[int]] = {way: [] for way in ways}
    for seed, genus in zip(world.seeds, GROUPS, strict=True):
        species = [name for name in NAMES if name.endswith(genus)]
        learn = world.archive(f"{genus}-learn", seed + 1000, 90, species=species)
        archive = world.archive(genus, seed, 300, species=species)
        common: dict[str, Any] = {"category": "bird", "seed": seed}
        for name, settings in (("vanilla", {"description": False}), ("initial", {})):
            run = world.labelled(archive, name, "LabelAutosepConfig", **common, **settings)
            found[name].append(run["accuracy"])
        for way, settings in ways.items():
            fit = learn / "fits" / way
            made = world.fitted(
                fit, "FitAutosepConfig", images=str(learn / "images"), sample=90,
                classes=str(learn / "classes.txt"), rewrite_images=0,
                response_cache=str(learn / "answers" / way), **common, **settings,
            )  # fmt: skip
            print(f"<!-- {genus}, {way}: {made['prompt']} -->", flush=True)
            calls[way].append(made["mllm_calls"])
            run = world.labelled(archive, way, "LabelAutosepConfig", prompt=str(fit), **common)
            found[way].append(run["accuracy"])
    _say("accuracy", found)
    print(f"calls: {calls}")
    yield Claim("AutoSEP's learned prompt above the first", 0.10,
                _less(found["improved"], found["initial"]))  # fmt: skip
    yield Claim("above no description", 0.10, _less(found["improved"], found["vanilla"]))
    yield Claim("improvements above the published loop less 1 point", 0.0,
                [d + 0.01 for d in _less(found["improved"], found["published"])])  # fmt: skip
    third = [1 / 3 - a / b for a, b in zip(calls["improved"], calls["published"], strict=True)]
    yield Claim("a third of its calls, less the share that was asked", 0.0, third)


def near(world: World) -> Iterator[Claim]:
    """NeaR with 3 % of the questions, naming each image, cross-entropy, PRODEN.

    All are judged on other images of the same world, which NeaR has not learned from either.
    """
    found: dict[str, list[float]] = {key: [] for key in ("mllm_names", "near", "ce", "proden")}
    for seed in world.seeds:
        archive = world.archive("many", seed, 10 * world.count)
        # more images say no more of an accuracy, and cost what all the rest does
        part = world.archive("part", seed + 2000, min(10 * world.count, _JUDGED))
        run = world.labelled(part, "mllm_names", "LabelMllmNamesConfig", **_BIRD)
        found["mllm_names"].append(run["cacc"])
        for training in ("near", "ce", "proden"):
            made = world.fitted(
                archive / "fits" / training, "FitNearConfig", images=str(archive / "images"),
                sample=3 * world.count // 10, training=training, seed=seed, **_BIRD,
            )  # fmt: skip
            run = world.labelled(part, f"{training}-classifier", "LabelClassifierConfig",
                                 classifier=made["classifier"])  # fmt: skip
            found[training].append(run["cacc"])
    _say("cACC", found)
    for other, text in (
        ("mllm_names", "NeaR above naming each image"),
        ("ce", "above cross-entropy"),
        ("proden", "above PRODEN"),
    ):
        yield Claim(text, 0.0, _less(found["near"], found[other]))


def data_free(world: World) -> Iterator[Claim]:
    """Hierarchical prompts, one for all, own ones, random groups, and zero-shot dense."""
    ways: dict[str, dict[str, Any]] = {
        "dense": {"baseline": "zero_shot_dense"},
        "global": {"baseline": "zero_shot"},
        "groups": {"hierarchy": "both"},
        "shared": {"hierarchy": "shared"},
        "own": {"hierarchy": "none"},
        "random": {"hierarchy": "both", "groups": "random"},
    }
    few: dict[str, Any] = {"sets_per_class": 2, "descriptions": 1, "use_templates": False}
    found: dict[str, list[float]] = {way: [] for way in ways}
    for seed in world.seeds:
        archive = world.archive("scenes", seed, world.count, kind="scenes")
        for way, settings in ways.items():
            texts = {} if "baseline" in settings else {**few, "seed": seed}
            made = world.fitted(
                archive / "fits" / way, "FitDataFreeConfig",
                classes=str(archive / "classes.txt"), **settings, **texts,
            )  # fmt: skip
            run = world.labelled(archive, f"data_free-{way}", "LabelClassifierConfig",
                                 classifier=made["classifier"])  # fmt: skip
            found[way].append(run["map"])
    _say("mAP", found)
    yield Claim("data_free: groups above one prompt for all", 0.01,
                _less(found["groups"], found["shared"]))  # fmt: skip
    yield Claim("groups above own prompts", 0.01, _less(found["groups"], found["own"]))
    yield Claim("LLM groups above random groups", 0.01, _less(found["groups"], found["random"]))
    worst = [min(each) for each in zip(found["groups"], found["shared"], found["own"], strict=True)]
    yield Claim("all of them above zero_shot dense", 0.05, _less(worst, found["dense"]))


def chance(world: World) -> Iterator[Claim]:
    """Where nothing can be known, nothing is: names shuffled, and images without a bird."""
    from fieldguide.second.birds import NAMES, frequencies

    # the best guess that knows no image is the most frequent species
    limit = float(frequencies().max())
    over: dict[str, list[float]] = {"shuffled names": [], "empty images": []}
    for seed in world.seeds:
        archive = world.archive("birds", seed, world.count)
        rng = np.random.default_rng(seed)
        shuffled = archive / "shuffled.csv"
        renamed = dict(zip(NAMES, (NAMES[at] for at in rng.permutation(len(NAMES))), strict=True))
        _rewrite(archive / "truth.csv", shuffled, renamed.__getitem__)
        empty = _emptied(world.root / f"empty-{seed}", archive)
        for config in ("LabelZeroShotConfig", "LabelTlacConfig"):
            name = config.removeprefix("Label").removesuffix("Config")
            run = world.labelled(archive, f"chance-{name}", config, truth=str(shuffled))
            over["shuffled names"].append(2 * limit - run["accuracy"])
            run = world.labelled(empty, f"chance-{name}", config)
            over["empty images"].append(2 * limit - run["accuracy"])
    for text, room in over.items():
        yield Claim(f"{text}: below twice the most frequent species' share, by", 0.0, room)


CLAIMS: dict[str, Callable[[World], Iterator[Claim]]] = {
    "names": names,
    "fusion": fusion,
    "autosep": autosep,
    "near": near,
    "data_free": data_free,
    "chance": chance,
}


def _less(these: list[float], those: list[float]) -> list[float]:
    return [one - other for one, other in zip(these, those, strict=True)]


def _say(metric: str, found: dict[str, list[float]]) -> None:
    cells = (f"{name} {np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"
             for name, values in found.items())  # fmt: skip
    print(f"{metric}: {', '.join(cells)}", flush=True)


def _rewrite(truth: Path, out: Path, renamed: Callable[[str], str]) -> None:
    with truth.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label"))
        writer.writerows((row["path"], renamed(row["label"])) for row in rows)


def _emptied(folder: Path, archive: Path) -> Path:
    """The archive with a scenery in place of every image."""
    from PIL import Image

    from fieldguide.backgrounds import draw_background
    from fieldguide.keys import generator
    from fieldguide.second.birds import HABITATS

    if not folder.exists():
        for number, path in enumerate(sorted((archive / "images").rglob("*.*"))):
            with Image.open(path) as picture:
                size = picture.size
            rng = generator("archive", 0, f"empty {folder.name}", number)
            place = HABITATS[int(rng.integers(len(HABITATS)))]
            out = folder / path.relative_to(archive)
            out.parent.mkdir(parents=True, exist_ok=True)
            draw_background(place, rng, *size).save(out)
        for name in ("truth.csv", "classes.txt"):
            (folder / name).write_bytes((archive / name).read_bytes())
    return folder


def main() -> None:
    """Measure the claims and print the table."""
    from ray_jobs.passes.mllm_pool import field_guide_replicas

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", default="fieldguide-2", help="as onoma label takes it")
    parser.add_argument("--mllm", default="fieldguide-2", help="as onoma label takes it")
    parser.add_argument("--seeds", type=int, nargs=3, default=SEEDS, help="of the archives")
    parser.add_argument("--claims", nargs="+", choices=list(CLAIMS), default=list(CLAIMS))
    parser.add_argument("--count", type=int, default=1000, help="images of an archive")
    parser.add_argument("--weights", type=float, nargs=3, default=(4.0, 1.0, 0.5))
    parser.add_argument("--work", type=Path, help="folder that keeps the archives and the runs")
    options = parser.parse_args()
    os.environ.setdefault("RAY_ADDRESS", "local")
    with tempfile.TemporaryDirectory() as temporary, field_guide_replicas(options.mllm):
        root = (options.work or Path(temporary)).resolve()
        models = options.clip, options.mllm
        weights, seeds = tuple(options.weights), tuple(options.seeds)
        world = World(root, *models, options.count, weights, seeds)
        print(describe())
        claims = [claim for name in options.claims for claim in CLAIMS[name](world)]
    print("| claim | wanted | mean | lowest to highest | shows |\n|---|---|---|---|---|")
    for claim in claims:
        print(claim.row())


if __name__ == "__main__":
    main()
