"""What is on disk: run folders, manifests, ledgers, stage tables, class names and prompts."""
