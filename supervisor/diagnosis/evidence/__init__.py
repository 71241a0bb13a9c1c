"""What was seen: messages of the agents and looks from outside, gathered as notes without any conclusion."""
