"""What Do You See: fit a classifier from names and an LLM's texts, label with answers fused in.

fit: names -> LLM -> stage tables -> CLIP -> class matrix -> classifier folder.
label: fit into the run unless a classifier is given; manifest -> fetch -> what is known -> decode
-> MLLM, both questions about an image together -> stage table -> fetch -> decode -> CLIP, image and
texts -> fused labels.
"""
