"""Cascade: CLIP labels everything, a multimodal LLM looks again where that is worth a call.

scores: manifest -> fetch -> decode -> CLIP -> stage table.
pilot (with ``--pilot``): images spread over CLIP's confidence -> MLLM -> what asking would gain.
ask: the images within the budget, chosen for all at once -> fetch -> MLLM -> stage table.
label: scores, joined with what was answered -> labels.
"""
