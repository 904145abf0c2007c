"""NeaR: an MLLM names a sample of an archive, CLIP learns those names and labels the rest.

fit: manifest -> sample -> fetch, decode -> CLIP -> features; sample -> MLLM -> names -> vocabulary,
candidate sets -> Ray Train: a prompt of CLIP's text tower -> classifier folder.
Labelling is ``label --classifier``, one CLIP pass.
"""
