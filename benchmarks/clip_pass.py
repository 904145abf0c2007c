"""How close `onoma label zero_shot` comes to the limit: a bare loop of the same work.

    uv run python -m benchmarks.clip_pass [--count 2000] [--repeats 3] [--peer CLIP_RETRIEVAL]

Both label the same 500x375 JPEGs with the same ViT-B-32 (random weights) on the same cores. The
bare loop decodes a batch with one thread a core and runs the forward pass, in one process, over and
over: no Ray, no files written, no errors kept. Start-up is excluded and shown apart: the rate of
either is that of the images beyond the first quarter, (count - count / 4) / (seconds of all -
seconds of a quarter): processes, imports and model loading cancel out. They take turns. With
`--peer`, the path of a `clip-retrieval` command installed in an environment of its own, its image
inference (the same weights, batch and cores; it writes embeddings and gives no labels) is timed in
the same turns.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks import machine

WIDTH, HEIGHT, BATCH = 500, 375, 64


def draw(folder: Path, count: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    """Write JPEGs of width and height ``size`` with the detail of photographs: layers of noise."""
    from PIL import Image

    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        layers = np.zeros((size[1], size[0], 3))
        for side, weight in ((6, 0.5), (24, 0.3), (120, 0.2)):
            noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
            layers += weight * np.asarray(noise.resize(size, Image.Resampling.BICUBIC))
        picture = Image.fromarray(layers.clip(0, 255).astype(np.uint8))
        picture.save(folder / f"{index:05d}.jpg", quality=90)


def save_model(folder: Path, name: str = "ViT-B-32") -> None:
    """Save a model of open_clip with random weights as a folder."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = open_clip.create_model(name)
    folder.mkdir()
    weights = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    config = {"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))


def bare(images: Path, model: str, limit: int) -> float:
    """Label the first images with a plain loop; returns its seconds, model loading included."""
    started = time.perf_counter()
    from actors.clip.encoder import ClipEncoder
    from actors.clip.model import resolve_clip
    from actors.cores import usable_cores
    from actors.images.decode import input_pixels
    from methods.class_matrix import softmax_scores, top_k

    resolved = resolve_clip(model)
    how = resolved.preprocessing
    encoder = ClipEncoder(resolved, threads=usable_cores())
    matrix = encoder.encode_texts(["a photo of a cat.", "a photo of a dog."])
    files = sorted(images.iterdir())[:limit]

    def pixels(file: Path) -> np.ndarray:
        return input_pixels(file.read_bytes(), how)

    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(files), BATCH):
            batch = np.stack(list(pool.map(pixels, files[start : start + BATCH])))
            scores = softmax_scores(encoder.encode_pixels(batch), matrix, encoder.logit_scale)
            top_k(scores, 5)
    return time.perf_counter() - started


def ours(images: Path, model: Path, classes: Path, out: Path) -> float:
    """Label a folder with the command; returns its seconds, everything included."""
    command = [sys.executable, "-m", "ray_jobs", "label", "zero_shot", "--json"]
    command += ["--images", str(images), "--classes", str(classes), "--clip", str(model)]
    started = time.perf_counter()
    subprocess.run([*command, "--out", str(out)], check=True, capture_output=True)
    seconds = time.perf_counter() - started
    shutil.rmtree(out)
    return seconds


def peer(command: str, images: Path, model: Path, out: Path) -> float:
    """Embed a folder with clip-retrieval; returns its seconds, everything included."""
    weights = model / "open_clip_model.safetensors"
    flags = {
        "input_dataset": images,
        "output_folder": out,
        "clip_model": f"open_clip:ViT-B-32/{weights}",
        "batch_size": BATCH,
        "num_prepro_workers": 2,
        "enable_text": False,
        "enable_metadata": False,
        "use_jit": False,
        "enable_wandb": False,
    }
    words = [f"--{name}={value}" for name, value in flags.items()]
    started = time.perf_counter()
    subprocess.run([command, "inference", *words], check=True, capture_output=True)
    seconds = time.perf_counter() - started
    shutil.rmtree(out)
    return seconds


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer", metavar="CLIP_RETRIEVAL")
    parser.add_argument("--bare", nargs=3, metavar=("IMAGES", "MODEL", "LIMIT"))
    options = parser.parse_args()
    if options.bare:
        images, model, limit = options.bare
        print(bare(Path(images), model, int(limit)))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.count, options.repeats, options.peer)


def measure(root: Path, count: int, repeats: int, peer_command: str | None) -> None:
    """Time a quarter and the whole, everybody in turns."""
    few = count // 4
    draw(root / "all", count)
    (root / "few").mkdir()
    for file in sorted((root / "all").iterdir())[:few]:
        (root / "few" / file.name).hardlink_to(file)
    save_model(root / "model")
    (root / "classes.txt").write_text("cat\ndog\n")
    script = [sys.executable, "-m", "benchmarks.clip_pass", "--bare"]
    script += [str(root / "all"), str(root / "model")]

    def seconds(who: str, limit: int) -> float:
        images = root / ("few" if limit == few else "all")
        if who == "bare":
            done = subprocess.run([*script, str(limit)], check=True, capture_output=True, text=True)
            return float(done.stdout)
        if who == "peer" and peer_command:
            return peer(peer_command, images, root / "model", root / "embeddings")
        return ours(images, root / "model", root / "classes.txt", root / "run")

    names = ("bare", "onoma", "peer") if peer_command else ("bare", "onoma")
    print(f"clip_pass: {count} JPEGs of {WIDTH}x{HEIGHT}, ViT-B-32 fp32; {machine.describe()}")
    print(
        f"{'':8}"
        + "".join(f"{name + ' img/s':>13}{'start-up s':>12}" for name in names)
        + "  ratio"
    )
    ratios = []
    for turn in range(repeats):
        rates, cells = {}, ""
        for who in names:
            short, whole = seconds(who, few), seconds(who, count)
            rates[who] = (count - few) / (whole - short)
            cells += f"{rates[who]:>13.1f}{short - few / rates[who]:>12.1f}"
        ratios.append(rates["onoma"] / rates["bare"])
        print(f"turn {turn + 1:<3}{cells}{ratios[-1]:>7.3f}", flush=True)
    print(f"median of onoma / bare: {statistics.median(ratios):.3f} (to reach: 0.90)")


if __name__ == "__main__":
    main()
