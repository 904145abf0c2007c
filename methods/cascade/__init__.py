"""Cascade: CLIP labels everything, a multimodal LLM looks again where that is worth a call.

Pure: budgets (`budget`), how uncertain CLIP is (`uncertainty`), which images are asked about
(`choosing`), and what a pilot without labels says about cost and accuracy (`pilot`).
"""
