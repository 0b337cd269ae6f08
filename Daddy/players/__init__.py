"""Players that learn nothing, to measure agents against: random play, and the recorded walkthrough as the ceiling."""
