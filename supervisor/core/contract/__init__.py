"""Every public JSON document: the report, the state of a running fleet, the requests of its control socket."""
