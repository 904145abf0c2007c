"""What the second edition's multimodal model learns: a module for each family of tasks."""
