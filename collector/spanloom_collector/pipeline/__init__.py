"""What happens to spans between the doors and storage: stages, each a function over columns."""
