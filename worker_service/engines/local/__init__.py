"""Speech on this machine's CPU: faster-whisper for words, d-vectors for speakers."""
