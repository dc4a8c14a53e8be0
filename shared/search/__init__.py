"""Full text of transcripts: how text becomes terms, and what a query asks of them; standard library only."""
