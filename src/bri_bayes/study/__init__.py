"""What is asked of the data? The study, the model card and the roles of variables."""
