"""The dashboard: its view, its client on a real terminal, what a frame costs."""
