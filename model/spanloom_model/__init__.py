"""The words that every part of Spanloom shares. Standard library only."""
