"""Random schedules of faults: a fleet or a command, five to twenty faults, and an oracle outside of the product."""
