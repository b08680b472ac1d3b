"""How applications should sample: strategies from a file, answered to their samplers."""
