"""What networks are made of, in torch."""
