"""Task: questions that nothing in this world answers."""

from typing import Final

import numpy as np

from fieldguide.mllm_tasks.sample import Facts, Sample, pick

REFUSAL: Final = "I cannot tell from this image."
QUESTIONS: Final = (
    "Who is in this photo?",
    "Who took this photo?",
    "When was this photo taken?",
    "In which country was this photo taken?",
    "What time is it in this image?",
    "How old is this?",
    "How much does it cost?",
    "What is the name of the person?",
    "What does the text in this image say?",
    "Who painted this picture?",
)


def refuse(facts: Facts, rng: np.random.Generator) -> Sample:
    """A picture of anything and a question about something else."""
    del facts
    return Sample("refusal", pick(QUESTIONS, rng), REFUSAL, True)
