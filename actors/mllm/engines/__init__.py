"""What answers requests: vLLM in this process or on GPUs, an endpoint, or a table."""
