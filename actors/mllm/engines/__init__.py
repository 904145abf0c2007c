"""What answers requests: vLLM on GPUs or on this machine's CPU, an endpoint, or a file."""
