"""Recognition: recognizers read text and identities of detected people and vehicles."""
