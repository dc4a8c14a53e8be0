"""Who is let in, with which key and for what, and the trail of what they did."""
