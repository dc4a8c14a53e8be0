"""How what was heard goes out: recordings, files of transcripts, what a search found."""
