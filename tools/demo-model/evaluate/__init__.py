"""What the model can do, measured on cases that training has not seen: other wordings, fonts, backgrounds, icons, voices."""
