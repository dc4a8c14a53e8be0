"""The HTTP service: takes recordings in, answers where they stand, gives transcripts out."""
