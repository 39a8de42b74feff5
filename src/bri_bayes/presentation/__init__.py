"""What stands in tables and sentences? Rows and wordings, by rule, without a file being written."""
