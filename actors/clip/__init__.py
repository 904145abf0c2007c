"""CLIP: which model, its encoder, features of images and texts, scores."""
