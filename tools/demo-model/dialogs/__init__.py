"""What people ask and what the model should answer: random dialogues over a finite stock of spoken sentences."""
