"""The administrative tree, effective-dated."""
