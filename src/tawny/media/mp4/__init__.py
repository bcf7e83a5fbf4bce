"""Reading and writing MP4: boxes, fragments, sample tables, progressive files."""
