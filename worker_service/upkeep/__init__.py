"""What workers clear up beside their jobs: lost, stray, orphaned and expired things."""
