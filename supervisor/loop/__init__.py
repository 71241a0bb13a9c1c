"""The only event loop: a fact arrives, core decides, system carries the decision out."""
