"""Real open_clip architectures made small: published configurations with random weights."""
