"""What runs inside somebody else's Python process (boot/, body/), and the words both ends speak (wire)."""
