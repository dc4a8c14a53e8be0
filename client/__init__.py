"""The typed clients of the HTTP API, asynchronous and synchronous, and the `transcripts` command."""
