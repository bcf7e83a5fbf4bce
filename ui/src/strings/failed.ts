export const failed = "That didn’t work. Try again.";
