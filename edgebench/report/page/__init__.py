"""Pages of a run: a document of sections, made of rows, and what it becomes as HTML and as Markdown."""
