"""Still images: JPEG, GIF, masks, contact sheets."""
