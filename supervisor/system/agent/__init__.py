"""The agent from our side: it is brought into a worker through the environment, and its messages come in here."""
