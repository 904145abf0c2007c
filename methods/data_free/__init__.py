"""Multi-label recognition without images: prompts of CLIP learned on sentences of an LLM.

After Yang et al., "Data-free Multi-label Image Recognition via LLM-powered Prompt Tuning" (arXiv
2403.01209): an LLM is asked what classes look like and what they are seen with; its sentences stand
in for images, as CLIP puts both in one space; prompts whose tokens are partly shared by classes
that are alike or seen together learn from them; from then on CLIP alone labels images. No code was
published, and what the abstract leaves open is a setting here. How text stands in for images,
losses and schedule are TaI-DPT's (Guo et al. 2023), in our own words; the rest is our
reconstruction, said where it stands.

`label_sets` and `questions` say what to ask, `answers` and `nouns` make labelled sentences of what
came, `balance` evens them out; `relations` and `groups` say which classes share tokens;
`text_features` is what is computed once of the sentences, `hierarchical_prompts` what learns,
`ranking`, `schedule` and `training` how; `thresholds` and
`methods.multi_label_scores` use what was learned.
"""
