"""AutoSEP: a description prompt learned from unlabelled images.

Hong et al., "Unlabeled Data Improves Fine-Grained Image Zero-shot Classification with Multimodal
LLMs" (arXiv 2506.03195). No weights are trained: prompts are rewritten by a model and kept if a
judge can tell, by the descriptions that they lead to, an image from others.
"""
