"""Command lines -> a frozen spec -> one call -> an exit code. No decision here."""
