"""The worker: claims jobs, turns recordings into transcripts, and never pays twice."""
