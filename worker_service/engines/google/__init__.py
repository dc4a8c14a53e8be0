"""Google Speech-to-Text v2 through long-running operations."""
