"""What was observed, who was treated and when? Panels from files and from generators."""
