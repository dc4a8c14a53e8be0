"""Any recording becomes 16 kHz mono FLAC, in a child process."""
