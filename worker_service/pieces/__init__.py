"""Long recordings in pieces: where to cut, how to join what was heard, and whose voice is whose."""
