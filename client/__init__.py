"""The typed HTTP client and the `transcripts` command."""
