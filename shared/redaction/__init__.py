"""Names, mail addresses and numbers taken out of a transcript as it leaves; nothing of it is stored. Stdlib only."""
