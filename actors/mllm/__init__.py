"""Multimodal LLMs: which model, what is asked, engines that answer, and the response cache."""
