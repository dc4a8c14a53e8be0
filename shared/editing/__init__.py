"""Changes that people make to a transcript, as values: each can be applied, recorded, undone; standard library only."""
