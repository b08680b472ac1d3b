"""One search for all backends that show their spans as blocks: column arithmetic, newest first."""
