"""What do all layers share? Errors, words, arrays, files and checked TOML."""
