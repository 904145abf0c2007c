"""What the tiny multimodal model learns: one module for each family of tasks, and their mixture."""
