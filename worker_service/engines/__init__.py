"""Speech engines behind one port."""
