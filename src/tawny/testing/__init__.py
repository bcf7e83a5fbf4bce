"""What tests, ours and a plug-in author's, are made with."""
