"""From photographs to labels, a table and a classifier, in a program of one's own.

    uv run python -m examples.label_photos [FOLDER]

The photographs are drawn, so that this runs anywhere: with others, take out `draw_archive`, name
their classes, and say a real CLIP, such as ``clip="ViT-L-14/openai"``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import onoma
from fieldguide.archive import draw_archive


def main(folder: Path, count: int = 200) -> dict[str, object]:
    """Label an archive, look at what came out, and label a single image.

    Args:
        folder: new or empty, for the archive and the run.
        count: images to draw.

    Returns:
        ``accuracy`` of the run, ``labels`` of the classifier for the first images, and the least
        certain rows as ``doubtful``.
    """
    archive = folder / "archive"
    draw_archive(archive, count, seed=11)

    run = onoma.label(
        archive / "images",
        method="zero_shot",
        classes=archive / "classes.txt",
        clip="fieldguide",
        templates="simple",
        out=folder / "run",
    )
    print(run)

    table = run.to_pandas(["path", "label", "score", "error"])
    doubtful = table[table["error"].isna()].nsmallest(5, "score")
    print(doubtful.to_string(index=False))

    metrics = run.evaluate(archive / "truth.csv")
    print(f"accuracy {metrics['accuracy']:.2f} of {metrics['images']} images")

    images = [archive / "images" / path for path in table["path"][:3]]
    labels, scores = run.classifier()(images)
    print(labels, [round(score, 2) for score in scores])
    return {"accuracy": metrics["accuracy"], "labels": labels, "doubtful": doubtful}


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "label-photos"))
