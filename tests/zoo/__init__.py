"""Tiny folders of real architectures, asked by plain vLLM and by Onoma (README.md)."""
