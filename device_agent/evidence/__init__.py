"""What a gateway can prove of the sound it was to make: a probe that listens, and what follows from it."""
