"""Records -> text, Markdown, JSON, rich renderables. Pure: no clock, no terminal, no process."""
