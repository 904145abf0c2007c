"""Data-free multi-label recognition: a classifier for several labels, from class names alone.

fit: names -> LLM: relations -> groups, sets of classes -> LLM: sentences -> nouns, labels -> CLIP's
text features -> Ray Train: hierarchical prompts -> classifier folder. No image is opened.
Labelling is ``label --classifier``, one CLIP pass.
"""
