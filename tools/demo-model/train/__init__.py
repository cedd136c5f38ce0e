"""Training: the model's shape, its forward pass, packed rows of dialogues, the loop, and what comes out of it."""
