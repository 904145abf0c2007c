"""NeaR: fine-grained names for images when no list of class names exists.

Kuchibhotla, Kancheti, Reddy and Balasubramanian, "Efficient Vocabulary-Free Fine-Grained Visual
Recognition in the Age of Multimodal LLMs" (arXiv 2505.01064). A multimodal LLM names a few
unlabelled images, once. Its names are noisy: wrong, differently worded, open-ended. So each image
gets a set of candidate names from its nearest neighbours, a mixture model on the losses tells clean
names from noisy ones, and a prompt of CLIP is learned on labels that are refined all the while.
From then on CLIP alone names images.

`methods.discovered_names` turns answers into a vocabulary, `candidates` neighbours into candidate
sets, `predictions` and `split` tell clean from noisy, `alignment` and `refine` make targets;
`prompt_learner` is what learns, `training` the loop around it, and `shared_learner` shares it out
to several processes. No code was published with the paper; what its abstract and figure leave open
is a setting here, with a default of ours or of a neighbouring work, named where it stands.
"""
