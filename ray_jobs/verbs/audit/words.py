"""An audit in words: what the estimate supposes, and what a person sees on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from methods.audit.dependence import Suspicion
from ray_jobs.verbs.audit.labellers import Labeller

_SUPPOSED = (
    "Nobody has looked: the accuracy is inferred from how far labellers agree. It is right if they "
    "are right more often than they make the same mistake, and if they do not share mistakes "
    "beyond what was supposed: images hard for all, and one wrong label that an image suggests."
)


def assumptions(
    labellers: Sequence[Labeller], counted: Sequence[Labeller], suspicions: Sequence[Suspicion]
) -> list[str]:
    """What has to hold for the estimate to hold, and where it visibly does not."""
    said = [_SUPPOSED]
    names = [each.name for each in labellers]
    apart = _independent(len(names), suspicions)
    if apart == 1:
        said.append(
            "No labeller here is independent of this run: the interval rests on what was supposed, "
            "not on what was seen. Give --with a run of another model."
        )
    elif apart == 2:
        said.append(
            "There are two independent labellers. Of two, agreement does not tell which of them is "
            "the better one; a third makes the interval narrower."
        )
    for each in suspicions:
        first, second = (names[at] for at in each.pair)
        share = f"{first} and {second} agree on {each.agreement:.1%} of the images"
        if each.against is not None:
            share += f", and on {each.against:.1%} of those on which either differs from another"
        if each.kind == "copy":
            said.append(
                f"The assumption is broken or cannot be checked: {share}. One may be a copy of the "
                "other, and they count as little more than one labeller."
            )
        elif each.kind == "errors":
            said.append(
                f"The assumption looks broken: {share}. They share their mistakes, or are both far "
                "better than the rest; agreement cannot tell which."
            )
        else:
            left = [names[at] for at in each.pair if labellers[at] not in counted]
            what = f"{' and '.join(left)} {'is' if len(left) == 1 else 'are'} not counted"
            said.append(
                f"{share}. They ask the same model, so their mistakes are not independent: "
                + (what if left else "how far one repeats the other was estimated")
                + "."
            )
    return said


def _independent(count: int, suspicions: Sequence[Suspicion]) -> int:
    """How many groups of labellers there are that nothing connects."""
    group = list(range(count))
    for each in suspicions:
        one, other = (group[at] for at in each.pair)
        group = [one if at == other else at for at in group]
    return len(set(group))


def audit_lines(result: dict[str, Any]) -> list[str]:
    """What a person sees of an audit."""
    lines = []
    found = result["accuracy"]
    if found is None:
        lines.append(f"accuracy: not estimated; {result['note']}")
    else:
        lines.append(
            f"accuracy: about {found['estimate']:.1%}, between {found['low']:.1%} and "
            f"{found['high']:.1%} with a probability of {found['level']:.0%}, of "
            f"{result['images']:,} images, no label of a person read"
        )
        if result["note"]:
            lines.append(f"note: {result['note']}")
    lines += [f"supposed: {sentence}" for sentence in result["assumptions"]]
    for each in result["per_class"][:10]:
        lines.append(
            f"class {each['label']}: about {each['estimate']:.0%} of {each['images']:,} labels "
            f"right ({each['low']:.0%} to {each['high']:.0%})"
        )
    errors = result["likely_errors"]
    if errors:
        lines.append(f"likely label errors, the {len(errors)} likeliest; first of them:")
        for each in errors[:5]:
            other = f", others say {each['suggested']}" if each["suggested"] else ""
            chance = f"{each['right']:.0%} sure" if each["right"] is not None else "least score"
            lines.append(f"  {each['path']}: {each['label']} ({chance}{other})")
    balance = result["balance"]
    if balance["most"]:
        most, least = balance["most"][0], balance["least"][0]
        lines.append(
            f"balance: {most['label']} has {most['images']:,} images, {least['label']} "
            f"{least['images']:,}; {len(balance['empty'])} classes have none"
        )
    twins, far, writing = result["near_duplicates"], result["far"], result["writing"]
    lines.append(f"near-duplicates with different labels: {len(twins)}")
    lines += [
        f"  {e['paths'][0]} is {e['labels'][0]}, {e['paths'][1]} {e['labels'][1]}"
        for e in twins[:5]
    ]
    lines.append(f"images far from every class: {len(far)}")
    lines += [f"  {each['path']}: {each['label']}" for each in far[:5]]
    speaking = [each for each in writing if each["kinds"] != ["writing"]]
    lines.append(
        f"pictures with writing: {len(writing)}, of which {len(speaking)} name a class or speak to "
        "the model"
    )
    lines += [f"  {e['path']}: {e['text']!r} ({', '.join(e['kinds'])})" for e in speaking[:5]]
    if result["looked"]:
        lines.append(f"note: {result['looked']}")
    lines.append(f"all of it: {result['out']}, with pictures: {result['page']}")
    return lines
