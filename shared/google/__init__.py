"""What is known of Google Speech-to-Text v2: languages, models, limits, prices; standard library only."""
