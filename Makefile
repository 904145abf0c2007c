# What one types most while changing something; all of it is plain `uv run`, and works without make.
.DEFAULT_GOAL := help
.PHONY: help check test test-fast demo

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## linter, format, types
	uv run ruff check .
	uv run ruff format --check .
	uv run mypy

test: ## all tests
	uv run pytest

test-fast: ## tests that start no engine, browser or cluster and take seconds
	uv run pytest -n auto -m "not engine and not browser and not cluster and not slow"

demo: ## the whole story on the field guide, with a report
	uv run onoma demo
