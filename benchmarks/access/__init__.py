"""What keys and limits cost a poll."""
