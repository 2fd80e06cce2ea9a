"""Pages of a result: one file each, nothing loaded from elsewhere, inert whatever the target said."""
